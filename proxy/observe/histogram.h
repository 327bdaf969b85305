// Histograms of times. Counting costs two additions: no search, no division.
//
// Buckets are logarithmic, with four parts in each power of two, from 16 microseconds to 67
// seconds. So a bucket is at most a quarter wider than its lower bound. The first bucket has all
// shorter times, the last bucket all longer times.
#ifndef RAVELIN_OBSERVE_HISTOGRAM_H
#define RAVELIN_OBSERVE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_FIRST 4 // the power of two where the second bucket begins, in microseconds
#define HISTOGRAM_POWERS 22
#define HISTOGRAM_BUCKETS ((size_t)4 * HISTOGRAM_POWERS + 2)

// Returns the bucket of a time. Negative times count as 0.
static inline size_t histogram_bucket(int64_t us) {
    if (us < 1 << HISTOGRAM_FIRST) {
        return 0;
    }
    unsigned power = 63 - (unsigned)__builtin_clzll((unsigned long long)us);
    size_t part = (size_t)((uint64_t)us >> (power - 2)) & 3;
    size_t bucket = 4 * (size_t)(power - HISTOGRAM_FIRST) + part + 1;
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

// Upper bound of a bucket in microseconds: all its times are shorter. INT64_MAX for the last
// bucket.
static inline int64_t histogram_end_us(size_t bucket) {
    if (bucket >= HISTOGRAM_BUCKETS - 1) {
        return INT64_MAX;
    }
    return bucket == 0
               ? 1 << HISTOGRAM_FIRST
               : (int64_t)(4 + (bucket - 1) % 4 + 1) << (HISTOGRAM_FIRST + (bucket - 1) / 4 - 2);
}

#endif
