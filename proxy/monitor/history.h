// The last 15 minutes in steps of HISTORY_STEP_S, for the status page. The monitor keeps them
// across reloads, in a fixed amount of memory.
//
// Counters of workers are read once a step. A counter that has decreased counts as unchanged.
#ifndef RAVELIN_MONITOR_HISTORY_H
#define RAVELIN_MONITOR_HISTORY_H

#include "base/json.h"
#include "observe/metrics.h"

#include <stddef.h>
#include <stdint.h>

#define HISTORY_STEP_S 5
#define HISTORY_POINTS 180

// The curves, with one value for each step.
enum history_line {
    HISTORY_REQUESTS,
    HISTORY_ERRORS, // responses with a 5xx status
    HISTORY_P50_US,
    HISTORY_P99_US, // of the duration of requests; 0: no request
    HISTORY_RESUMED,
    HISTORY_FAILED, // handshakes
    HISTORY_GROUPS, // full handshakes by group, HISTORY_GROUP_COUNT lines from here on
};

#define HISTORY_GROUP_COUNT 5
#define HISTORY_LINES (HISTORY_GROUPS + HISTORY_GROUP_COUNT)

struct history_point {
    uint32_t values[HISTORY_LINES];
};

struct history {
    struct history_point points[HISTORY_POINTS]; // a ring
    uint64_t total;                              // number of points so far
    int64_t last_us;                             // wall clock, end of the last point
    uint64_t counters[METRIC_COUNT];             // at that time
    struct time_sums times;
};

// Reads the counters with which the first step begins.
void history_begin(struct history *history, const struct metrics_slot *map, size_t slots);
// Ends a step.
void history_step(struct history *history, const struct metrics_slot *map, size_t slots,
                  int64_t now_us);
// Writes an object "history" with an array for each line, the oldest point first.
void history_to_json(const struct history *history, struct json *json);

// The time below which `share` of 256 requests are, in microseconds; 0: no request.
int64_t history_quantile_us(const struct time_sums *sums, unsigned share);

#endif
