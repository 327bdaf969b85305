// A sink: the target of log lines. It never waits for the reader of the lines.
//
// The owner lends a buffer. A line is built in the buffer (sink_room, sink_add) and stays there
// until the target has accepted it (sink_flush). If the buffer is full, the new line is lost and
// counted.
//
// Targets. No call waits for another process:
//   SINK_FILE     a regular file. One write for the whole buffer. A write can wait for the disk,
//                 because Linux has no other write to a file
//   SINK_STREAM   a pipe, FIFO or device, whose open file description must be O_NONBLOCK and
//                 private to Ravelin (process/log_files.h makes it so); or a socket, which may be
//                 shared, because MSG_DONTWAIT applies to the call. Each write is a piece of whole
//                 lines, at most SINK_PIECE_MAX bytes. A pipe accepts such a piece completely or
//                 not at all, so that lines of several processes never mix
//   SINK_SYSLOG   the socket of the syslog daemon, a datagram for each line (RFC 3164). The sink
//                 connects, and connects again after the daemon was restarted. On a stream socket,
//                 a line feed ends each line
//   SINK_JOURNAL  systemd's journal by its native protocol, a datagram for each line. A line has
//                 fields, NAME=value, separated by SINK_FIELD_END. No value contains this byte or a
//                 line feed. The sink connects as for syslog
//
// If a target accepts a part of a line, the rest of the line is written before anything else.
#ifndef RAVELIN_OBSERVE_SINK_H
#define RAVELIN_OBSERVE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SINK_PIECE_MAX 4096 // PIPE_BUF
#define SINK_HEAD_MAX 64    // largest size that sink_head() writes
#define SINK_FIELD_END "\x1f"

enum sink_kind { SINK_OFF, SINK_FILE, SINK_STREAM, SINK_SYSLOG, SINK_JOURNAL };

// A process that the sink connects to by itself, without a descriptor.
enum sink_daemon { SINK_NO_DAEMON, SINK_DAEMON_SYSLOG, SINK_DAEMON_JOURNAL };

// A zeroed sink is off.
struct sink {
    enum sink_kind kind;
    int fd;          // owned by the caller; for a daemon owned by the sink, -1: not connected
    bool is_socket;  // lines are written with send()
    bool is_lines;   // each line is a datagram
    bool is_torn;    // the buffer begins with the rest of a line
    bool is_stalled; // the last flush left bytes in the buffer
    int error;       // errno of the last failed write
    char *buffer;    // owned by the owner of the sink; outlives the sink
    size_t capacity;
    size_t used;
    uint64_t lost;           // lines, since sink_init()
    const char *syslog_path; // "/dev/log"
    const char *journal_path;
    int64_t head_second; // the second that head_time shows
    char head_time[16];
};

// The sink is off until sink_use().
void sink_init(struct sink *sink, char *buffer, size_t capacity);
// Flushes to the former target, then changes to `fd` (-1: off) or to a daemon. Lines that the
// former target did not accept go to the new one if both are descriptors or the same daemon;
// otherwise they are lost.
void sink_use(struct sink *sink, int fd, enum sink_daemon daemon);
// Returns space in the buffer for a line of `size` bytes. NULL: no space; the line counts as lost.
char *sink_room(struct sink *sink, size_t size);
// Writes the beginning of a line and returns its size. syslog: "<PRI>Mmm dd hh:mm:ss ravelin[PID]:
// ". Journal: the fields that all lines have. Other targets: nothing. `severity`: 0 to 7 (RFC
// 5424).
size_t sink_head(struct sink *sink, int severity, char *room);
// Adds the line of `size` bytes in the space of sink_room(). Its last byte is the line feed.
void sink_add(struct sink *sink, size_t size);
// Writes what the target accepts now.
void sink_flush(struct sink *sink);
// The reason why the last lines were not accepted, as a static text.
const char *sink_reason(const struct sink *sink);
// Flushes, counts the rest as lost and turns the sink off.
void sink_close(struct sink *sink);

static inline bool sink_is_daemon(const struct sink *sink) {
    return sink->kind == SINK_SYSLOG || sink->kind == SINK_JOURNAL;
}

static inline bool sink_is_on(const struct sink *sink) {
    return sink->kind != SINK_OFF;
}

#endif
