// A claim: the part of a limit over all workers that one worker says it uses. An attacker may
// control this worker, so other workers use a claim only up to a bound.
//
// The kernel spreads connections evenly and at random. An honest worker therefore has about limit /
// slots, and rarely a quarter and 16 more. The bound is also below the limit itself, so that a
// false claim never uses up the limit for the others: each of them can still serve. Its cost: if
// one worker really has more than the bound, the others together exceed the limit, by 1 for a small
// limit and always by less than the limit itself.
#ifndef RAVELIN_BASE_CLAIM_H
#define RAVELIN_BASE_CLAIM_H

#include <stddef.h>
#include <stdint.h>

// Returns the largest claim of one worker that counts, if `slots` other workers (at least 1) share
// `limit`. If the limit is 1, a claim of 1 counts, because 1 cannot be divided.
static inline uint64_t claim_bound(uint64_t limit, size_t slots) {
    uint64_t share = limit / slots;
    uint64_t plausible = share + share / 4 + 16;
    uint64_t below = limit > 1 ? limit - 1 : limit;
    return plausible < below ? plausible : below;
}

#endif
