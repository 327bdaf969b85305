// Runs a libev loop until something has happened.
#ifndef RAVELIN_TESTS_LOOP_H
#define RAVELIN_TESTS_LOOP_H

#include <ev.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LOOP_PATIENCE_S 20

static inline void loop_gives_up(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop, (void)events;
    *(bool *)timer->data = true;
}

// Runs the loop until the condition holds; fails when that takes too long.
#define RUN_UNTIL(loop, condition)                                                                 \
    do {                                                                                           \
        bool given_up = false;                                                                     \
        ev_timer patience;                                                                         \
        ev_timer_init(&patience, loop_gives_up, LOOP_PATIENCE_S, 0);                               \
        patience.data = &given_up;                                                                 \
        ev_now_update(loop);                                                                       \
        ev_timer_start(loop, &patience);                                                           \
        while (!(condition) && !given_up) {                                                        \
            ev_run(loop, EVRUN_ONCE);                                                              \
        }                                                                                          \
        ev_timer_stop(loop, &patience);                                                            \
        assert_true(condition);                                                                    \
    } while (0)

// Everything that is ready already is told, and no more is waited for.
static inline void run_ready(struct ev_loop *loop) {
    ev_run(loop, EVRUN_NOWAIT);
}

#endif
