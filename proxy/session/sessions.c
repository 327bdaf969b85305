#include "session/sessions.h"

enum { DUE_BATCH = 32 };

static void set_timer(struct sessions *sessions, int64_t at_ms) {
    int64_t wait_ms = at_ms - sessions_now_ms(sessions);
    ev_timer_stop(sessions->loop, &sessions->wheel_timer);
    sessions->wheel_timer_ms = at_ms;
    if (at_ms != INT64_MAX) {
        ev_timer_set(&sessions->wheel_timer, wait_ms < 0 ? 0. : (double)wait_ms / 1000., 0.);
        ev_timer_start(sessions->loop, &sessions->wheel_timer);
    }
}

void sessions_await(struct sessions *sessions, struct wheel_node *node, int64_t at_ms) {
    int64_t now_ms = sessions_now_ms(sessions);
    at_ms = at_ms > now_ms ? at_ms : now_ms + 1;
    wheel_put(&sessions->wheel, node, at_ms);
    if (at_ms < sessions->wheel_timer_ms) {
        set_timer(sessions, wheel_next_ms(&sessions->wheel));
    }
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop, (void)events;
    struct sessions *sessions = timer->data;
    sessions->wheel_timer_ms = 0; // it is set below, and not by the callbacks
    wheel_run(&sessions->wheel, sessions_now_ms(sessions), DUE_BATCH);
    set_timer(sessions, wheel_next_ms(&sessions->wheel));
}

void sessions_begin_turn(struct sessions *sessions, int64_t now_us) {
    sessions->shared.turn_us = now_us;
    sessions->shared.now_ms = now_us / 1000;
}

void sessions_init(struct sessions *sessions, struct ev_loop *loop, int64_t now_us) {
    sessions->loop = loop;
    list_init(&sessions->open);
    list_init(&sessions->closed);
    list_init(&sessions->unfinished);
    list_init(&sessions->bulk);
    sessions_begin_turn(sessions, now_us);
    wheel_init(&sessions->wheel, sessions_now_ms(sessions));
    sessions->wheel_timer_ms = INT64_MAX;
    ev_init(&sessions->wheel_timer, on_timer);
    sessions->wheel_timer.data = sessions;
}

void sessions_stop(struct sessions *sessions) {
    ev_timer_stop(sessions->loop, &sessions->wheel_timer);
}
