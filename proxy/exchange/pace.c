#include "exchange/pace.h"

void pace_open_window(struct pace *pace, uint64_t moved) {
    pace->window_open = true;
    pace->waited_ms = 0;
    pace->window_moved = moved;
}

void pace_begin_wait(struct pace *pace, int64_t now_ms) {
    if (pace->wait_begun_ms == 0) {
        pace->wait_begun_ms = now_ms;
    }
}

void pace_end_wait(struct pace *pace, int64_t now_ms) {
    if (pace->wait_begun_ms != 0) {
        pace->waited_ms += now_ms - pace->wait_begun_ms;
        pace->wait_begun_ms = 0;
    }
}

void pace_note_stall(struct pace *pace, int64_t now_ms, uint64_t moved) {
    if (pace->stalled_ms == 0 || pace->stalled_moved != moved) {
        pace->stalled_ms = now_ms;
        pace->stalled_moved = moved;
    }
}

void pace_forget_stall(struct pace *pace) {
    pace->stalled_ms = 0;
}

int64_t pace_deadline(const struct pace *pace, int64_t window_ms) {
    int64_t at_ms = pace->wait_begun_ms + window_ms - pace->waited_ms;
    int64_t stall_ms = pace->stalled_ms + PACE_STALL_MS;
    return pace->stalled_ms != 0 && stall_ms < at_ms ? stall_ms : at_ms;
}

bool pace_stall_is_due(const struct pace *pace, int64_t now_ms) {
    return pace->stalled_ms != 0 && now_ms - pace->stalled_ms >= PACE_STALL_MS;
}

bool pace_end_stall(struct pace *pace, uint64_t moved) {
    pace->stalled_ms = 0;
    return pace->stalled_moved == moved;
}

bool pace_is_too_slow(const struct pace *pace, uint64_t rate, int64_t window_ms, uint64_t moved) {
    uint64_t least = rate * (uint64_t)window_ms / 1000;
    return moved - pace->window_moved < (least == 0 ? 1 : least);
}
