#include "observe/metrics.h"

#include "base/saturate.h"

enum metric_kind { COUNTER, GAUGE, LATEST };

static const struct {
    const char *name;
    enum metric_kind kind;
    const char *help;
} descriptions[METRIC_COUNT] = {
#define METRIC_DESCRIPTION(name, kind, help) {#name, kind, help},
    METRICS(METRIC_DESCRIPTION)
#undef METRIC_DESCRIPTION
};

static struct region region_of(const struct metrics_slot *map, size_t slots) {
    return (struct region){.writable = (uint8_t *)(uintptr_t)map,
                           .readable = (const uint8_t *)(map + slots),
                           .slots = slots,
                           .slot_size = sizeof(*map)};
}

struct metrics_slot *metrics_map(size_t slots) {
    struct region region;
    return region_map(&region, "ravelin-metrics", slots, sizeof(struct metrics_slot))
               ? (struct metrics_slot *)(void *)region.writable
               : NULL;
}

void metrics_unmap(struct metrics_slot *map, size_t slots) {
    struct region region = region_of(map, slots);
    region_unmap(&region);
}

const struct metrics_slot *metrics_readable(const struct metrics_slot *map, size_t slots) {
    return map + slots;
}

void metrics_lend(struct metrics_slot *map, size_t slots, size_t slot) {
    struct region region = region_of(map, slots);
    region_lend(&region, slot);
}

void metrics_clear_gauges(struct metrics_slot *slot) {
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        if (descriptions[i].kind != COUNTER) {
            metric_set(slot, (enum metric)i, 0);
        }
    }
}

static uint64_t value_of(const struct metrics_slot *slot, enum metric metric) {
    return atomic_load_explicit(&slot->values[metric], memory_order_relaxed);
}

uint64_t metrics_sum(const struct metrics_slot *map, size_t slots, enum metric metric) {
    uint64_t sum = 0;
    uint64_t largest = 0;
    for (size_t i = 0; i < slots; i++) {
        uint64_t value = value_of(&map[i], metric);
        sum = add_saturated(sum, value);
        largest = value > largest ? value : largest;
    }
    return descriptions[metric].kind == LATEST ? largest : sum;
}

uint64_t metrics_bounded_sum(const struct metrics_slot *map, size_t slots, size_t own,
                             uint64_t most, enum metric metric) {
    uint64_t sum = 0;
    for (size_t i = 0; i < slots; i++) {
        uint64_t value = value_of(&map[i], metric);
        sum = add_saturated(sum, i == own || value < most ? value : most);
    }
    return sum;
}

static void add_to(uint64_t *sum, const _Atomic uint64_t *value) {
    *sum = add_saturated(*sum, atomic_load_explicit(value, memory_order_relaxed));
}

void metrics_sum_times(const struct metrics_slot *map, size_t slots, enum metric_time time,
                       struct time_sums *sums) {
    *sums = (struct time_sums){.sum_us = 0};
    for (size_t slot = 0; slot < slots; slot++) {
        const struct metric_times *times = &map[slot].times[time];
        for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
            add_to(&sums->buckets[i], &times->buckets[i]);
        }
        add_to(&sums->sum_us, &times->sum_us);
    }
}

const char *metric_name(enum metric metric) {
    return descriptions[metric].name;
}

const char *metric_help(enum metric metric) {
    return descriptions[metric].help;
}

bool metric_is_counter(enum metric metric) {
    return descriptions[metric].kind == COUNTER;
}

void metrics_to_json(const struct metrics_slot *map, size_t slots, struct json *json,
                     const char *name) {
    json_open(json, name, '{');
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        json_unsigned(json, descriptions[i].name, metrics_sum(map, slots, (enum metric)i));
    }
    json_close(json, '}');
}
