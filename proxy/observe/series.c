#include "observe/series.h"

#include "base/hash.h"
#include "base/region.h"
#include "base/saturate.h"

#include <stdlib.h>
#include <string.h>

const struct series_class series_classes[SERIES_CLASSES] = {
    {"2xx", SERIES_2XX}, {"3xx", SERIES_3XX},        {"4xx", SERIES_4XX},
    {"5xx", SERIES_5XX}, {"none", SERIES_NO_STATUS},
};

// A hash table with open addressing, never more than half full. Entries are only added.
#define PLACES ((size_t)2 * SERIES_MAX)

struct entry {
    _Atomic uint64_t key; // 0: empty
    _Atomic uint32_t cell;
};

struct list {
    _Alignas(REGION_PAGE) struct entry entries[PLACES];
};

struct cells {
    _Alignas(REGION_PAGE) struct series_cell cells[SERIES_MAX];
};

struct series {
    struct region list;  // of one slot, a struct list
    struct region cells; // a slot is a struct cells
    uint32_t count;      // of cells in use, for the master; cell 0 is one
};

struct series *series_map(size_t slots) {
    struct series *series = calloc(1, sizeof(*series));
    if (series == NULL) {
        return NULL;
    }
    series->count = 1;
    if (!region_map(&series->list, "ravelin-series-list", 1, sizeof(struct list)) ||
        !region_map(&series->cells, "ravelin-series", slots, sizeof(struct cells))) {
        series_unmap(series);
        return NULL;
    }
    return series;
}

void series_unmap(struct series *series) {
    if (series != NULL) {
        region_unmap(&series->list);
        region_unmap(&series->cells);
        free(series);
    }
}

void series_lend(const struct series *series, size_t slot) {
    region_lend(&series->cells, slot);
    region_lend(&series->list, slot == REGION_NO_SLOT ? REGION_NO_SLOT : REGION_READER);
}

uint64_t series_key(const char *first, const char *second) {
    uint64_t hash = hash_add(HASH_BEGIN, first, strlen(first) + 1);
    hash = hash_mix(second == NULL ? hash : hash_add(hash, second, strlen(second) + 1));
    return hash == 0 ? 1 : hash;
}

// The place of the key, or the empty place for it.
static size_t find_place(const struct list *list, uint64_t key) {
    size_t place = key % PLACES;
    for (size_t i = 0; i < PLACES; i++) {
        uint64_t there = atomic_load_explicit(&list->entries[place].key, memory_order_acquire);
        if (there == key || there == 0) {
            break;
        }
        place = (place + 1) % PLACES;
    }
    return place;
}

void series_register(struct series *series, uint64_t key) {
    struct list *list = (struct list *)(void *)series->list.writable;
    struct entry *entry = &list->entries[find_place(list, key)];
    if (series->count < SERIES_MAX &&
        atomic_load_explicit(&entry->key, memory_order_relaxed) == 0) {
        atomic_store_explicit(&entry->cell, series->count++, memory_order_relaxed);
        atomic_store_explicit(&entry->key, key, memory_order_release);
    }
}

uint32_t series_find(const struct series *series, uint64_t key) {
    const struct list *list = (const struct list *)(const void *)series->list.readable;
    const struct entry *entry = &list->entries[find_place(list, key)];
    if (atomic_load_explicit(&entry->key, memory_order_acquire) != key) {
        return 0;
    }
    return atomic_load_explicit(&entry->cell, memory_order_relaxed) % SERIES_MAX;
}

struct series_cell *series_own(const struct series *series, size_t slot, uint32_t cell) {
    struct cells *cells = (struct cells *)(void *)series->cells.writable;
    return &cells[slot].cells[cell];
}

uint64_t series_sum(const struct series *series, uint32_t cell, enum series_counter counter) {
    const struct cells *cells = (const struct cells *)(const void *)series->cells.readable;
    uint64_t sum = 0;
    for (size_t slot = 0; slot < series->cells.slots; slot++) {
        sum = add_saturated(sum, atomic_load_explicit(&cells[slot].cells[cell].values[counter],
                                                      memory_order_relaxed));
    }
    return sum;
}
