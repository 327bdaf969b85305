// Server names in the monitor: the resolver, the names of the current generation, and the memory in
// which the master reads the results (backend/server_answers.h).
//
// The monitor notifies the master at most once in NAME_WATCH_NEWS_S, because the master kills a
// child that floods it.
#ifndef RAVELIN_MONITOR_NAME_WATCH_H
#define RAVELIN_MONITOR_NAME_WATCH_H

#include "monitor/names.h"
#include "monitor/watched.h"

#define NAME_WATCH_NEWS_S 0.1

struct name_watch {
    const struct monitor_options *options;
    struct resolver *resolver;
    const struct watched *watched; // generation whose names are in use; NULL: none yet
    struct names *names, *staged;
    ev_timer news; // runs until the master is notified
    ev_tstamp told_at;
};

// Call it before the sandbox (resolver.h). `options` outlive the watch. False: memory is short, or
// c-ares fails.
bool name_watch_init(struct name_watch *watch, const struct monitor_options *options);
void name_watch_free(struct name_watch *watch);
// Prepares the names of a generation. False: memory is short.
bool name_watch_stage(struct name_watch *watch, const struct watched *watched);
// Uses the staged names for `watched`, which outlives the use.
void name_watch_commit(struct name_watch *watch, const struct watched *watched);
void name_watch_abort(struct name_watch *watch);

#endif
