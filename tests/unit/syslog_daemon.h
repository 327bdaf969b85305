// A syslog daemon: a socket with a path of its own, from which a test reads what was sent.
#ifndef RAVELIN_TESTS_SYSLOG_DAEMON_H
#define RAVELIN_TESTS_SYSLOG_DAEMON_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

struct syslog_daemon {
    char folder[64];
    char path[96];
    int fd; // -1: not running
    char text[32768];
};

static inline void daemon_start(struct syslog_daemon *daemon, int type) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, daemon->path, strlen(daemon->path));
    daemon->fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(daemon->fd >= 0);
    assert_int_equal(bind(daemon->fd, (struct sockaddr *)&address, sizeof(address)), 0);
    if (type == SOCK_STREAM) {
        assert_int_equal(listen(daemon->fd, 1), 0);
    }
}

static inline void daemon_stop(struct syslog_daemon *daemon) {
    assert_int_equal(close(daemon->fd), 0);
    daemon->fd = -1;
    assert_int_equal(unlink(daemon->path), 0);
}

static inline void daemon_init(struct syslog_daemon *daemon) {
    (void)snprintf(daemon->folder, sizeof(daemon->folder), "/tmp/ravelin-syslog-XXXXXX");
    assert_non_null(mkdtemp(daemon->folder));
    (void)snprintf(daemon->path, sizeof(daemon->path), "%s/log", daemon->folder);
    daemon->fd = -1;
}

static inline void daemon_free(struct syslog_daemon *daemon) {
    if (daemon->fd >= 0) {
        daemon_stop(daemon);
    }
    assert_int_equal(rmdir(daemon->folder), 0);
}

// The next datagram without its header, which is checked: "<PRI>Mmm dd hh:mm:ss ravelin[PID]: ".
// NULL: there is none.
static inline const char *daemon_read(struct syslog_daemon *daemon, int *priority) {
    static const char name[] = " ravelin[";
    ssize_t size = recv(daemon->fd, daemon->text, sizeof(daemon->text) - 1, 0);
    if (size < 0) {
        return NULL;
    }
    daemon->text[size] = '\0';
    char *time = NULL;
    assert_int_equal(daemon->text[0], '<');
    long value = strtol(daemon->text + 1, &time, 10);
    *priority = (int)value;
    assert_int_equal(*time, '>');
    assert_memory_equal(time + 16, name, sizeof(name) - 1);
    char *rest = NULL;
    assert_int_equal(strtol(time + 16 + sizeof(name) - 1, &rest, 10), getpid());
    assert_memory_equal(rest, "]: ", 3);
    return rest + 3;
}

// The next datagram as it came. NULL: there is none.
static inline const char *daemon_read_raw(struct syslog_daemon *daemon) {
    ssize_t size = recv(daemon->fd, daemon->text, sizeof(daemon->text) - 1, 0);
    daemon->text[size < 0 ? 0 : size] = '\0';
    return size < 0 ? NULL : daemon->text;
}

// Fills the daemon's queue by another socket, until it accepts no more.
static inline int daemon_fill(const struct syslog_daemon *daemon) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, daemon->path, strlen(daemon->path));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    while (send(fd, "filler", 6, 0) == 6) {
    }
    return fd;
}

static inline void daemon_empty(struct syslog_daemon *daemon) {
    while (recv(daemon->fd, daemon->text, sizeof(daemon->text), 0) >= 0) {
    }
}

#endif
