// Checks of servers (`health` of a backend): once for all workers, by the monitor.
//
// Each server is checked every `interval`, spread by up to a tenth. A check connects and, if a path
// is configured, sends one GET and reads the response, up to CHECK_RESPONSE_MAX bytes. All of this
// must end within `timeout`. With `send-proxy-protocol` the connection begins with a header that
// names no client. After `fall` failed checks in a row the server is down. After `rise` good checks
// in a row it is up. The first check of a new server decides alone.
//
// The results are in memory that workers and the master read (server_counts.h). They stay there if
// the monitor dies, and across reloads. Bounds: one connection to a server, HEALTH_CHECKS_MAX
// connections at a time; other checks wait.
#ifndef RAVELIN_MONITOR_HEALTH_H
#define RAVELIN_MONITOR_HEALTH_H

#include "monitor/watched.h"

#define HEALTH_CHECKS_MAX 256

struct server_check;

struct health_checks {
    const struct monitor_options *options;
    struct server_check *items; // [count], of the watched generation
    size_t count;
    size_t open; // number of open connections
    uint64_t random;
};

void health_checks_init(struct health_checks *checks, const struct monitor_options *options);
// Checks the servers of this generation instead of the former ones. `watched` outlives the use.
// False: memory is short, and no server is checked.
bool health_checks_use(struct health_checks *checks, const struct watched *watched);
void health_checks_free(struct health_checks *checks);

#endif
