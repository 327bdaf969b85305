#include "observe/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>

enum metric_kind { COUNTER, GAUGE, LATEST };

static const struct {
    const char *name;
    enum metric_kind kind;
} descriptions[METRIC_COUNT] = {
#define METRIC_DESCRIPTION(name, kind, help) {#name, kind},
    METRICS(METRIC_DESCRIPTION)
#undef METRIC_DESCRIPTION
};

struct metrics_slot *metrics_map(size_t slots) {
    if (slots == 0 || slots > SIZE_MAX / sizeof(struct metrics_slot)) {
        return NULL;
    }
    void *map = mmap(NULL, slots * sizeof(struct metrics_slot), PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return map == MAP_FAILED ? NULL : (struct metrics_slot *)map;
}

void metrics_unmap(struct metrics_slot *map, size_t slots) {
    if (map != NULL) {
        (void)munmap(map, slots * sizeof(struct metrics_slot));
    }
}

void metrics_clear_gauges(struct metrics_slot *slot) {
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        if (descriptions[i].kind != COUNTER) {
            metric_set(slot, (enum metric)i, 0);
        }
    }
}

uint64_t metrics_sum(const struct metrics_slot *map, size_t slots, enum metric metric) {
    uint64_t sum = 0;
    uint64_t largest = 0;
    for (size_t i = 0; i < slots; i++) {
        uint64_t value = atomic_load_explicit(&map[i].values[metric], memory_order_relaxed);
        sum += value;
        largest = value > largest ? value : largest;
    }
    return descriptions[metric].kind == LATEST ? largest : sum;
}

const char *metric_name(enum metric metric) {
    return descriptions[metric].name;
}

size_t metrics_to_json(const struct metrics_slot *map, size_t slots, char *output,
                       size_t capacity) {
    size_t used = 0;
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        int size = snprintf(output + used, capacity - used, "%c\"%s\":%" PRIu64, i == 0 ? '{' : ',',
                            descriptions[i].name, metrics_sum(map, slots, (enum metric)i));
        if (size < 0 || (size_t)size >= capacity - used) {
            return 0;
        }
        used += (size_t)size;
    }
    if (capacity - used < sizeof("}")) {
        return 0;
    }
    output[used++] = '}';
    output[used] = '\0';
    return used;
}
