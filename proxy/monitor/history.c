#include "monitor/history.h"

static const struct {
    const char *name;
    enum metric metric;
} counted[] = {
    {"requests", METRIC_requests},
    {"errors", METRIC_responses_5xx},
    {"p50_us", METRIC_COUNT},
    {"p99_us", METRIC_COUNT},
    {"resumed", METRIC_handshakes_resumed},
    {"failed", METRIC_handshakes_failed},
    {"X25519MLKEM768", METRIC_group_x25519mlkem768},
    {"SecP256r1MLKEM768", METRIC_group_secp256r1mlkem768},
    {"X25519", METRIC_group_x25519},
    {"P-256", METRIC_group_p256},
    {"P-384", METRIC_group_p384},
};

_Static_assert(sizeof(counted) / sizeof(counted[0]) == HISTORY_LINES, "a row for each line");

static uint64_t growth(uint64_t now, uint64_t before) {
    return now > before ? now - before : 0;
}

static uint32_t bounded(uint64_t value) {
    return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

static void read_counters(struct history *history, const struct metrics_slot *map, size_t slots,
                          uint64_t growths[METRIC_COUNT]) {
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        uint64_t now = metrics_sum(map, slots, (enum metric)i);
        growths[i] = growth(now, history->counters[i]);
        history->counters[i] = now;
    }
}

void history_begin(struct history *history, const struct metrics_slot *map, size_t slots) {
    uint64_t ignored[METRIC_COUNT];
    read_counters(history, map, slots, ignored);
    metrics_sum_times(map, slots, TIME_REQUEST, &history->times);
}

// Within a bucket, times count as evenly spread.
int64_t history_quantile_us(const struct time_sums *sums, unsigned share) {
    double total = 0.;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        total += (double)sums->buckets[i];
    }
    double wanted = total * share / 256.;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS && total > 0.; i++) {
        double here = (double)sums->buckets[i];
        if (here > 0. && wanted <= here) {
            int64_t begin = i == 0 ? 0 : histogram_end_us(i - 1);
            int64_t end = histogram_end_us(i) == INT64_MAX ? begin : histogram_end_us(i);
            return begin + (int64_t)((double)(end - begin) * wanted / here);
        }
        wanted -= here;
    }
    return 0;
}

static void note_times(struct history *history, struct history_point *point,
                       const struct metrics_slot *map, size_t slots) {
    struct time_sums now;
    struct time_sums growths;
    metrics_sum_times(map, slots, TIME_REQUEST, &now);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        growths.buckets[i] = growth(now.buckets[i], history->times.buckets[i]);
    }
    history->times = now;
    point->values[HISTORY_P50_US] = bounded((uint64_t)history_quantile_us(&growths, 128));
    point->values[HISTORY_P99_US] = bounded((uint64_t)history_quantile_us(&growths, 253));
}

void history_step(struct history *history, const struct metrics_slot *map, size_t slots,
                  int64_t now_us) {
    struct history_point *point = &history->points[history->total++ % HISTORY_POINTS];
    uint64_t growths[METRIC_COUNT];
    read_counters(history, map, slots, growths);
    for (size_t i = 0; i < HISTORY_LINES; i++) {
        point->values[i] =
            counted[i].metric == METRIC_COUNT ? 0 : bounded(growths[counted[i].metric]);
    }
    note_times(history, point, map, slots);
    history->last_us = now_us;
}

void history_to_json(const struct history *history, struct json *json) {
    uint64_t count = history->total < HISTORY_POINTS ? history->total : HISTORY_POINTS;
    json_open(json, "history", '{');
    json_unsigned(json, "step", HISTORY_STEP_S);
    json_integer(json, "end", history->last_us / 1000000);
    for (size_t line = 0; line < HISTORY_LINES; line++) {
        json_open(json, counted[line].name, '[');
        for (uint64_t i = history->total - count; i < history->total; i++) {
            json_unsigned(json, NULL, history->points[i % HISTORY_POINTS].values[line]);
        }
        json_close(json, ']');
    }
    json_close(json, '}');
}
