#include "process/notices.h"

#include "base/clock.h"

static void say_terms(const struct notices *notices) {
    const struct config *config = notices->source->config;
    const struct term *term;
    int64_t now = clock_wall_us() / 1000000;
    size_t count = 0;
    for (size_t i = 0; (term = findings_term(notices->source->findings, config, i)) != NULL; i++) {
        char text[TERM_TEXT_SIZE];
        if (term_warning(term, config, now, text) && count++ < NOTICES_MAX) {
            log_warning(notices->log, "%s", text);
        }
    }
    if (count > NOTICES_MAX) {
        log_warning(notices->log, "and %zu more certificates that expire soon or are not valid",
                    count - NOTICES_MAX);
    }
}

static void on_period(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)events;
    say_terms(timer->data);
}

void notices_start(struct notices *notices, struct ev_loop *loop, struct log *log,
                   ev_tstamp period_s) {
    *notices = (struct notices){.loop = loop, .log = log};
    ev_timer_init(&notices->timer, on_period, period_s, period_s);
    notices->timer.data = notices;
}

void notices_use(struct notices *notices, const struct source *source) {
    notices->source = source;
    log_lines(notices->log, SEVERITY_WARNING, "reader", source->warnings);
    log_lines(notices->log, SEVERITY_WARNING, "validator", source->findings->warnings);
    say_terms(notices);
    ev_timer_again(notices->loop, &notices->timer);
}

void notices_stop(struct notices *notices) {
    if (notices->loop != NULL) {
        ev_timer_stop(notices->loop, &notices->timer);
    }
}
