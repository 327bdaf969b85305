// The names of servers: which addresses each has now. The monitor asks for each name's records,
// asks again when their TTL has passed, and publishes what has changed.
//
//   app.internal:8000     the A and AAAA records
//   srv:_http._tcp.app    the SRV records, then the A and AAAA records of each target
//
// Each record set is a lookup of its own (lookup.h) with its own time. If no resolver answers, its
// last answer counts for as long as that lasts.
//
// If a name has no address any more, the servers stay for `resolve-keep`. A name is first published
// when each of its lookups has ended once, so that the first requests see all addresses.
//
// At most config_server_places() addresses are used, and as many SRV targets: those of the best
// priority first, then in the order of their bytes, so that all hosts use the same.
//
// Owns its lookups. A generation has one; the next one takes over the names that stay, with what is
// under way.
#ifndef RAVELIN_MONITOR_NAMES_H
#define RAVELIN_MONITOR_NAMES_H

#include "backend/server_answers.h"
#include "monitor/resolver.h"

struct names;

struct names_options {
    struct ev_loop *loop;
    const struct config *config; // outlives the names
    void *asker;
    void (*ask)(void *asker, struct question *question); // resolver_ask()
    void (*forget)(void *asker, struct question *question);
    // What is known of the name, in the order of server_name_next(), has changed.
    void (*publish)(void *context, size_t name, const struct server_answer *answer);
    void *context;
};

// Asks nothing yet. NULL: memory is short.
struct names *names_new(const struct names_options *options);
void names_free(struct names *names); // NULL is fine
// Takes over what `former` (NULL: none) knows, publishes it, and begins to ask. `again`: asks for
// all names at once. Afterwards `former` is empty.
void names_start(struct names *names, struct names *former, bool again);

#endif
