// A rate limit, as a bucket of tokens: `burst` times at once, then once in `interval_ms`. Each
// refusal is counted. A new bucket is full: set these two members and zero the others. No
// allocation, no clock: the caller passes the time.
#ifndef RAVELIN_BASE_RATE_H
#define RAVELIN_BASE_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
    int64_t interval_ms;
    int64_t burst;
    int64_t full_ms;   // time at which the bucket is full again
    uint64_t left_out; // refusals since the owner last set it to 0
};

static inline bool rate_allows(const struct rate *rate, int64_t now_ms) {
    return rate->full_ms - now_ms <= (rate->burst - 1) * rate->interval_ms;
}

// True: it may be done now, and a token was removed. False: counted in `left_out`.
static inline bool rate_take(struct rate *rate, int64_t now_ms) {
    if (!rate_allows(rate, now_ms)) {
        rate->left_out++;
        return false;
    }
    rate->full_ms = (rate->full_ms < now_ms ? now_ms : rate->full_ms) + rate->interval_ms;
    return true;
}

// Returns a token that rate_take() removed.
static inline void rate_give(struct rate *rate) {
    rate->full_ms -= rate->interval_ms;
}

// True: there were refusals, and a token was removed for a line that reports them.
static inline bool rate_take_summary(struct rate *rate, int64_t now_ms) {
    return rate->left_out > 0 && rate_allows(rate, now_ms) && rate_take(rate, now_ms);
}

#endif
