// Sums of numbers that another process can write. An attacker who controls this process can make a
// sum as large as UINT64_MAX, but cannot wrap it, so that a sum of counters never becomes smaller.
#ifndef RAVELIN_BASE_SATURATE_H
#define RAVELIN_BASE_SATURATE_H

#include <stdint.h>

// At most UINT64_MAX.
static inline uint64_t add_saturated(uint64_t sum, uint64_t value) {
    return value > UINT64_MAX - sum ? UINT64_MAX : sum + value;
}

#endif
