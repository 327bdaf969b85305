// The queue of requests that wait for a connection to a server, because every server of the backend
// that may be chosen has `max-connections` connections in use.
//
// Each worker has a queue for each backend with such a limit. The bound `queue` counts the requests
// of all workers. When a connection ends, the queue of the same worker continues at once. No worker
// can wake another, so a worker with waiting requests also checks for room every QUEUE_LOOK_S.
//
// Fairness:
//   clients  a keyed hash spreads clients over QUEUE_CLASSES classes. Classes take turns; within a
//            class the first request is first. So a client with many requests waits longer than a
//            client with few, unless they share a class.
//   workers  a worker leaves a free connection to another worker, if a request there has waited
//            longer by QUEUE_LEAD_MS, but for at most QUEUE_YIELD_MS. So an attacker who controls a
//            worker and claims a waiting request only delays the others.
// While requests wait, in any worker, a new request waits behind them.
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
    ev_timer look;         // runs while a request waits
    struct list_node busy; // queue.node of the queues in which a request waits
    size_t count;          // of requests that wait in all queues
};

struct queue {
    struct list_node node;
    struct queues *queues; // NULL: no request has waited yet
    struct backend *backend;
    struct list_node classes[QUEUE_CLASSES]; // queue_waiter.node
    size_t next;                             // class whose turn is next
    uint32_t count;                          // of requests that wait
    int64_t yields_since_ms; // time since which a connection is left to another worker; 0: none
};

struct queue_waiter {
    struct list_node node;
    struct queue *queue;         // NULL: does not wait
    const struct server *server; // the only server to wait for; NULL: any server of the backend
    uint64_t key;                // of the client, see client_table_key()
    int64_t since_ms;            // begin of the wait; stays if the waiter enters again
    bool granted;                // ready() was called; the waiter is first if it enters again
    // Called when a connection is free, which may be in use again by now. May enter again, or free
    // the waiter.
    void (*ready)(struct queue_waiter *waiter);
};

void queues_init(struct queues *queues, struct ev_loop *loop, struct metrics_slot *metrics);
void queues_free(struct queues *queues); // no request may wait

// Makes the queue of a backend with limits. NULL: memory is short.
struct queue *queue_new(struct backend *backend);
void queue_free(struct queue *queue); // no request may wait; does nothing to NULL

// True if a new request must wait behind others.
bool queue_is_busy(const struct queue *queue);
// True if a new request cannot wait.
bool queue_is_full(const struct queue *queue);
// Set `server`, `key` and `ready` of the waiter first. False: the queue is full.
bool queue_enter(struct queue *queue, struct queues *queues, struct queue_waiter *waiter,
                 int64_t now_ms);
void queue_leave(struct queue_waiter *waiter); // does nothing if the waiter does not wait
// Call it when a connection to a server of the backend has ended.
void queue_note_room(struct queue *queue);

static inline bool queue_has(const struct queue_waiter *waiter) {
    return waiter->queue != NULL;
}

#endif
