#include "backend/queue.h"

#include "base/clock.h"

#include <stdlib.h>

// --- What the other workers see ---

// Begin of the longest wait for any server; 0: none. The first waiter of a class represents the
// class.
static int64_t find_oldest(const struct queue *queue) {
    int64_t oldest = 0;
    for (size_t i = 0; i < QUEUE_CLASSES; i++) {
        const struct list_node *class = &queue->classes[i];
        const struct queue_waiter *first = LIST_ENTRY(class->next, struct queue_waiter, node);
        if (!list_is_empty(class) && first->server == NULL &&
            (oldest == 0 || first->since_ms < oldest)) {
            oldest = first->since_ms;
        }
    }
    return oldest;
}

static uint32_t cell_of(const struct queue *queue) {
    return queue->backend->view.entries[0].cell;
}

// After a reload, requests may still wait in the queue of the former generation, which has the same
// cell.
static void publish(const struct queue *queue) {
    const struct list_node *busy = &queue->queues->busy;
    uint32_t cell = cell_of(queue);
    uint32_t count = 0;
    int64_t oldest = 0;
    for (const struct list_node *node = busy->next; node != busy; node = node->next) {
        const struct queue *one = LIST_ENTRY(node, struct queue, node);
        if (cell_of(one) == cell) {
            int64_t since_ms = find_oldest(one);
            count += one->count;
            oldest = oldest == 0 || (since_ms != 0 && since_ms < oldest) ? since_ms : oldest;
        }
    }
    server_counter_set_waiting(&queue->backend->view.counter, cell, count, oldest);
}

// Whether this worker must leave a connection to another one.
static bool must_yield(struct queue *queue, int64_t now_ms) {
    const struct server_counter *counter = &queue->backend->view.counter;
    int64_t others = server_counter_oldest(counter, cell_of(queue));
    if (others == 0 || others + QUEUE_LEAD_MS >= find_oldest(queue)) {
        queue->yields_since_ms = 0;
        return false;
    }
    if (queue->yields_since_ms == 0) {
        queue->yields_since_ms = now_ms;
    }
    return now_ms - queue->yields_since_ms < QUEUE_YIELD_MS;
}

// --- Giving room ---

// The first waiter of a class that has room. `room`: there is room for waiters for any server.
static struct queue_waiter *find_in_class(const struct list_node *class, bool room) {
    for (struct list_node *node = class->next; node != class; node = node->next) {
        struct queue_waiter *waiter = LIST_ENTRY(node, struct queue_waiter, node);
        if (waiter->server == NULL ? room : server_has_room(waiter->server)) {
            return waiter;
        }
    }
    return NULL;
}

static struct queue_waiter *find_next(const struct queue *queue, int64_t now_ms) {
    bool room = backend_has_room(queue->backend, now_ms);
    struct queue_waiter *waiter = NULL;
    // Only a waiter for one server can have room where there is none by the balance.
    bool looks = room || queue->backend->config->sticky != NULL;
    for (size_t i = 0; looks && waiter == NULL && i < QUEUE_CLASSES; i++) {
        waiter = find_in_class(&queue->classes[(queue->next + i) % QUEUE_CLASSES], room);
    }
    return waiter;
}

// Calls one waiter. False: there is no room for any.
static bool grant_one(struct queues *queues, int64_t now_ms) {
    for (struct list_node *node = queues->busy.next; node != &queues->busy; node = node->next) {
        struct queue *queue = LIST_ENTRY(node, struct queue, node);
        struct queue_waiter *waiter = find_next(queue, now_ms);
        if (waiter == NULL || must_yield(queue, now_ms)) {
            continue;
        }
        queue->yields_since_ms = 0;
        queue->next = waiter->key % QUEUE_CLASSES + 1;
        list_remove(&queue->node); // the next time, another queue has its turn
        list_push_last(&queues->busy, &queue->node);
        queue_leave(waiter);
        waiter->granted = true;
        waiter->ready(waiter); // may free the waiter, and the queue
        return true;
    }
    return false;
}

static void on_look(struct ev_loop *loop, ev_timer *timer, int events) {
    struct queues *queues = timer->data;
    (void)events;
    int64_t now_ms = clock_monotonic_us() / 1000;
    for (size_t left = queues->count; left > 0 && grant_one(queues, now_ms); left--) {
    }
    if (queues->count > 0) {
        timer->repeat = QUEUE_LOOK_S;
        ev_timer_again(loop, timer);
    }
}

// --- Queues ---

void queues_init(struct queues *queues, struct ev_loop *loop, struct metrics_slot *metrics) {
    *queues = (struct queues){.loop = loop, .metrics = metrics};
    list_init(&queues->busy);
    ev_init(&queues->look, on_look);
    queues->look.data = queues;
}

void queues_free(struct queues *queues) {
    ev_timer_stop(queues->loop, &queues->look);
}

struct queue *queue_new(struct backend *backend) {
    struct queue *queue = calloc(1, sizeof(*queue));
    if (queue != NULL) {
        queue->backend = backend;
        list_init(&queue->node);
        for (size_t i = 0; i < QUEUE_CLASSES; i++) {
            list_init(&queue->classes[i]);
        }
    }
    return queue;
}

void queue_free(struct queue *queue) {
    free(queue);
}

static uint32_t waiting_in_all(const struct queue *queue) {
    return server_counter_waiting(&queue->backend->view.counter, cell_of(queue));
}

bool queue_is_busy(const struct queue *queue) {
    return waiting_in_all(queue) > 0;
}

bool queue_is_full(const struct queue *queue) {
    return waiting_in_all(queue) >= queue->backend->config->queue;
}

// Soon, but not from within the code that released the connection.
static void look_now(struct queues *queues) {
    ev_timer_stop(queues->loop, &queues->look);
    ev_timer_set(&queues->look, 0., 0.);
    ev_timer_start(queues->loop, &queues->look);
}

bool queue_enter(struct queue *queue, struct queues *queues, struct queue_waiter *waiter,
                 int64_t now_ms) {
    struct list_node *class = &queue->classes[waiter->key % QUEUE_CLASSES];
    if (!waiter->granted && queue_is_full(queue)) {
        return false;
    }
    waiter->queue = queue;
    if (waiter->granted) {
        list_push_first(class, &waiter->node);
    } else {
        waiter->since_ms = now_ms;
        list_push_last(class, &waiter->node);
    }
    queue->queues = queues;
    if (queue->count++ == 0) {
        list_push_last(&queues->busy, &queue->node);
    }
    if (queues->count++ == 0 || !waiter->granted) {
        look_now(queues);
    }
    metric_add(queues->metrics, METRIC_queue_waiting, 1);
    publish(queue);
    return true;
}

void queue_leave(struct queue_waiter *waiter) {
    struct queue *queue = waiter->queue;
    if (queue == NULL) {
        return;
    }
    waiter->queue = NULL;
    list_remove(&waiter->node);
    if (--queue->count == 0) {
        list_remove(&queue->node);
    }
    if (--queue->queues->count == 0) {
        ev_timer_stop(queue->queues->loop, &queue->queues->look);
    }
    metric_subtract(queue->queues->metrics, METRIC_queue_waiting, 1);
    publish(queue);
}

void queue_note_room(struct queue *queue) {
    if (queue->count > 0) {
        look_now(queue->queues);
    }
}
