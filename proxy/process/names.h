// Names of servers, in the master: takes what the monitor has found out (backend/server_answers.h)
// into the server table, and logs each change.
//
// The monitor talks to the network, so the master checks everything again: besides what
// server_answers_read() checks, no address may be one that Ravelin listens on. Otherwise a DNS
// server that lies could let requests go round in circles.
#ifndef RAVELIN_PROCESS_NAMES_H
#define RAVELIN_PROCESS_NAMES_H

#include "base/rate.h"
#include "observe/log.h"
#include "process/source.h"

#define NAMES_LINES_INTERVAL_MS 50
#define NAMES_LINES_BURST 600

struct names_watch {
    struct log *log;
    struct rate lines; // left out beyond the rate, and counted
};

void names_watch_init(struct names_watch *watch, struct log *log);
// Takes what is new for the current generation.
void names_take(struct names_watch *watch, struct source *current, const struct shares *shares);
// `next` takes the place of `former`: gives it the addresses that the former one has now. Before
// servers_keep_orders().
void names_hand_on(const struct source *next, const struct source *former,
                   const struct shares *shares);

#endif
