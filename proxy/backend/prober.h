// Brings servers back that are out of use. It connects to those that are out after a failed
// connection, so that no request waits for a server that is gone. A connection that is made brings
// the server back and goes to the pool. With `send-proxy-protocol` it is closed, after a header
// that names no client. The prober also brings back servers of any fault that checks find up again.
//
// Each worker has one prober. It does something only while such a server of the present backend set
// is out of use: every PROBER_TICK_MS it looks at the checks, and begins the connections that are
// due. Bounds: one connection to a server, PROBER_PROBES_MAX at a time, each for at most
// `connect-timeout`.
#ifndef RAVELIN_BACKEND_PROBER_H
#define RAVELIN_BACKEND_PROBER_H

#include "backend/pool.h"

#define PROBER_TICK_MS 50
#define PROBER_PROBES_MAX 64

struct probe;

struct prober {
    struct pool *pool;
    struct backend_set *set; // NULL: none yet
    struct list_node probes; // probe.node
    size_t probe_count;
    ev_timer tick;
};

void prober_init(struct prober *prober, struct pool *pool);
void prober_free(struct prober *prober);
// Uses `set`, which outlives the use, from now on. Ends what was begun for another set.
void prober_use(struct prober *prober, struct backend_set *set);
// A server went out of use.
void prober_wake(struct prober *prober);

#endif
