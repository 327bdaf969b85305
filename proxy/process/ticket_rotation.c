#include "process/ticket_rotation.h"

#include "base/clock.h"

static void report_no_randomness(const struct ticket_rotation *rotation) {
    log_error(rotation->log,
              "cannot create a ticket key: no random bytes; still using the current key");
}

static void on_rotation(struct ev_loop *loop, ev_timer *timer, int events) {
    struct ticket_rotation *rotation = timer->data;
    (void)loop;
    (void)events;
    if (!ticket_store_rotate(rotation->tickets)) {
        report_no_randomness(rotation);
    } else {
        rotation->made_us = clock_wall_us();
    }
}

void ticket_rotation_use(struct ticket_rotation *rotation, uint32_t lifetime_s) {
    ev_timer *timer = &rotation->timer;
    ev_tstamp interval = (ev_tstamp)lifetime_s;
    bool was_on = ev_is_active(timer);
    if (was_on && interval == timer->repeat) {
        return;
    }
    // A reload does not delay a rotation: the time since the last rotation counts.
    ev_tstamp since = was_on ? timer->repeat - ev_timer_remaining(rotation->loop, timer) : 0.;
    ev_timer_stop(rotation->loop, timer);
    if (interval > 0.) {
        ev_timer_init(timer, on_rotation, since < interval ? interval - since : 0., interval);
        timer->data = rotation;
        ev_timer_start(rotation->loop, timer);
    }
    // If tickets are turned off, the keys are useless. If they are turned on, older tickets must
    // not resume.
    if (was_on != (interval > 0.) && !ticket_store_renew(rotation->tickets)) {
        report_no_randomness(rotation);
    } else if (was_on != (interval > 0.)) {
        rotation->made_us = clock_wall_us();
    }
    rotation->made_us = interval > 0. ? rotation->made_us : 0;
}

void ticket_rotation_resume(struct ticket_rotation *rotation, uint32_t lifetime_s,
                            uint32_t since_s) {
    ev_timer *timer = &rotation->timer;
    if (lifetime_s == 0) { // the keys are useless
        if (!ticket_store_renew(rotation->tickets)) {
            report_no_randomness(rotation);
        }
        return;
    }
    rotation->made_us = clock_wall_us() - (int64_t)since_s * 1000000;
    ev_tstamp left = since_s < lifetime_s ? (ev_tstamp)(lifetime_s - since_s) : 0.;
    ev_timer_init(timer, on_rotation, left, (ev_tstamp)lifetime_s);
    timer->data = rotation;
    ev_timer_start(rotation->loop, timer);
}

uint32_t ticket_rotation_age(const struct ticket_rotation *rotation) {
    const ev_timer *timer = &rotation->timer;
    ev_tstamp left = ev_is_active(timer)
                         ? ev_timer_remaining(rotation->loop, (ev_timer *)(uintptr_t)timer)
                         : timer->repeat;
    ev_tstamp age = timer->repeat - left;
    return age > 0. ? (uint32_t)age : 0;
}
