// Kinds of log targets: whether a process may write to one itself, or a log writer must do it.
//
// Workers and the master never wait for the reader of a log, and a worker that was taken over must
// not control a terminal. So each kind is decided by two questions: can a write to it wait although
// the open file description is O_NONBLOCK, and does anything act on what is written?
//
//   regular file     written directly. Only its disk can hold up a write.
//   file on a        log writer: a write to it waits for another machine or, with FUSE, for another
//   network, FUSE    process, and O_NONBLOCK changes nothing about that.
//   FIFO             written directly. A write to it of at most PIPE_BUF bytes is done whole or not
//                    at all, so lines of two processes never mix; with O_NONBLOCK it never waits,
//                    and the sink keeps its line (observe/sink.h). The reader is a program.
//   /dev/null, zero, written directly. The kernel answers at once and nothing reads them. With
//   full             /dev/full each process counts its own losses.
//   other character  log writer: terminals, consoles, serial lines, the kernel's log. A terminal
//   devices          accepts a part of a line when it is full, so lines of two processes would mix,
//                    and it acts on escape sequences.
//   all others       log writer: sockets can be shut down by those who have them.
#ifndef RAVELIN_PROCESS_LOG_TARGET_H
#define RAVELIN_PROCESS_LOG_TARGET_H

#include <stdbool.h>
#include <sys/stat.h>

// Whether only a log writer may write to it. `filesystem`: f_type of statfs(2), for regular files.
bool log_target_needs_writer(const struct stat *status, unsigned long filesystem);
// The same of an open file.
bool log_target_is_for_writer(int fd);

#endif
