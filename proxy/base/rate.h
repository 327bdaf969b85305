// How often something may be done, as a bucket of tokens: `burst` times at once, then one time in
// `interval_ms`. Zeroed but for these two it is full. What was not done is counted.
#ifndef RAVELIN_BASE_RATE_H
#define RAVELIN_BASE_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
    int64_t interval_ms;
    int64_t burst;
    int64_t full_ms;   // when the bucket will be full again
    uint64_t left_out; // since that was last taken
};

static inline bool rate_allows(const struct rate *rate, int64_t now_ms) {
    return rate->full_ms - now_ms <= (rate->burst - 1) * rate->interval_ms;
}

// True, and a token less, when it may be done now.
static inline bool rate_take(struct rate *rate, int64_t now_ms) {
    if (!rate_allows(rate, now_ms)) {
        rate->left_out++;
        return false;
    }
    rate->full_ms = (rate->full_ms < now_ms ? now_ms : rate->full_ms) + rate->interval_ms;
    return true;
}

// A token back; a full bucket stays full.
static inline void rate_give(struct rate *rate) {
    rate->full_ms -= rate->interval_ms;
}

// For a summary of what was left out: takes a token when there is one and something was left out.
static inline bool rate_take_summary(struct rate *rate, int64_t now_ms) {
    return rate->left_out > 0 && rate_allows(rate, now_ms) && rate_take(rate, now_ms);
}

#endif
