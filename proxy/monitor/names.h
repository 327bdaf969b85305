// Server names and their present addresses. The monitor asks for the records of each name, asks
// again after their TTL, and publishes changes.
//
//   app.internal:8000     the A and AAAA records
//   srv:_http._tcp.app    the SRV records, then the A and AAAA records of each target
//
// Each record set is a lookup (lookup.h) with its own TTL. While no resolver responds, its last
// response stays valid.
//
// If a name has no address any more, its servers stay for `resolve-keep`. A name is first published
// when each of its lookups has ended once, so that the first requests see all addresses.
//
// At most config_server_places() addresses are used, and as many SRV targets. The best priority is
// first, then the order of their bytes, so that all hosts use the same ones.
//
// Owns its lookups. Each generation has one. The next generation gets the lookups of names that
// stay, also those under way.
#ifndef RAVELIN_MONITOR_NAMES_H
#define RAVELIN_MONITOR_NAMES_H

#include "backend/server_answers.h"
#include "monitor/resolver.h"
#include "observe/metrics.h"

struct names;

struct names_options {
    struct ev_loop *loop;
    const struct config *config; // outlives the names
    void *asker;
    void (*ask)(void *asker, struct question *question); // resolver_ask()
    void (*forget)(void *asker, struct question *question);
    // The addresses of a name have changed. `name`: in the order of server_name_next().
    void (*publish)(void *context, size_t name, const struct server_answer *answer);
    void *context;
    struct metrics_slot *metrics; // counts lookups
};

// Makes the names without asking yet. NULL: memory is short.
struct names *names_new(const struct names_options *options);
void names_free(struct names *names); // NULL is allowed
// Moves the results of `former` (NULL: none) here, publishes them, and begins to ask. `again`: asks
// for all names at once. Afterwards `former` is empty.
void names_start(struct names *names, struct names *former, bool again);
// The time of the oldest response that the servers of a name depend on, on the monotonic clock. 0:
// a response is missing. `index`: in the order of server_name_next().
int64_t names_answered_us(const struct names *names, size_t index);

#endif
