#include "process/beat.h"

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

static void tick(struct child *child) {
    if (child->awaited || child->pulse.state == PULSE_LOST) {
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

static void on_beat(struct ev_loop *loop, ev_timer *timer, int events) {
    struct beat *beat = timer->data;
    (void)loop;
    (void)events;
    for (struct child *child = child_first(beat->children, NULL); child != NULL;
         child = child_next(child, NULL)) {
        if (child->pid > 0 && child->state != CHILD_DEAD) {
            tick(child);
        }
    }
    beat->later(beat->context);
}

void beat_start(struct beat *beat) {
    ev_timer_init(&beat->timer, on_beat, BEAT_PERIOD_S, BEAT_PERIOD_S);
    beat->timer.data = beat;
    ev_timer_start(beat->children->loop, &beat->timer);
}

void beat_stop(struct beat *beat) {
    if (beat->children != NULL) {
        ev_timer_stop(beat->children->loop, &beat->timer);
    }
}
