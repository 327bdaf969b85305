// A claim: the share of a limit over all workers that one worker says it holds. An attacker may
// control that worker, so the others believe a claim only up to a bound.
//
// The kernel spreads connections evenly and at random. An honest worker therefore holds about
// limit / slots, and rarely a quarter and 16 more. The bound is also below the limit itself, so
// that one lying worker never uses up the limit for the others: each of them can still serve. The
// price: when one worker really holds more than the bound, the others together exceed the limit, by
// 1 for a small limit and by less than the limit itself for any.
#ifndef RAVELIN_BASE_CLAIM_H
#define RAVELIN_BASE_CLAIM_H

#include <stddef.h>
#include <stdint.h>

// The largest claim to believe of one worker, if `slots` other workers (at least 1) share `limit`.
// A claim of 1 is believed if the limit is 1, because 1 cannot be divided.
static inline uint64_t claim_bound(uint64_t limit, size_t slots) {
    uint64_t share = limit / slots;
    uint64_t plausible = share + share / 4 + 16;
    uint64_t below = limit > 1 ? limit - 1 : limit;
    return plausible < below ? plausible : below;
}

#endif
