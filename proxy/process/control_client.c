#include "process/control.h"
#include "process/control_path.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int complain(const char *config_path, const char *what) {
    (void)fprintf(stderr, "ravelin: %s: %s\n", config_path, what);
    return 1;
}

// The answer is one datagram: the exit code as a digit, then the text.
static int print_answer(const char *config_path, const char *answer, size_t size) {
    if (size == 0 || answer[0] < '0' || answer[0] > '2') {
        return complain(config_path, "the master ended without an answer");
    }
    FILE *stream = answer[0] == '0' ? stdout : stderr;
    bool ended = size == 1 || answer[size - 1] == '\n';
    bool printed = fwrite(answer + 1, 1, size - 1, stream) == size - 1 &&
                   (ended || fputc('\n', stream) == '\n') && fflush(stream) == 0;
    return printed ? answer[0] - '0' : 1;
}

static int converse(int fd, const char *config_path, const char *command) {
    pid_t pid;
    if (!control_peer_is_trusted(fd, &pid)) {
        return complain(config_path, "the control socket belongs to somebody else");
    }
    char *answer = malloc(CONTROL_ANSWER_MAX);
    if (answer == NULL) {
        return complain(config_path, "out of memory");
    }
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    int exit_code;
    if (send(fd, command, strlen(command), MSG_NOSIGNAL) < 0) {
        exit_code = complain(config_path, strerror(errno));
    } else if (poll(&readable, 1, CONTROL_TIMEOUT_S * 1000) <= 0) {
        exit_code = complain(config_path, "the master did not answer within 60 seconds");
    } else {
        ssize_t size = recv(fd, answer, CONTROL_ANSWER_MAX, 0);
        exit_code = print_answer(config_path, answer, size < 0 ? 0 : (size_t)size);
    }
    free(answer);
    return exit_code;
}

int control_request(const char *config_path, const char *command) {
    struct control_path path;
    char error[CONFIG_ERROR_SIZE];
    if (control_path_find(config_path, &path, error) != RESULT_OK) {
        (void)fprintf(stderr, "ravelin: %s\n", error);
        return 1;
    }
    int fd = control_connect(&path);
    if (fd < 0 && (errno == ENOENT || errno == ECONNREFUSED)) {
        return complain(config_path, "no ravelin runs with this file");
    }
    if (fd < 0) {
        return complain(config_path, strerror(errno));
    }
    int exit_code = converse(fd, config_path, command);
    (void)close(fd);
    return exit_code;
}
