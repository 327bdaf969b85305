#include "session/bulk.h"

void bulk_end(struct bulk *bulk) {
    if (!bulk->active) {
        return;
    }
    struct sessions *sessions = bulk->session->sessions;
    bulk->active = false;
    bulk->since_us = 0; // a new measurement
    transport_set_low_water(&bulk->session->transport, 1);
    list_remove(&bulk->node);
    if (list_is_empty(&sessions->bulk)) {
        ev_timer_stop(sessions->loop, &sessions->bulk_timer);
    }
}

// Ends bulk receiving for each session that has received nothing since the last tick.
static void on_tick(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop, (void)events;
    struct sessions *sessions = timer->data;
    struct list_node *node = sessions->bulk.next;
    while (node != &sessions->bulk) {
        struct bulk *bulk = LIST_ENTRY(node, struct bulk, node);
        uint64_t received = bulk->session->transport.received;
        node = node->next;
        if (bulk->last_size == received) {
            bulk_end(bulk);
        }
        bulk->last_size = received;
    }
}

static void begin(struct bulk *bulk, struct session *session) {
    struct sessions *sessions = session->sessions;
    bulk->active = true;
    bulk->session = session;
    bulk->last_size = session->transport.received;
    transport_set_low_water(&session->transport, BULK_SIZE);
    if (list_is_empty(&sessions->bulk)) {
        ev_timer_init(&sessions->bulk_timer, on_tick, BULK_TICK_MS / 1000., BULK_TICK_MS / 1000.);
        sessions->bulk_timer.data = sessions;
        ev_timer_start(sessions->loop, &sessions->bulk_timer);
    }
    list_push_last(&sessions->bulk, &bulk->node);
}

void bulk_note(struct bulk *bulk, struct session *session, uint64_t expected) {
    if (expected < BULK_SIZE) {
        bulk_end(bulk);
    } else if (!bulk->active) {
        begin(bulk, session);
    }
}
