#include "process/control.h"
#include "process/control_path.h"
#include "process/ipc.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static enum result fail(char error[CONFIG_ERROR_SIZE], const char *config_path, const char *what) {
    (void)snprintf(error, CONFIG_ERROR_SIZE, "%s: %s", config_path, what);
    return RESULT_ERROR;
}

void control_reply_free(struct control_reply *reply) {
    for (size_t i = 0; i < reply->fd_count; i++) {
        (void)close(reply->fds[i]);
    }
    free(reply->text);
    *reply = (struct control_reply){.fd_count = 0};
}

// Reads the reply: one datagram with the exit code as a digit, then the text. False: it has another
// form.
static bool receive_reply(int fd, struct control_reply *reply) {
    char code = '\0';
    struct iovec parts[] = {{&code, 1}, {reply->text, CONTROL_ANSWER_MAX}};
    union ipc_room room;
    struct msghdr message = {.msg_iov = parts,
                             .msg_iovlen = 2,
                             .msg_control = room.bytes,
                             .msg_controllen = sizeof(room.bytes)};
    ssize_t size = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (size < 0) {
        return false;
    }
    reply->fd_count = ipc_detach_fds(&message, reply->fds, CONTROL_FDS_MAX);
    if (size < 1 || code < '0' || code > '2') {
        return false;
    }
    reply->exit_code = code - '0';
    reply->size = (size_t)size - 1;
    reply->text[reply->size] = '\0';
    return true;
}

static enum result converse(int fd, const struct control_path *path, const char *config_path,
                            struct slice order, struct control_reply *reply,
                            char error[CONFIG_ERROR_SIZE]) {
    if (!control_server_is_trusted(fd, path)) {
        return fail(error, config_path, "the control socket belongs to somebody else");
    }
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    if (send(fd, order.data, order.size, MSG_NOSIGNAL) < 0) {
        return fail(error, config_path, strerror(errno));
    }
    if (poll(&readable, 1, CONTROL_TIMEOUT_S * 1000) <= 0) {
        return fail(error, config_path, "the master did not answer within 60 seconds");
    }
    if (!receive_reply(fd, reply)) {
        return fail(error, config_path, "the master ended without an answer");
    }
    return RESULT_OK;
}

enum result control_ask(const char *config_path, struct slice order, struct control_reply *reply,
                        char error[CONFIG_ERROR_SIZE]) {
    struct control_path path;
    *reply = (struct control_reply){.text = malloc(CONTROL_ANSWER_MAX + 1)};
    if (reply->text == NULL) {
        return fail(error, config_path, "out of memory");
    }
    enum result result = control_path_find(config_path, &path, error);
    if (result != RESULT_ERROR) {
        int fd = control_connect(&path);
        if (fd >= 0) {
            result = converse(fd, &path, config_path, order, reply, error);
            (void)close(fd);
        } else if (result == RESULT_EOF) {
            result = RESULT_ERROR; // there is no such file either
        } else if (errno == ENOENT || errno == ECONNREFUSED) {
            (void)fail(error, config_path, "no ravelin runs with this file");
            result = RESULT_EOF;
        } else {
            result =
                fail(error, config_path,
                     errno == EAGAIN ? "the master does not accept commands" : strerror(errno));
        }
    }
    if (result != RESULT_OK) {
        control_reply_free(reply);
    }
    return result;
}

static int print_reply(const struct control_reply *reply) {
    FILE *stream = reply->exit_code == 0 ? stdout : stderr;
    bool ended = reply->size == 0 || reply->text[reply->size - 1] == '\n';
    bool printed = fwrite(reply->text, 1, reply->size, stream) == reply->size &&
                   (ended || fputc('\n', stream) == '\n') && fflush(stream) == 0;
    return printed ? reply->exit_code : 1;
}

int control_request(const char *config_path, const char *const *words, size_t count) {
    struct control_reply reply;
    char error[CONFIG_ERROR_SIZE];
    char data[ORDER_SIZE_MAX];
    const struct slice order = {data, order_write(words, count, data)};
    if (order.size == 0) {
        (void)fprintf(stderr, "ravelin: %s: its arguments are too long\n", words[0]);
        return 2;
    }
    if (control_ask(config_path, order, &reply, error) != RESULT_OK) {
        (void)fprintf(stderr, "ravelin: %s\n", error);
        return 1;
    }
    int exit_code = print_reply(&reply);
    control_reply_free(&reply);
    return exit_code;
}
