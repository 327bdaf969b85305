#include "process/beat.h"

#include "process/children.h"
#include "process/notify.h"
#include "process/orders.h"

#include <stdio.h>

static const char *state_name(char letter) {
    switch (letter) {
    case 'T':
        return "stopped";
    case 'R':
        return "running";
    case 'D':
        return "waiting for a device";
    default:
        return "waiting";
    }
}

static void check(struct child *child) {
    if (!pulse_is_late(&child->pulse)) {
        return;
    }
    const struct process_state state = process_state_read(child->pid);
    if (pulse_judge(&child->pulse, &state)) {
        char why[96];
        (void)snprintf(why, sizeof(why), "stands still: no answer for %u s, process %s",
                       child->pulse.missed * BEAT_PERIOD_S, state_name(state.letter));
        child_kill(child, why);
    }
}

static void beat(struct child *child) {
    if (child->awaited || child->pulse.is_lost) {
        return;
    }
    if (child->state == CHILD_STARTING) {
        child->pulse.missed++;
        if (child->pulse.missed == BEAT_START_LIMIT) {
            child_kill(child, "did not start in time");
        }
        return;
    }
    if (pulse_tick(&child->pulse)) {
        struct ipc_message ping;
        ipc_init(&ping, IPC_PING, child->pulse.number);
        child_send(child, &ping);
    }
    check(child);
}

static void do_later_work(struct master *master) {
    log_flush(&master->log);
    log_writers_revive(&master->log_writers);
    if (master->untold != NULL && notify_manager(master->untold)) {
        master->untold = NULL;
    }
    orders_retry_logs(master);
    children_connect(master);
}

static void on_beat(struct ev_loop *loop, ev_timer *timer, int events) {
    struct master *master = timer->data;
    (void)loop;
    (void)events;
    for (int kind = 0; kind < CHILD_KIND_COUNT; kind++) {
        for (struct child *child = child_first(master, (enum child_kind)kind); child != NULL;
             child = child_next(child)) {
            if (child->pid > 0 && child->state != CHILD_DEAD) {
                beat(child);
            }
        }
    }
    children_check_listeners(master);
    do_later_work(master);
}

void beat_start(struct master *master) {
    ev_timer_init(&master->beat, on_beat, BEAT_PERIOD_S, BEAT_PERIOD_S);
    master->beat.data = master;
    ev_timer_start(master->loop, &master->beat);
}

void beat_stop(struct master *master) {
    ev_timer_stop(master->loop, &master->beat);
}

void beat_note_pong(struct child *child, uint64_t number) {
    if (!pulse_note_answer(&child->pulse, number)) {
        child_kill(child, "sent nonsense");
    }
}
