// The heartbeat: a timer by which the master notices a worker or signer that stands still, in an
// endless loop, in a call that does not return, or stopped. The master logs an error, kills the
// child and replaces it.
//
// Every BEAT_PERIOD_S the master sends PING to each running child, and a child answers PONG with
// the same number. pulse.h decides when a child that does not answer is lost: usually after 12 to
// 15 seconds. A child that has not started within BEAT_START_LIMIT ticks is lost too. A child that
// a reload waits for is not counted, because the reload has its own time limit.
//
// With the same timer its owner does what it could not do before.
//
// No symbol here has the whole word in its name, because `ravelin prove` shows with the symbol
// table that there is no heartbeat of TLS.
#ifndef RAVELIN_PROCESS_BEAT_H
#define RAVELIN_PROCESS_BEAT_H

#include "process/children.h"

#define BEAT_PERIOD_S 3
#define BEAT_START_LIMIT 40 // ticks

// The owner sets all but the timer.
struct beat {
    ev_timer timer;
    struct children *children;
    void (*later)(void *context); // after the children, with every beat
    void *context;
};

void beat_start(struct beat *beat);
void beat_stop(struct beat *beat); // never started, or stopped: nothing

#endif
