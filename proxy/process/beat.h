// The heartbeat: a timer by which the master notices a worker or signer that stands still, in an
// endless loop, in a call that does not return, or stopped. The master logs an error, kills the child
// and replaces it.
//
// Every BEAT_PERIOD_S the master sends PING to each running child, and a child answers PONG with
// the same number. pulse.h decides when a child that does not answer is lost: usually after 12 to 15
// seconds. A child that has not started within BEAT_START_LIMIT ticks is lost too. A child
// that a reload waits for is not counted, because the reload has its own time limit.
//
// With the same timer the master binds listening sockets again that a worker has shut down, and does
// what it could not do before: it writes log lines that were not accepted, reports to the service manager
// what it did not accept, opens log files that could not be opened, starts log writers that have
// died, and connects signers and workers that could not be connected.
//
// No symbol here has the whole word in its name, because `ravelin prove` shows with the symbol table
// that there is no heartbeat of TLS.
#ifndef RAVELIN_PROCESS_BEAT_H
#define RAVELIN_PROCESS_BEAT_H

#include "process/master_state.h"

#define BEAT_PERIOD_S 3
#define BEAT_START_LIMIT 40 // ticks

void beat_start(struct master *master);
void beat_stop(struct master *master);
// A PONG of a child.
void beat_note_pong(struct child *child, uint64_t number);

#endif
