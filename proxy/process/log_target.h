// Kinds of log targets: whether a process may write to a target itself, or needs a log writer.
//
// Workers and the master must never wait for the reader of a log, and a worker that was taken over
// must not control a terminal. So two questions decide about each kind: can a write wait although
// the open file description is O_NONBLOCK? Does anything act on the written bytes?
//
//   regular file     written directly. A write can wait only for its disk
//   file on a network, FUSE
//                    log writer: a write waits for another machine or process, also with O_NONBLOCK
//   FIFO             written directly. A write of at most PIPE_BUF bytes is done completely or not
//                    at all, so lines of two processes never mix. With O_NONBLOCK it never waits,
//                    and the sink keeps its line (observe/sink.h). The reader is a program
//   /dev/null, zero, full
//                    written directly. The kernel returns at once, and nothing reads the lines.
//                    With /dev/full each process counts its own losses
//   other character devices
//                    log writer: terminals, consoles, serial lines, the kernel's log. A full
//                    terminal accepts a part of a line, so lines of two processes would mix. A
//                    terminal acts on escape sequences
//   all others       log writer: a process that has a socket can shut it down
#ifndef RAVELIN_PROCESS_LOG_TARGET_H
#define RAVELIN_PROCESS_LOG_TARGET_H

#include <stdbool.h>
#include <sys/stat.h>

// Whether only a log writer may write to a target. `filesystem`: f_type of statfs(2), for regular
// files.
bool log_target_needs_writer(const struct stat *status, unsigned long filesystem);
// The same for an open file.
bool log_target_is_for_writer(int fd);

#endif
