#include "process/server_events.h"

#include "base/clock.h"

#include <inttypes.h>

enum { LINES_INTERVAL_MS = 100, LINES_BURST = 200 };

struct subject {
    const struct config_backend *backend;
    const struct server_entry *entry;
    char text[ADDRESS_TEXT_SIZE];
};

static void report_out(struct server_events *events, const struct subject *subject,
                       const struct server_health *health) {
    char why[FAULT_TEXT_SIZE];
    fault_write(health->fault, why);
    log_warning(events->log, "server %s/%s: out of use: %s", subject->backend->name, subject->text,
                why);
}

static void report_return(struct server_events *events, const struct subject *subject,
                          const char *what, int64_t time_ms) {
    log_info(events->log, "server %s/%s: %s again after %" PRId64 ".%" PRId64 " s",
             subject->backend->name, subject->text, what, time_ms / 1000, time_ms % 1000 / 100);
}

static void look_at_failures(struct server_events *events, const struct subject *subject,
                             int64_t now_ms) {
    int64_t *out_ms = &events->out_ms[subject->entry->cell];
    const struct server_health health = server_counts_summary(events->counts, subject->entry->cell);
    if ((health.workers_out > 0) == (*out_ms != 0)) {
        return;
    }
    if (rate_take(&events->lines, now_ms)) {
        if (health.workers_out > 0) {
            report_out(events, subject, &health);
        } else {
            report_return(events, subject, "in use", now_ms - *out_ms);
        }
    }
    *out_ms = health.workers_out > 0 ? now_ms : 0;
}

static void look_at_checks(struct server_events *events, const struct subject *subject,
                           int64_t now_ms) {
    const struct check *check = &server_counts_checks(events->counts)[subject->entry->cell];
    int64_t *down_ms = &events->down_ms[subject->entry->cell];
    bool down = subject->backend->health_count > 0 && check_standing(check) == CHECK_DOWN;
    if (down == (*down_ms != 0)) {
        return;
    }
    if (rate_take(&events->lines, now_ms)) {
        if (down) {
            char why[CHECK_TEXT_SIZE];
            check_write(check->fault, subject->backend->health, why);
            log_warning(events->log, "server %s/%s: down: %s", subject->backend->name,
                        subject->text, why);
        } else {
            report_return(events, subject, "up", now_ms - *down_ms);
        }
    }
    *down_ms = down ? now_ms : 0;
}

// Writes the name of the server. False: the place has none.
static bool prepare(struct server_events *events, struct subject *subject) {
    uint32_t cell = subject->entry->cell;
    struct address address;
    uint32_t version = server_entry_address(subject->entry, &address);
    bool is_there = server_entry_standing(subject->entry) != SERVER_ABSENT;
    // The former values are of another address.
    if (!is_there || events->versions[cell] != version) {
        events->versions[cell] = version;
        events->out_ms[cell] = events->down_ms[cell] = 0;
    }
    address_format(&address, subject->text);
    return is_there;
}

// Clears the cells of new servers.
static void forget_new(struct server_events *events, const struct source *source) {
    for (size_t i = 0; i < source->servers.count; i++) {
        const struct server_entry *entry = server_table_entry(&source->servers, i);
        if (entry->former == 0) {
            events->out_ms[entry->cell] = events->down_ms[entry->cell] = 0;
        }
    }
    events->generation = source->number;
}

static void look(struct server_events *events, int64_t now_ms) {
    const struct source *source = *events->current;
    size_t index = 0;
    if (events->generation != source->number) {
        forget_new(events, source);
    }
    for (size_t i = 0; i < source->config->backend_count; i++) {
        const struct config_backend *backend = &source->config->backends[i];
        for (size_t left = config_backend_places(backend); left > 0; left--, index++) {
            struct subject subject = {backend, server_table_entry(&source->servers, index), ""};
            if (prepare(events, &subject)) {
                look_at_failures(events, &subject, now_ms);
                look_at_checks(events, &subject, now_ms);
            }
        }
    }
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int revents) {
    struct server_events *events = timer->data;
    int64_t now_ms = clock_monotonic_us() / 1000;
    uint32_t changes = server_counts_changes(events->counts);
    (void)loop;
    (void)revents;
    if (rate_take_summary(&events->lines, now_ms)) {
        log_warning(events->log, "%" PRIu64 " more lines about servers were left out",
                    events->lines.left_out);
        events->lines.left_out = 0;
    }
    if (changes != events->changes || events->generation != (*events->current)->number) {
        events->changes = changes;
        look(events, now_ms);
    }
}

void server_events_start(struct server_events *events) {
    events->lines = (struct rate){.interval_ms = LINES_INTERVAL_MS, .burst = LINES_BURST};
    ev_timer_init(&events->timer, on_tick, SERVER_EVENTS_PERIOD_S, SERVER_EVENTS_PERIOD_S);
    events->timer.data = events;
    ev_timer_start(events->loop, &events->timer);
}

void server_events_stop(struct server_events *events) {
    if (events->loop != NULL) {
        ev_timer_stop(events->loop, &events->timer);
    }
}
