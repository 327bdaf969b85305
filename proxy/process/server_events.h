// Logs each change in the health of a server once for all workers: failures took it out of use,
// checks found it down, with the cause, or it is in use or up again.
//
// Every SERVER_EVENTS_PERIOD_S, the master checks whether a worker has noted a change
// (server_counts.h). A server is out of use while it is so in any worker. The number of lines is
// limited: an attacker who controls a worker can cause some lines, but no flood.
#ifndef RAVELIN_PROCESS_SERVER_EVENTS_H
#define RAVELIN_PROCESS_SERVER_EVENTS_H

#include "base/rate.h"
#include "process/source.h"

#include <ev.h>

#define SERVER_EVENTS_PERIOD_S 0.2

struct server_events {
    ev_timer timer;
    struct ev_loop *loop;
    struct log *log;
    const struct server_counts *counts;
    struct source *const *current;
    uint64_t generation;
    uint32_t changes;
    struct rate lines;
    int64_t out_ms[SERVER_CELLS];    // since when a server is out of use; 0: in use
    int64_t down_ms[SERVER_CELLS];   // since when checks find a server down; 0: not down
    uint32_t versions[SERVER_CELLS]; // of the server's address
};

// The owner sets loop, log, counts and current, and zeroes the others.
void server_events_start(struct server_events *events);
void server_events_stop(struct server_events *events); // allowed if never started, or stopped

#endif
