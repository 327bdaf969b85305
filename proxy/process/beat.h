// The heartbeat: a timer with which the master finds a child that is in an endless loop, in a call
// that does not return, or stopped. The master logs an error, kills the child and replaces it.
//
// Every BEAT_PERIOD_S, the master sends a PING to each running child. The child replies with a PONG
// that has the same number. pulse.h decides when a child without a reply is lost: usually after 12
// to 15 seconds. A child that has not started within BEAT_START_LIMIT ticks is lost, too. A child
// that a reload waits for is not counted, because the reload has its own time limit.
//
// The owner uses the same timer to repeat what failed before (`later`).
//
// No symbol here contains the word "heartbeat", because `ravelin prove` uses the symbol table to
// show that there is no TLS heartbeat.
#ifndef RAVELIN_PROCESS_BEAT_H
#define RAVELIN_PROCESS_BEAT_H

#include "process/children.h"

#define BEAT_PERIOD_S 3
#define BEAT_START_LIMIT 40 // ticks

// The owner sets all members except the timer.
struct beat {
    ev_timer timer; // called after the children, with every beat
    struct children *children;
    void (*later)(void *context); // after the children, with every beat
    void *context;
};

void beat_start(struct beat *beat);
void beat_stop(struct beat *beat); // allowed if never started, or stopped

#endif
