// Prepares the master's own process before anything else. Children inherit the result.
#ifndef RAVELIN_PROCESS_SETUP_H
#define RAVELIN_PROCESS_SETUP_H

#include <stdbool.h>

struct ev_loop;

// Opens closed standard streams, ignores the signals that a write can cause, sets the name and the
// umask, seals the memory (privilege.h) and reserves memory for event loops (base/reserve.h).
// Blocks the signals that ask the running master for something, because their default action would
// end it. False: the process must exit.
bool setup_process(void);
// The loop handles these signals from now on.
void setup_unblock_signals(void);
// Makes the loop of a process. Not libev's default loop, because that one reaps children. NULL,
// with errno: memory or descriptors are short. libev would abort the process if its loop did not
// get the descriptors for signals later.
struct ev_loop *setup_loop(void);

#endif
