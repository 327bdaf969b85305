// What the other master may send during an upgrade: any datagram is a whole message of this
// version, one of another version, or an error, and no descriptor that came along stays open.
//
// The input is a list of datagrams: a number of descriptors, flags, two bytes of size, and that
// many bytes. With the first flag, a header that is right but for its type stands before the bytes.
#include "process/handover.h"

#include "check.h"
#include "process/ipc.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS_MAX = 50, FDS_SENT_MAX = IPC_FDS_MAX + 8, WHOLE_HEADER = 1 };

struct datagram {
    size_t fd_count;
    size_t size;
    uint8_t bytes[2 * HANDOVER_DATA_MAX];
};

// Of the first three hundred, more than an input can leave open.
static int count_descriptors(void) {
    int count = 0;
    for (int fd = 0; fd < 300; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

static void send_datagram(int to, const struct datagram *datagram) {
    struct iovec part = {(void *)(uintptr_t)datagram->bytes, datagram->size};
    struct msghdr wire = {.msg_iov = &part, .msg_iovlen = 1};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(FDS_SENT_MAX * sizeof(int))];
    } room;
    memset(&room, 0, sizeof(room));
    if (datagram->fd_count > 0) {
        wire.msg_control = room.bytes;
        wire.msg_controllen = CMSG_SPACE(datagram->fd_count * sizeof(int));
        struct cmsghdr *rights = CMSG_FIRSTHDR(&wire);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(datagram->fd_count * sizeof(int));
        for (size_t i = 0; i < datagram->fd_count; i++) {
            memcpy(CMSG_DATA(rights) + i * sizeof(int), &(int){STDERR_FILENO}, sizeof(int));
        }
    }
    (void)!sendmsg(to, &wire, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// The next datagram of the input. Magic, version, type, layout, and the number of descriptors.
static void take_datagram(const uint8_t **data, size_t *size, struct datagram *datagram) {
    const uint32_t header[] = {HANDOVER_VERSION, 0, 0, (*data)[0] % FDS_SENT_MAX};
    bool has_header = ((*data)[1] & WHOLE_HEADER) != 0;
    size_t wanted = (size_t)(*data)[2] << 8 | (*data)[3];
    datagram->fd_count = (*data)[0] % FDS_SENT_MAX;
    datagram->size = 0;
    *data += 4;
    *size -= 4;
    if (has_header) {
        memcpy(datagram->bytes, "ravelin", 8);
        memcpy(datagram->bytes + 8, header, sizeof(header));
        datagram->size = 8 + sizeof(header);
        datagram->bytes[12] = *size > 0 ? **data : 0; // the type
    }
    wanted = wanted < *size ? wanted : *size;
    size_t room = sizeof(datagram->bytes) - datagram->size;
    size_t count = wanted < room ? wanted : room;
    memcpy(datagram->bytes + datagram->size, *data, count);
    datagram->size += count;
    *data += wanted;
    *size -= wanted;
}

static void check_message(struct handover_message *message, const struct datagram *sent) {
    const size_t header = 8 + 4 * sizeof(uint32_t);
    CHECK(sent->size >= header && message->size == sent->size - header);
    CHECK(message->size <= HANDOVER_DATA_MAX && message->data[message->size] == '\0');
    CHECK(memcmp(message->data, sent->bytes + header, message->size) == 0);
    CHECK(message->fd_count <= HANDOVER_FDS_MAX && message->fd_count <= sent->fd_count);
    for (size_t i = 0; i < message->fd_count; i++) {
        CHECK(fcntl(message->fds[i], F_GETFD) == FD_CLOEXEC);
    }
    if (message->version == HANDOVER_VERSION) {
        CHECK(message->type >= HANDOVER_HELLO && message->type < HANDOVER_TYPE_END);
        CHECK(message->fd_count == sent->fd_count);
    }
    handover_close_fds(message);
    CHECK(message->fd_count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct handover_message message;
    static struct datagram datagram;
    int pair[2];
    int before = count_descriptors();
    CHECK(ipc_pair(pair) == RESULT_OK);
    for (int step = 0; step < STEPS_MAX && size >= 4; step++) {
        take_datagram(&data, &size, &datagram);
        send_datagram(pair[1], &datagram);
        enum result result = handover_receive(pair[0], &message);
        if (result == RESULT_OK) {
            check_message(&message, &datagram);
        }
        // Each is read whole. One that is empty is what the end of the other one looks like, too.
        CHECK(result != RESULT_EOF || (datagram.size == 0 && datagram.fd_count == 0));
        CHECK(handover_receive(pair[0], &message) == RESULT_AGAIN);
    }
    (void)close(pair[1]);
    CHECK(handover_receive(pair[0], &message) == RESULT_EOF);
    (void)close(pair[0]);
    CHECK(count_descriptors() == before);
    return 0;
}
