// Who waits for a connection to a server, because all servers of a backend that could be chosen
// have `max-connections` of them in use.
//
// Each worker has a queue for each backend with such a limit. Requests of all workers count against
// the bound `queue`. A connection that is given up is noted in the same worker at once, and by the
// others, which look every QUEUE_LOOK_S while someone waits in them (no worker can wake another).
//
// Fair, in two ways:
//   clients  a queue has QUEUE_CLASSES classes, to which a keyed hash spreads clients. Classes take
//            turns, and within a class who came first is first. A client with many requests
//            therefore waits longer than one with few, unless they share a class.
//   workers  a worker leaves a connection that is free to another worker if a request there waits
//            for longer than its own by QUEUE_LEAD_MS, but for QUEUE_YIELD_MS at most: a worker
//            that was taken over, and claims that one waits for ever, delays the others and no
//            more.
// A request that comes while others wait, in any worker, goes into the queue behind them.
#ifndef RAVELIN_BACKEND_QUEUE_H
#define RAVELIN_BACKEND_QUEUE_H

#include "backend/backend.h"
#include "base/list.h"
#include "observe/metrics.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#define QUEUE_CLASSES 256
#define QUEUE_LOOK_S 0.002
#define QUEUE_LEAD_MS 50
#define QUEUE_YIELD_MS 20

// All queues of a worker.
struct queues {
    struct ev_loop *loop;
    struct metrics_slot *metrics;
    ev_timer look;         // runs while somebody waits
    struct list_node busy; // queue.node, of those with somebody in them
    size_t count;          // who waits in all of them
};

struct queue {
    struct list_node node;
    struct queues *queues; // NULL: nobody has waited yet
    struct backend *backend;
    struct list_node classes[QUEUE_CLASSES]; // queue_waiter.node
    size_t next;                             // the class whose turn it is
    uint32_t count;
    int64_t yields_since_ms; // a connection is left to another worker since then; 0: none is
};

struct queue_waiter {
    struct list_node node;
    struct queue *queue;         // NULL: it does not wait
    const struct server *server; // the only one that it waits for; NULL: any of the backend
    uint64_t key;                // of the client, see client_table_key()
    int64_t since_ms;            // when it came; kept when it waits once more
    bool granted;                // it was called, and is the first when it has to wait once more
    // There is room: it may be taken by now. May wait once more, or free the waiter.
    void (*ready)(struct queue_waiter *waiter);
};

void queues_init(struct queues *queues, struct ev_loop *loop, struct metrics_slot *metrics);
void queues_free(struct queues *queues); // nobody waits any more

// For a backend with limits; NULL when memory is short.
struct queue *queue_new(struct backend *backend);
void queue_free(struct queue *queue); // NULL is fine; nobody waits in it

// Whether a request that comes now must wait for others.
bool queue_is_busy(const struct queue *queue);
// The waiter has `server`, `key` and `ready`. False: as many wait as may.
bool queue_enter(struct queue *queue, struct queues *queues, struct queue_waiter *waiter,
                 int64_t now_ms);
void queue_leave(struct queue_waiter *waiter); // one that does not wait is fine
// A connection to a server of the backend was given up.
void queue_note_room(struct queue *queue);

static inline bool queue_has(const struct queue_waiter *waiter) {
    return waiter->queue != NULL;
}

#endif
