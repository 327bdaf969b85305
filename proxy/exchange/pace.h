// How fast a client must be. A client that moves a byte now and then is never idle, and would hold
// its exchange for ever. So the time that it is waited for is divided into windows of idle-timeout,
// and it must move body-rate in each.
//
// A client that reads only after it has sent everything, and a server that reads only after it has
// sent everything, wait for each other: a stall. After PACE_STALL_MS in which neither read a byte,
// the request is given up, so that the response can end.
//
// Only arithmetic: the caller says how late it is (ms of the monotonic clock, never 0) and how many
// bytes the client has moved ever, in either direction. Counting those may cost a system call, so
// it is asked for only where a window or a stall begins or ends.
#ifndef RAVELIN_EXCHANGE_PACE_H
#define RAVELIN_EXCHANGE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_STALL_MS 5000

struct pace {
    bool window_open;
    int64_t waited_ms;     // in this window, without the wait that goes on
    int64_t wait_begun_ms; // the client is waited for since then; 0: not now
    uint64_t window_moved; // bytes, when the window began
    int64_t stalled_ms;    // neither side takes bytes since then; 0: one of them does
    uint64_t stalled_moved;
};

void pace_open_window(struct pace *pace, uint64_t moved);
// A wait goes on if there is one. There must be an open window.
void pace_begin_wait(struct pace *pace, int64_t now_ms);
// The wait is over, for now: it counts in the window.
void pace_end_wait(struct pace *pace, int64_t now_ms);
// Neither side takes bytes. The stall begins anew if one has since it began.
void pace_note_stall(struct pace *pace, int64_t now_ms, uint64_t moved);
void pace_forget_stall(struct pace *pace);
// When a wait must be looked at: its window ends, or its stall does.
int64_t pace_deadline(const struct pace *pace, int64_t window_ms);
bool pace_stall_is_due(const struct pace *pace, int64_t now_ms);
// Ends a stall that is due. True: neither side has taken a byte in it.
bool pace_end_stall(struct pace *pace, uint64_t moved);
// At the end of a window. `rate`: bytes a second; with 0 one byte is enough.
bool pace_is_too_slow(const struct pace *pace, uint64_t rate, int64_t window_ms, uint64_t moved);

#endif
