#include "observe/sink.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

_Static_assert(SINK_PIECE_MAX <= PIPE_BUF, "a pipe takes a piece whole or not at all");

void sink_init(struct sink *sink, char *buffer, size_t capacity) {
    *sink = (struct sink){.fd = -1,
                          .buffer = buffer,
                          .capacity = capacity,
                          .syslog_path = "/dev/log",
                          .journal_path = "/run/systemd/journal/socket",
                          .head_second = INT64_MIN};
}

// --- Losses ---

static size_t count_lines(const char *data, size_t size) {
    size_t lines = 0;
    const char *end = data + size;
    while (data < end && (data = memchr(data, '\n', (size_t)(end - data))) != NULL) {
        lines++;
        data++;
    }
    return lines;
}

static void remove_first(struct sink *sink, size_t size) {
    sink->used -= size;
    memmove(sink->buffer, sink->buffer + size, sink->used);
}

static size_t first_line(const char *data, size_t size) {
    const char *end = memchr(data, '\n', size);
    return end == NULL ? size : (size_t)(end - data) + 1;
}

// The rest of a line is useless for another target.
static void lose_torn_line(struct sink *sink) {
    if (sink->is_torn) {
        remove_first(sink, first_line(sink->buffer, sink->used));
        sink->lost++;
        sink->is_torn = false;
    }
}

static void lose_all(struct sink *sink) {
    sink->lost += count_lines(sink->buffer, sink->used);
    sink->used = 0;
    sink->is_torn = false;
}

const char *sink_reason(const struct sink *sink) {
    return sink->error == EAGAIN ? "the reader does not keep up" : strerror(sink->error);
}

// --- Daemons ---

static int connect_as(const struct sink *sink, int type) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = sink->kind == SINK_JOURNAL ? sink->journal_path : sink->syslog_path;
    size_t size = strlen(path);
    int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || size >= sizeof(address.sun_path)) {
        return fd;
    }
    memcpy(address.sun_path, path, size);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
        return fd;
    }
    int saved = errno;
    (void)close(fd);
    errno = saved;
    return -1;
}

static void disconnect(struct sink *sink) {
    if (sink->fd >= 0) {
        (void)close(sink->fd);
        sink->fd = -1;
    }
    lose_torn_line(sink);
}

static bool is_connected(struct sink *sink) {
    if (sink->fd < 0) {
        sink->fd = connect_as(sink, SOCK_DGRAM);
        sink->is_lines = true;
        if (sink->fd < 0 && errno == EPROTOTYPE && sink->kind == SINK_SYSLOG) {
            sink->fd = connect_as(sink, SOCK_STREAM);
            sink->is_lines = false;
        }
    }
    return sink->fd >= 0;
}

static size_t write_journal_head(int severity, char *room) {
    int size = snprintf(room, SINK_HEAD_MAX,
                        "PRIORITY=%d" SINK_FIELD_END "SYSLOG_FACILITY=%d" SINK_FIELD_END
                        "SYSLOG_IDENTIFIER=ravelin" SINK_FIELD_END,
                        severity, LOG_FAC(LOG_DAEMON));
    return size > 0 && size < SINK_HEAD_MAX ? (size_t)size : 0;
}

static size_t write_syslog_head(struct sink *sink, int severity, char *room) {
    time_t now = time(NULL);
    if ((int64_t)now != sink->head_second) {
        struct tm parts;
        sink->head_second = (int64_t)now;
        sink->head_time[0] = '\0';
        if (localtime_r(&now, &parts) != NULL) {
            (void)strftime(sink->head_time, sizeof(sink->head_time), "%b %e %T", &parts);
        }
    }
    int size = snprintf(room, SINK_HEAD_MAX, "<%d>%s ravelin[%ld]: ", LOG_DAEMON | severity,
                        sink->head_time, (long)getpid());
    return size > 0 && size < SINK_HEAD_MAX ? (size_t)size : 0;
}

size_t sink_head(struct sink *sink, int severity, char *room) {
    return sink->kind == SINK_SYSLOG    ? write_syslog_head(sink, severity, room)
           : sink->kind == SINK_JOURNAL ? write_journal_head(severity, room)
                                        : 0;
}

// --- Writing ---

// Size of the part of the buffer for one call, from `at` on: whole lines, unless the first is too
// long.
static size_t piece_size(const struct sink *sink, size_t at) {
    const char *data = sink->buffer + at;
    size_t size = sink->used - at;
    if (sink->is_lines) {
        return first_line(data, size);
    }
    if (sink->kind == SINK_FILE || size <= SINK_PIECE_MAX) {
        return size;
    }
    const char *end = memrchr(data, '\n', SINK_PIECE_MAX);
    return end == NULL ? SINK_PIECE_MAX : (size_t)(end - data) + 1;
}

static ssize_t put(const struct sink *sink, const char *data, size_t size) {
    ssize_t done;
    do {
        done = sink->is_socket ? send(sink->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL)
                               : write(sink->fd, data, size);
    } while (done < 0 && errno == EINTR);
    return done;
}

// Sends a line as the fields that the journal reads, with a line feed behind each.
static ssize_t put_fields(const struct sink *sink, const char *line, size_t size) {
    char fields[SINK_PIECE_MAX];
    char *at = fields;
    if (size > sizeof(fields)) {
        errno = EMSGSIZE;
        return -1;
    }
    memcpy(fields, line, size);
    while ((at = memchr(at, SINK_FIELD_END[0], size - (size_t)(at - fields))) != NULL) {
        *at = '\n';
    }
    return put(sink, fields, size);
}

// A line to a daemon is sent completely or not at all, unless its socket is a stream.
static ssize_t put_piece(const struct sink *sink, const char *data, size_t size) {
    if (!sink->is_lines) {
        return put(sink, data, size);
    }
    // A datagram of syslog needs no line feed.
    ssize_t done =
        sink->kind == SINK_JOURNAL ? put_fields(sink, data, size) : put(sink, data, size - 1);
    return done < 0 ? done : (ssize_t)size;
}

// Writes until the target accepts no more. True: the buffer is empty. False: `error` has the
// reason.
static bool write_out(struct sink *sink) {
    size_t done = 0;
    while (done < sink->used) {
        size_t size = piece_size(sink, done);
        ssize_t written = put_piece(sink, sink->buffer + done, size);
        if (written < 0 && errno == EMSGSIZE && sink->is_lines) {
            sink->lost++; // the daemon's socket accepts no datagram of this size
            written = (ssize_t)size;
        }
        if (written <= 0) {
            sink->error = written == 0 ? ENOSPC : errno == ENOBUFS ? EAGAIN : errno;
            break;
        }
        done += (size_t)written;
    }
    if (done > 0) {
        sink->is_torn = sink->buffer[done - 1] != '\n';
        remove_first(sink, done);
    }
    return sink->used == 0;
}

// A daemon that was restarted has a new socket, so an error leads to one more attempt.
static bool write_to_daemon(struct sink *sink) {
    for (int i = 0; i < 2; i++) {
        if (!is_connected(sink)) {
            sink->error = errno;
            return false;
        }
        if (write_out(sink)) {
            return true;
        }
        if (sink->error == EAGAIN) {
            return false;
        }
        disconnect(sink);
    }
    return sink->used == 0;
}

void sink_flush(struct sink *sink) {
    if (sink->kind == SINK_OFF || sink->used == 0) {
        sink->is_stalled = false;
        return;
    }
    sink->is_stalled = !(sink_is_daemon(sink) ? write_to_daemon(sink) : write_out(sink));
}

char *sink_room(struct sink *sink, size_t size) {
    if (sink->capacity - sink->used < size) {
        sink_flush(sink);
        if (sink->capacity - sink->used < size) {
            sink->lost++;
            return NULL;
        }
    }
    return sink->buffer + sink->used;
}

void sink_add(struct sink *sink, size_t size) {
    sink->used += size;
}

// --- Targets ---

static enum sink_kind kind_of(int fd, enum sink_daemon daemon, const struct stat *status) {
    if (daemon != SINK_NO_DAEMON) {
        return daemon == SINK_DAEMON_SYSLOG ? SINK_SYSLOG : SINK_JOURNAL;
    }
    return fd < 0 ? SINK_OFF : S_ISREG(status->st_mode) ? SINK_FILE : SINK_STREAM;
}

void sink_use(struct sink *sink, int fd, enum sink_daemon daemon) {
    struct stat status = {.st_mode = 0};
    bool is_known = daemon == SINK_NO_DAEMON && fd >= 0 && fstat(fd, &status) == 0;
    enum sink_kind former = sink->kind;
    enum sink_kind kind = kind_of(fd, daemon, &status);
    sink_flush(sink);
    lose_torn_line(sink);
    bool was_daemon = sink_is_daemon(sink);
    if (was_daemon) {
        disconnect(sink);
    }
    sink->kind = kind;
    // Lines in the format of one daemon are useless for another target.
    if (kind == SINK_OFF || (kind != former && (was_daemon || sink_is_daemon(sink)))) {
        lose_all(sink);
    }
    sink->is_lines = sink_is_daemon(sink);
    sink->is_socket = sink->is_lines || (is_known && S_ISSOCK(status.st_mode));
    sink->fd = sink->is_lines ? -1 : fd;
}

void sink_close(struct sink *sink) {
    sink_flush(sink);
    lose_all(sink);
    if (sink_is_daemon(sink)) {
        disconnect(sink);
    }
    sink->fd = -1;
    sink->kind = SINK_OFF;
    sink->is_stalled = false;
}
