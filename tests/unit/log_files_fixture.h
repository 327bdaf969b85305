// Log files, and the log writers that they may need, with a folder and the test's own stdout kept.
#ifndef RAVELIN_TESTS_LOG_FILES_FIXTURE_H
#define RAVELIN_TESTS_LOG_FILES_FIXTURE_H

#include "process/log_files.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 20000 };

struct fixture {
    char folder[64];
    char path[96];
    struct log_files files;
    struct privilege privilege;
    struct title title;
    struct log_writers writers;
    int stdout_fd; // the test's own
    char error[CONFIG_ERROR_SIZE];
};

static inline int set_up(void **state) {
    static struct fixture only;
    struct fixture *fixture = &only;
    *fixture = (struct fixture){.folder = "/tmp/ravelin-logs-XXXXXX"};
    fixture->privilege = (struct privilege){.uid = geteuid(), .gid = getegid()};
    fixture->writers.privilege = &fixture->privilege;
    fixture->writers.title = &fixture->title;
    fixture->stdout_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
    log_files_init(&fixture->files);
    *state = fixture;
    if (mkdtemp(fixture->folder) == NULL || fixture->stdout_fd < 0) {
        return -1;
    }
    (void)snprintf(fixture->path, sizeof(fixture->path), "%.63s/a.log", fixture->folder);
    return 0;
}

static inline int tear_down(void **state) {
    struct fixture *fixture = *state;
    log_files_close(&fixture->files);
    log_writers_end(&fixture->writers);
    (void)dup2(fixture->stdout_fd, STDOUT_FILENO);
    (void)close(fixture->stdout_fd);
    (void)unlink(fixture->path);
    return rmdir(fixture->folder);
}

static inline struct config make_config(enum log_target log, char *log_path, enum log_target access,
                                        char *access_path) {
    return (struct config){.path = (char *)(uintptr_t) "test.conf",
                           .log = {log, log_path},
                           .access_log = {access, access_path}};
}

static inline void use_as_stdout(int fd) {
    (void)fflush(stdout);
    assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
}

static inline bool is_nonblocking(int fd) {
    return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}

// Those that run.
static inline size_t count_writers(const struct fixture *fixture) {
    size_t count = 0;
    for (size_t i = 0; i < LOG_WRITER_COUNT; i++) {
        count += fixture->writers.writers[i].pid != 0 ? 1 : 0;
    }
    return count;
}

// Reads until the text ends with `end`.
static inline void expect_text(int fd, const char *end) {
    char text[4096] = "";
    size_t used = 0;
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    while (strlen(text) < strlen(end) || strcmp(text + strlen(text) - strlen(end), end) != 0) {
        assert_int_equal(poll(&readable, 1, PATIENCE_MS), 1);
        ssize_t size = read(fd, text + used, sizeof(text) - 1 - used);
        assert_true(size > 0);
        used += (size_t)size;
        text[used] = '\0';
    }
}

#endif
