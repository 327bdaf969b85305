#include "process/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

// The bytes of a message before its text.
struct header {
    uint64_t generation;
    uint32_t type;
    uint16_t listener_count;
    uint8_t has; // bit i: the message carries fds[i]
    uint8_t log_level;
    uint8_t log_daemon;
    uint8_t unused[7];
};

enum result ipc_pair(int fds[2]) {
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
        return RESULT_ERROR;
    }
    int flags = fcntl(fds[0], F_GETFL);
    if (flags < 0 || fcntl(fds[0], F_SETFL, flags | O_NONBLOCK) != 0) {
        (void)close(fds[0]);
        (void)close(fds[1]);
        return RESULT_ERROR;
    }
    return RESULT_OK;
}

void ipc_init(struct ipc_message *message, enum ipc_type type, uint64_t generation) {
    message->type = type;
    message->generation = generation;
    message->log_level = LOG_LEVEL_INFO;
    message->log_daemon = SINK_NO_DAEMON;
    for (size_t i = 0; i < IPC_FD_COUNT; i++) {
        message->fds[i] = -1;
    }
    message->listener_count = 0;
    message->is_cut = false;
    message->text[0] = '\0';
}

static size_t collect_fds(const struct ipc_message *message, struct header *header,
                          int fds[IPC_FDS_MAX]) {
    size_t count = 0;
    for (size_t i = 0; i < IPC_FD_COUNT; i++) {
        if (message->fds[i] >= 0) {
            header->has = (uint8_t)(header->has | 1U << i);
            fds[count++] = message->fds[i];
        }
    }
    for (size_t i = 0; i < message->listener_count; i++) {
        fds[count++] = message->listeners[i];
    }
    return count;
}

void ipc_attach_fds(struct msghdr *message, union ipc_room *room, const int *fds, size_t count) {
    if (count == 0) {
        return;
    }
    memset(room, 0, sizeof(*room));
    message->msg_control = room->bytes;
    message->msg_controllen = CMSG_SPACE(count * sizeof(int));
    struct cmsghdr *part = CMSG_FIRSTHDR(message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(part), fds, count * sizeof(int));
}

enum result ipc_send(int fd, const struct ipc_message *message) {
    struct header header = {
        .generation = message->generation,
        .type = (uint32_t)message->type,
        .listener_count = (uint16_t)message->listener_count,
        .log_level = (uint8_t)message->log_level,
        .log_daemon = (uint8_t)message->log_daemon,
    };
    int fds[IPC_FDS_MAX];
    size_t count = collect_fds(message, &header, fds);
    struct iovec parts[] = {
        {&header, sizeof(header)},
        {(void *)(uintptr_t)message->text, strnlen(message->text, sizeof(message->text) - 1)},
    };
    struct msghdr wire = {.msg_iov = parts, .msg_iovlen = 2};
    union ipc_room room;
    ipc_attach_fds(&wire, &room, fds, count);
    ssize_t sent;
    do {
        sent = sendmsg(fd, &wire, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        return RESULT_OK;
    }
    if (errno == EAGAIN || errno == ENOBUFS) {
        return RESULT_AGAIN;
    }
    return errno == EPIPE || errno == ECONNRESET ? RESULT_EOF : RESULT_ERROR;
}

enum result ipc_send_type(int fd, enum ipc_type type, uint64_t generation) {
    struct ipc_message message;
    ipc_init(&message, type, generation);
    return ipc_send(fd, &message);
}

size_t ipc_detach_fds(struct msghdr *message, int *fds, size_t capacity) {
    size_t count = 0;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL;
         part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        size_t here = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < here; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(fd));
            if (count < capacity) {
                fds[count++] = fd;
            } else {
                (void)close(fd);
            }
        }
    }
    return count;
}

static bool header_is_valid(const struct header *header) {
    return header->type >= IPC_LOAD && header->type < IPC_TYPE_END &&
           header->has < 1U << IPC_FD_COUNT && header->listener_count <= IPC_LISTENERS_MAX &&
           header->log_level <= LOG_LEVEL_DEBUG && header->log_daemon <= SINK_DAEMON_JOURNAL;
}

static size_t count_fds(const struct header *header) {
    return (size_t)__builtin_popcount(header->has) + header->listener_count;
}

static void close_all(const int *fds, size_t count) {
    for (size_t i = 0; i < count; i++) {
        (void)close(fds[i]);
    }
}

static void fill(struct ipc_message *message, const struct header *header, const int *fds) {
    ipc_init(message, (enum ipc_type)header->type, header->generation);
    message->log_level = (enum log_level)header->log_level;
    message->log_daemon = (enum sink_daemon)header->log_daemon;
    for (size_t i = 0; i < IPC_FD_COUNT; i++) {
        if ((header->has & 1U << i) != 0) {
            message->fds[i] = *fds++;
        }
    }
    message->listener_count = header->listener_count;
    memcpy(message->listeners, fds, message->listener_count * sizeof(int));
}

static ssize_t receive(int fd, struct msghdr *wire) {
    ssize_t size;
    do {
        size = recvmsg(fd, wire, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (size < 0 && errno == EINTR);
    return size;
}

// Whether a message has the descriptors that its header names. Cut: only some, because this process
// has too few free ones.
static bool has_its_fds(const struct header *header, size_t count, bool is_cut) {
    return is_cut ? count < count_fds(header) : count == count_fds(header);
}

enum result ipc_receive(int fd, struct ipc_message *message) {
    struct header header;
    char text[sizeof(message->text)];
    struct iovec parts[] = {{&header, sizeof(header)}, {text, sizeof(text) - 1}};
    union ipc_room room;
    struct msghdr wire = {.msg_iov = parts,
                          .msg_iovlen = 2,
                          .msg_control = room.bytes,
                          .msg_controllen = sizeof(room.bytes)};
    ssize_t size = receive(fd, &wire);
    if (size < 0) {
        return errno == EAGAIN ? RESULT_AGAIN : errno == ECONNRESET ? RESULT_EOF : RESULT_ERROR;
    }
    int fds[IPC_FDS_MAX] = {0};
    size_t count = ipc_detach_fds(&wire, fds, IPC_FDS_MAX);
    if (size == 0 && count == 0) {
        return RESULT_EOF;
    }
    // An empty datagram may carry descriptors, too.
    bool is_cut = (wire.msg_flags & MSG_CTRUNC) != 0;
    if ((size_t)size < sizeof(header) || (wire.msg_flags & MSG_TRUNC) != 0 ||
        !header_is_valid(&header) || !has_its_fds(&header, count, is_cut)) {
        close_all(fds, count);
        return RESULT_ERROR;
    }
    if (is_cut) {
        close_all(fds, count);
        header.has = 0;
        header.listener_count = 0;
    }
    fill(message, &header, fds);
    message->is_cut = is_cut;
    size_t text_size = (size_t)size - sizeof(header);
    memcpy(message->text, text, text_size);
    message->text[text_size] = '\0';
    return RESULT_OK;
}

int ipc_take(struct ipc_message *message, enum ipc_fd which) {
    int fd = message->fds[which];
    message->fds[which] = -1;
    return fd;
}

void ipc_close(struct ipc_message *message) {
    for (size_t i = 0; i < IPC_FD_COUNT; i++) {
        if (message->fds[i] >= 0) {
            (void)close(message->fds[i]);
            message->fds[i] = -1;
        }
    }
    for (size_t i = 0; i < message->listener_count; i++) {
        (void)close(message->listeners[i]);
    }
    message->listener_count = 0;
}
