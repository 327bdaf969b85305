// The lowest rate of a client. A client that moves one byte now and then is never idle, and would
// keep its exchange forever. So the time in which Ravelin waits for the client is divided into
// windows of idle-timeout. In each window, the client must move body-rate bytes a second on
// average.
//
// A stall: the client reads only after it has sent everything, the server reads only after it has
// sent everything, and so both wait forever. If neither reads a byte for PACE_STALL_MS, the request
// is given up, so that the response can end.
//
// This module only calculates. The caller passes the time (ms of the monotonic clock, never 0) and
// the number of bytes that the client has moved so far, in both directions. This number may cost a
// system call, so only the begin and end of a window or a stall need it.
#ifndef RAVELIN_EXCHANGE_PACE_H
#define RAVELIN_EXCHANGE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_STALL_MS 5000

struct pace {
    bool window_open;
    int64_t waited_ms;      // in this window, without the present wait
    int64_t wait_begun_ms;  // begin of the present wait; 0: no wait
    uint64_t window_moved;  // bytes moved when the window began
    int64_t stalled_ms;     // since when neither side takes bytes; 0: no stall
    uint64_t stalled_moved; // bytes moved when the stall began
};

void pace_open_window(struct pace *pace, uint64_t moved);
// Begins a wait, unless one is under way. A window must be open.
void pace_begin_wait(struct pace *pace, int64_t now_ms);
// Ends the present wait. Its time counts in the window.
void pace_end_wait(struct pace *pace, int64_t now_ms);
// Call it if neither side takes bytes. Begins a stall. If a side has taken bytes since the stall
// began, the stall begins again.
void pace_note_stall(struct pace *pace, int64_t now_ms, uint64_t moved);
void pace_forget_stall(struct pace *pace);
// When a wait must be checked: at the end of its window or of its stall.
int64_t pace_deadline(const struct pace *pace, int64_t window_ms);
bool pace_stall_is_due(const struct pace *pace, int64_t now_ms);
// Ends a stall that has reached PACE_STALL_MS. True: neither side has taken a byte in it.
bool pace_end_stall(struct pace *pace, uint64_t moved);
// Call it at the end of a window. `rate`: bytes a second; 0: one byte is enough.
bool pace_is_too_slow(const struct pace *pace, uint64_t rate, int64_t window_ms, uint64_t moved);

#endif
