#include "process/auto_reload.h"

#include "base/clock.h"
#include "config/bundle.h"
#include "process/master_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_look(struct ev_loop *loop, ev_timer *timer, int events);
static void on_change(struct ev_loop *loop, ev_io *watcher, int events);
static void on_rest(struct ev_loop *loop, ev_timer *timer, int events);

static ev_tstamp monotonic_s(void) {
    return (ev_tstamp)clock_monotonic_us() / 1e6;
}

static void schedule_look(struct master *master, ev_tstamp delay) {
    ev_timer *look = &master->auto_reload.look;
    ev_timer_stop(master->loop, look);
    ev_timer_init(look, on_look, delay, 0.);
    look->data = master;
    ev_timer_start(master->loop, look);
}

// --- Watching ---

static void stop_watching(struct master *master) {
    struct auto_reload *automatic = &master->auto_reload;
    ev_timer_stop(master->loop, &automatic->rest);
    if (automatic->files != NULL) {
        ev_io_stop(master->loop, &automatic->change);
        file_watch_free(automatic->files);
        automatic->files = NULL;
    }
}

static void start_watching(struct master *master) {
    struct auto_reload *automatic = &master->auto_reload;
    char problem[FILE_WATCH_PROBLEM_SIZE] = "out of memory";
    size_t count;
    const char **paths = bundle_list_paths(master->current->config, &count);
    if (paths != NULL) {
        automatic->files = file_watch_new(paths, count, problem);
    }
    free(paths);
    if (automatic->files != NULL) {
        ev_io_init(&automatic->change, on_change, file_watch_fd(automatic->files), EV_READ);
        automatic->change.data = master;
        ev_io_start(master->loop, &automatic->change);
    }
    if (problem[0] != '\0' && strcmp(problem, automatic->problem) != 0) {
        log_warning(&master->log, "certificate-watch: %s: reload by hand when files change",
                    problem);
    }
    memcpy(automatic->problem, problem, sizeof(problem));
}

static ev_tstamp next_pause(struct master *master) {
    const struct auto_reload *automatic = &master->auto_reload;
    bool calm = monotonic_s() - automatic->looked_at >= AUTO_RELOAD_CALM_S;
    ev_tstamp pause = calm ? AUTO_RELOAD_PAUSE_S : automatic->pause * 2;
    pause = pause < AUTO_RELOAD_PAUSE_MAX_S ? pause : AUTO_RELOAD_PAUSE_MAX_S;
    return pause > automatic->pause_least ? pause : automatic->pause_least;
}

static void on_change(struct ev_loop *loop, ev_io *watcher, int events) {
    struct master *master = watcher->data;
    struct auto_reload *automatic = &master->auto_reload;
    (void)events;
    ev_io_stop(loop, watcher);
    if (file_watch_read(automatic->files)) {
        automatic->pause = next_pause(master);
        schedule_look(master, automatic->pause);
    } else {
        ev_timer_init(&automatic->rest, on_rest, AUTO_RELOAD_REST_S, 0.);
        automatic->rest.data = master;
        ev_timer_start(loop, &automatic->rest);
    }
}

static void on_rest(struct ev_loop *loop, ev_timer *timer, int events) {
    struct master *master = timer->data;
    (void)events;
    ev_io_start(loop, &master->auto_reload.change);
}

// --- Looking ---

static void on_look(struct ev_loop *loop, ev_timer *timer, int events) {
    struct master *master = timer->data;
    struct auto_reload *automatic = &master->auto_reload;
    (void)loop;
    (void)events;
    if (master->reload.phase != RELOAD_IDLE) {
        schedule_look(master, AUTO_RELOAD_PAUSE_S);
        return;
    }
    automatic->looked_at = monotonic_s();
    // First the watch: what changes from here on is noticed.
    stop_watching(master);
    start_watching(master);
    if (automatic->problem[0] != '\0') {
        schedule_look(master, AUTO_RELOAD_RETRY_S);
    }
    reload_changed_files(&master->reload);
}

void auto_reload_note_read(struct master *master) {
    struct auto_reload *automatic = &master->auto_reload;
    ev_tstamp began = automatic->looked_at;
    automatic->looked_at = monotonic_s();
    automatic->pause_least = (automatic->looked_at - began) * 10;
}

void auto_reload_note_same(struct master *master) {
    master->auto_reload.complaint[0] = '\0';
    log_debug(&master->log, "no file has changed");
}

bool auto_reload_is_news(const struct master *master, const char *text) {
    return strcmp(text, master->auto_reload.complaint) != 0;
}

void auto_reload_note_end(struct master *master, int exit_code, const char *text) {
    struct auto_reload *automatic = &master->auto_reload;
    automatic->ended_us = clock_wall_us();
    automatic->succeeded = exit_code == 0;
    (void)snprintf(automatic->ending, sizeof(automatic->ending), "%.*s", (int)strcspn(text, "\n"),
                   text);
    (void)snprintf(automatic->complaint, sizeof(automatic->complaint), "%s",
                   automatic->succeeded ? "" : text);
    if (!automatic->succeeded && !ev_is_active(&automatic->look)) {
        schedule_look(master, AUTO_RELOAD_RETRY_S);
    }
}

// --- On and off ---

void auto_reload_stop(struct master *master) {
    struct auto_reload *automatic = &master->auto_reload;
    stop_watching(master);
    ev_timer_stop(master->loop, &automatic->look);
    automatic->on = false;
    automatic->problem[0] = automatic->complaint[0] = '\0';
}

void auto_reload_update(struct master *master) {
    struct auto_reload *automatic = &master->auto_reload;
    bool was_on = automatic->on;
    if (!master->current->config->tls.certificate_watch) {
        auto_reload_stop(master);
    } else {
        automatic->on = true;
        automatic->complaint[0] = '\0';
        automatic->pause = AUTO_RELOAD_PAUSE_S / 2; // the look that comes now is not for a change
        schedule_look(master, 0.);
    }
    if (automatic->on != was_on) {
        log_info(&master->log, "certificate-watch: %s",
                 automatic->on ? "reloading when files change" : "off");
    }
}
