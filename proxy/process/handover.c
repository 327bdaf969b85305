#include "process/handover.h"

#include "base/secret.h"
#include "process/ipc.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char MAGIC[8] = "ravelin";

// The same in every version of the hand-over.
struct header {
    char magic[sizeof(MAGIC)];
    uint32_t version;
    uint32_t type;
    uint32_t layout;
    uint32_t fd_count;
};

static_assert(HANDOVER_FDS_MAX <= IPC_FDS_MAX, "they fit in an ipc_room");

struct handover_message *handover_message_new(void) {
    return secret_map(sizeof(struct handover_message));
}

void handover_message_free(struct handover_message *message) {
    secret_unmap(message, sizeof(*message));
}

void handover_write(struct handover_message *message, enum handover_type type, uint32_t layout,
                    const void *data, size_t size) {
    message->version = HANDOVER_VERSION;
    message->type = type;
    message->layout = layout;
    message->fd_count = 0;
    message->size = size < HANDOVER_DATA_MAX ? size : HANDOVER_DATA_MAX;
    if (data != NULL && message->size > 0) {
        memcpy(message->data, data, message->size);
    }
    message->data[message->size] = '\0';
}

static enum result send_parts(int fd, const struct header *header, struct slice data,
                              const int *fds) {
    struct iovec parts[] = {{(void *)(uintptr_t)header, sizeof(*header)},
                            {(void *)(uintptr_t)data.data, data.size}};
    struct msghdr wire = {.msg_iov = parts, .msg_iovlen = 2};
    union ipc_room room;
    ipc_attach_fds(&wire, &room, fds, header->fd_count);
    ssize_t sent;
    do {
        sent = sendmsg(fd, &wire, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        return RESULT_OK;
    }
    return errno == EPIPE || errno == ECONNRESET ? RESULT_EOF : RESULT_ERROR;
}

enum result handover_send(int fd, const struct handover_message *message) {
    struct header header = {.version = message->version,
                            .type = (uint32_t)message->type,
                            .layout = message->layout,
                            .fd_count = (uint32_t)message->fd_count};
    memcpy(header.magic, MAGIC, sizeof(MAGIC));
    return send_parts(fd, &header, (struct slice){(const char *)message->data, message->size},
                      message->fds);
}

enum result handover_say(int fd, enum handover_type type) {
    struct header header = {.version = HANDOVER_VERSION, .type = (uint32_t)type};
    memcpy(header.magic, MAGIC, sizeof(MAGIC));
    return send_parts(fd, &header, SLICE(""), NULL);
}

static bool is_valid(const struct header *header, size_t size, const struct msghdr *wire) {
    return size >= sizeof(*header) && (wire->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 &&
           memcmp(header->magic, MAGIC, sizeof(MAGIC)) == 0;
}

// Whether a message of this version is valid.
static bool is_sound(const struct header *header, const struct handover_message *message) {
    return header->version != HANDOVER_VERSION ||
           (header->type >= HANDOVER_HELLO && header->type < HANDOVER_TYPE_END &&
            header->fd_count == message->fd_count);
}

enum result handover_receive(int fd, struct handover_message *message) {
    struct header header;
    struct iovec parts[] = {{&header, sizeof(header)}, {message->data, HANDOVER_DATA_MAX}};
    union ipc_room room;
    struct msghdr wire = {.msg_iov = parts,
                          .msg_iovlen = 2,
                          .msg_control = room.bytes,
                          .msg_controllen = sizeof(room.bytes)};
    ssize_t size;
    do {
        size = recvmsg(fd, &wire, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (size < 0 && errno == EINTR);
    if (size < 0) {
        return errno == EAGAIN ? RESULT_AGAIN : errno == ECONNRESET ? RESULT_EOF : RESULT_ERROR;
    }
    message->fd_count = ipc_detach_fds(&wire, message->fds, HANDOVER_FDS_MAX);
    if (size == 0 && message->fd_count == 0) {
        return RESULT_EOF;
    }
    if (!is_valid(&header, (size_t)size, &wire) || !is_sound(&header, message)) {
        handover_close_fds(message);
        return RESULT_ERROR;
    }
    message->version = header.version;
    message->type = (enum handover_type)header.type;
    message->layout = header.layout;
    message->size = (size_t)size - sizeof(header);
    message->data[message->size] = '\0';
    return RESULT_OK;
}

void handover_close_fds(struct handover_message *message) {
    for (size_t i = 0; i < message->fd_count; i++) {
        (void)close(message->fds[i]);
    }
    message->fd_count = 0;
}
