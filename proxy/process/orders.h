// What people ask the master for: through signals and through the control socket (control.h).
#ifndef RAVELIN_PROCESS_ORDERS_H
#define RAVELIN_PROCESS_ORDERS_H

#include "process/master_state.h"

// Answers the commands `status` and `prove` of a client of the control socket.
void orders_answer_status(struct master *master, uint64_t client);
void orders_answer_prove(struct master *master, uint64_t client);
// The control socket's handler of failures, whose context is the master: logs why no command can be
// received.
void orders_fail(void *master, int error);
// Its judge of who may give none. Logs a refusal.
bool orders_refuses(void *master, pid_t pid);
// Opens the log files anew, here and in the workers: after a rotation.
void orders_reopen_logs(struct master *master);
// The same if a log was off because its FIFO had no reader, and has one now.
void orders_retry_logs(struct master *master);

#endif
