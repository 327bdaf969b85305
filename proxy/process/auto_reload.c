#include "process/auto_reload.h"

#include "base/clock.h"
#include "config/acme.h"
#include "config/bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_look(struct ev_loop *loop, ev_timer *timer, int events);
static void on_change(struct ev_loop *loop, ev_io *watcher, int events);
static void on_rest(struct ev_loop *loop, ev_timer *timer, int events);

static ev_tstamp monotonic_s(void) {
    return (ev_tstamp)clock_monotonic_us() / 1e6;
}

static void schedule_look(struct auto_reload *automatic, ev_tstamp delay) {
    ev_timer *look = &automatic->look;
    ev_timer_stop(automatic->loop, look);
    ev_timer_init(look, on_look, delay, 0.);
    look->data = automatic;
    ev_timer_start(automatic->loop, look);
}

// --- Watching ---

static void stop_watching(struct auto_reload *automatic) {
    ev_timer_stop(automatic->loop, &automatic->rest);
    if (automatic->files != NULL) {
        ev_io_stop(automatic->loop, &automatic->change);
        file_watch_free(automatic->files);
        automatic->files = NULL;
    }
}

static void start_watching(struct auto_reload *automatic) {
    char problem[FILE_WATCH_PROBLEM_SIZE] = "out of memory";
    size_t count;
    const struct config *config = automatic->config;
    const char **paths = config->tls.certificate_watch ? bundle_list_paths(config, &count)
                                                       : acme_list_paths(config, &count);
    if (paths != NULL) {
        automatic->files = file_watch_new(paths, count, problem);
    }
    free(paths);
    if (automatic->files != NULL) {
        ev_io_init(&automatic->change, on_change, file_watch_fd(automatic->files), EV_READ);
        automatic->change.data = automatic;
        ev_io_start(automatic->loop, &automatic->change);
    }
    if (problem[0] != '\0' && strcmp(problem, automatic->problem) != 0) {
        log_warning(automatic->log, "certificate-watch: %s: reload by hand when files change",
                    problem);
    }
    memcpy(automatic->problem, problem, sizeof(problem));
    automatic->state = automatic->files == NULL ? AUTO_RELOAD_BLIND
                       : problem[0] != '\0'     ? AUTO_RELOAD_PARTIAL
                                                : AUTO_RELOAD_WATCHING;
}

static ev_tstamp next_pause(struct auto_reload *automatic) {
    bool calm = monotonic_s() - automatic->looked_at >= AUTO_RELOAD_CALM_S;
    ev_tstamp pause = calm ? AUTO_RELOAD_PAUSE_S : automatic->pause * 2;
    pause = pause < AUTO_RELOAD_PAUSE_MAX_S ? pause : AUTO_RELOAD_PAUSE_MAX_S;
    return pause > automatic->pause_least ? pause : automatic->pause_least;
}

static void on_change(struct ev_loop *loop, ev_io *watcher, int events) {
    struct auto_reload *automatic = watcher->data;
    (void)events;
    ev_io_stop(loop, watcher);
    if (file_watch_read(automatic->files)) {
        automatic->pause = next_pause(automatic);
        schedule_look(automatic, automatic->pause);
    } else {
        ev_timer_init(&automatic->rest, on_rest, AUTO_RELOAD_REST_S, 0.);
        automatic->rest.data = automatic;
        ev_timer_start(loop, &automatic->rest);
    }
}

static void on_rest(struct ev_loop *loop, ev_timer *timer, int events) {
    struct auto_reload *automatic = timer->data;
    (void)events;
    ev_io_start(loop, &automatic->change);
}

// --- Looking ---

static void on_look(struct ev_loop *loop, ev_timer *timer, int events) {
    struct auto_reload *automatic = timer->data;
    const struct auto_reload_handler *handler = &automatic->handler;
    (void)loop;
    (void)events;
    if (!handler->may_begin(handler->context)) {
        schedule_look(automatic, AUTO_RELOAD_PAUSE_S);
        return;
    }
    automatic->looked_at = monotonic_s();
    // The watch is made first, so that changes from now on are noticed.
    stop_watching(automatic);
    start_watching(automatic);
    if (automatic->problem[0] != '\0') {
        schedule_look(automatic, AUTO_RELOAD_RETRY_S);
    }
    handler->begin(handler->context);
}

void auto_reload_note_read(struct auto_reload *automatic) {
    ev_tstamp began = automatic->looked_at;
    automatic->looked_at = monotonic_s();
    automatic->pause_least = (automatic->looked_at - began) * 10;
}

void auto_reload_note_same(struct auto_reload *automatic) {
    automatic->complaint[0] = '\0';
    log_debug(automatic->log, "no file has changed");
}

bool auto_reload_is_news(const struct auto_reload *automatic, const char *text) {
    return strcmp(text, automatic->complaint) != 0;
}

void auto_reload_note_end(struct auto_reload *automatic, int exit_code, const char *text) {
    automatic->ended_us = clock_wall_us();
    automatic->outcome = exit_code == 0 ? AUTO_RELOAD_SUCCEEDED : AUTO_RELOAD_FAILED;
    (void)snprintf(automatic->ending, sizeof(automatic->ending), "%.*s", (int)strcspn(text, "\n"),
                   text);
    (void)snprintf(automatic->complaint, sizeof(automatic->complaint), "%s",
                   exit_code == 0 ? "" : text);
    if (exit_code != 0 && !ev_is_active(&automatic->look)) {
        schedule_look(automatic, AUTO_RELOAD_RETRY_S);
    }
}

// --- On and off ---

void auto_reload_use(struct auto_reload *automatic, const struct config *config) {
    automatic->config = config;
}

void auto_reload_stop(struct auto_reload *automatic) {
    stop_watching(automatic);
    ev_timer_stop(automatic->loop, &automatic->look);
    automatic->state = AUTO_RELOAD_OFF;
    automatic->problem[0] = automatic->complaint[0] = '\0';
}

static void turn_on(struct auto_reload *automatic) {
    if (automatic->state == AUTO_RELOAD_OFF) {
        automatic->state = AUTO_RELOAD_BLIND;
        log_info(automatic->log, automatic->config->tls.certificate_watch
                                     ? "certificate-watch: reloading when files change"
                                     : "certificate acme: reloading when a certificate is there");
    }
    automatic->complaint[0] = '\0';
    automatic->pause = AUTO_RELOAD_PAUSE_S / 2; // the next reading is not because of a change
    schedule_look(automatic, 0.);
}

void auto_reload_update(struct auto_reload *automatic) {
    if (automatic->config->tls.certificate_watch || acme_is_used(automatic->config)) {
        turn_on(automatic);
    } else if (automatic->state != AUTO_RELOAD_OFF) {
        auto_reload_stop(automatic);
        log_info(automatic->log, "certificate-watch: off");
    }
}
