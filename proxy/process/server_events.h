// A log line for each change in the health of a server, once for all workers: that failures took it
// out of use, or that checks found it down, and why, or that it is in use or up again.
//
// The master looks every SERVER_EVENTS_PERIOD_S whether a worker has noted a change
// (server_counts.h). A server counts as out of use while a worker has it so. The number of lines is
// bounded: an attacker who controls a worker can cause some, no flood.
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
    int64_t out_ms[SERVER_CELLS];    // since when a server is out of use; 0: it is in use
    int64_t down_ms[SERVER_CELLS];   // since when it is down by checks; 0: it is not
    uint32_t versions[SERVER_CELLS]; // of the address of the server
};

// The owner sets loop, log, counts and current, and zeroes the rest.
void server_events_start(struct server_events *events);
void server_events_stop(struct server_events *events); // never started, or stopped: nothing

#endif
