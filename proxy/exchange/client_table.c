#include "exchange/client_table.h"

#include "base/claim.h"
#include "base/hash.h"
#include "base/network.h"
#include "base/region.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { ROWS = 2, CONNECTION_CELLS = 1 << 15, RATE_CELLS = 1 << 16 };

// Largest lag of the `now_us` of a busy worker behind the clock of another one.
static const int64_t CLOCK_SLACK_US = 2000000;

// The slot of a worker: it writes the slot, the others read it.
struct rows {
    _Alignas(REGION_PAGE) _Atomic uint32_t connections[ROWS][CONNECTION_CELLS];
    _Atomic int64_t full_at_us[ROWS][RATE_CELLS]; // when the bucket will be full again
    // Since when only other workers refuse the requests of a bucket; 0: not. Only the worker itself
    // reads this.
    int64_t refused_since_us[RATE_CELLS];
};

struct client_table {
    struct region region; // a slot is a struct rows
    uint64_t secret[ROWS + 1];
};

struct client_table *client_table_map(size_t slots) {
    struct client_table *table = calloc(1, sizeof(*table));
    if (table == NULL) {
        return NULL;
    }
    if (!region_map(&table->region, "ravelin-clients", slots, sizeof(struct rows)) ||
        getrandom(table->secret, sizeof(table->secret), 0) != (ssize_t)sizeof(table->secret)) {
        client_table_unmap(table);
        return NULL;
    }
    return table;
}

void client_table_unmap(struct client_table *table) {
    if (table != NULL) {
        region_unmap(&table->region);
        free(table);
    }
}

void client_table_lend(const struct client_table *table, size_t slot) {
    region_lend(&table->region, slot);
}

static struct rows *own_rows(const struct client_table *table, size_t slot) {
    return (struct rows *)(void *)(table->region.writable + slot * sizeof(struct rows));
}

static const struct rows *rows_of(const struct client_table *table, size_t slot) {
    return (const struct rows *)(const void *)(table->region.readable + slot * sizeof(struct rows));
}

void client_table_clear(struct client_table *table, size_t slot) {
    memset((void *)own_rows(table, slot), 0, sizeof(struct rows));
}

static size_t cell_of(const struct client_table *table, size_t row, uint64_t key, size_t cells) {
    return (size_t)(hash_mix(key ^ table->secret[row]) % cells);
}

uint64_t client_table_key(const struct client_table *table, const struct sockaddr *address) {
    uint64_t value = 0;
    if (address->sa_family == AF_INET6) {
        union ip_address copy = {.v6 = *(const struct sockaddr_in6 *)(const void *)address};
        ip_address_unmap(&copy);
        if (copy.any.sa_family == AF_INET) {
            return client_table_key(table, &copy.any);
        }
        memcpy(&value, &copy.v6.sin6_addr, sizeof(value));
    } else if (address->sa_family == AF_INET) {
        value = ((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr;
    }
    return hash_mix(value ^ table->secret[ROWS]);
}

// --- Connections ---

// Adds to the worker's own cells.
static void add(struct client_table *table, size_t slot, uint64_t key, uint32_t amount) {
    for (size_t row = 0; row < ROWS; row++) {
        size_t cell = cell_of(table, row, key, CONNECTION_CELLS);
        _Atomic uint32_t *count = &own_rows(table, slot)->connections[row][cell];
        uint32_t before = atomic_load_explicit(count, memory_order_relaxed);
        atomic_store_explicit(count, before + amount, memory_order_relaxed);
    }
}

// The counters of one slot.
static uint32_t count_in(const struct client_table *table, size_t slot, const size_t cells[ROWS]) {
    uint32_t least = UINT32_MAX;
    for (size_t row = 0; row < ROWS; row++) {
        uint32_t count = atomic_load_explicit(&rows_of(table, slot)->connections[row][cells[row]],
                                              memory_order_relaxed);
        least = count < least ? count : least;
    }
    return least;
}

bool client_table_connect(struct client_table *table, size_t slot, uint64_t key, uint32_t most) {
    size_t slots = table->region.slots;
    size_t cells[ROWS];
    uint64_t sum = 0; // of at most 2^32 slots' 32-bit counts
    add(table, slot, key, 1);
    if (most == 0) {
        return true;
    }
    for (size_t row = 0; row < ROWS; row++) {
        cells[row] = cell_of(table, row, key, CONNECTION_CELLS);
    }
    uint64_t bound = claim_bound(most, slots);
    for (size_t i = 0; i < slots && sum <= most; i++) {
        uint64_t count = count_in(table, i, cells);
        sum += i == slot || count < bound ? count : bound;
    }
    return sum <= most;
}

void client_table_disconnect(struct client_table *table, size_t slot, uint64_t key) {
    add(table, slot, key, UINT32_MAX); // minus one
}

// --- Rates ---

// When the bucket will be full again, by the value of one slot. A value later than `latest_us`
// cannot be true.
static int64_t full_at_in(const struct client_table *table, size_t slot, const size_t cells[ROWS],
                          int64_t latest_us) {
    int64_t earliest = INT64_MAX;
    for (size_t row = 0; row < ROWS; row++) {
        int64_t full_at_us = atomic_load_explicit(
            &rows_of(table, slot)->full_at_us[row][cells[row]], memory_order_relaxed);
        earliest = full_at_us < earliest ? full_at_us : earliest;
    }
    return earliest > latest_us ? 0 : earliest;
}

static void fill_cells(const struct client_table *table, uint64_t bucket, size_t cells[ROWS]) {
    for (size_t row = 0; row < ROWS; row++) {
        cells[row] = cell_of(table, row, bucket, RATE_CELLS);
    }
}

// Advances the worker's own cells.
static void set_full_at(struct client_table *table, size_t slot, const size_t cells[ROWS],
                        int64_t full_at_us) {
    for (size_t row = 0; row < ROWS; row++) {
        _Atomic int64_t *cell = &own_rows(table, slot)->full_at_us[row][cells[row]];
        if (atomic_load_explicit(cell, memory_order_relaxed) < full_at_us) {
            atomic_store_explicit(cell, full_at_us, memory_order_relaxed);
        }
    }
}

// When the bucket will be full again, by the values of the other slots.
static int64_t full_at_by_others(const struct client_table *table, size_t own,
                                 const size_t cells[ROWS], int64_t latest_us) {
    int64_t full_at_us = 0;
    for (size_t i = 0; i < table->region.slots; i++) {
        int64_t claimed_us = i == own ? 0 : full_at_in(table, i, cells, latest_us);
        full_at_us = claimed_us > full_at_us ? claimed_us : full_at_us;
    }
    return full_at_us;
}

// Lets some requests pass that only other workers' values refuse: one in each `patience_us`.
static bool has_waited(struct rows *own, size_t cell, int64_t patience_us, int64_t now_us) {
    int64_t *since_us = &own->refused_since_us[cell];
    if (*since_us == 0) {
        *since_us = now_us;
    }
    return now_us - *since_us >= patience_us;
}

// When the bucket will be full again. Values of other slots count for at most half of the bucket.
static int64_t claimed_full_at(const struct client_table *table, size_t slot,
                               const size_t cells[ROWS], int64_t size_us, int64_t now_us) {
    int64_t latest_us = now_us + size_us + CLOCK_SLACK_US;
    int64_t own_us = full_at_in(table, slot, cells, latest_us);
    int64_t others_us = full_at_by_others(table, slot, cells, latest_us);
    int64_t bound_us = now_us + size_us / 2;
    others_us = others_us < bound_us ? others_us : bound_us;
    own_us = own_us > now_us ? own_us : now_us;
    return own_us > others_us ? own_us : others_us;
}

int64_t client_table_peek(const struct client_table *table, size_t slot, uint64_t key,
                          const struct client_bucket *bucket, int64_t now_us) {
    size_t cells[ROWS];
    int64_t size_us = (int64_t)bucket->burst * bucket->interval_us;
    fill_cells(table, key ^ hash_mix(bucket->purpose), cells);
    int64_t wait_us = claimed_full_at(table, slot, cells, size_us, now_us) -
                      (now_us + size_us - bucket->interval_us);
    return wait_us > 0 ? wait_us : 0;
}

void client_table_charge(struct client_table *table, size_t slot, uint64_t key,
                         const struct client_bucket *bucket, int64_t now_us) {
    size_t cells[ROWS];
    int64_t size_us = (int64_t)bucket->burst * bucket->interval_us;
    fill_cells(table, key ^ hash_mix(bucket->purpose), cells);
    int64_t full_at_us = claimed_full_at(table, slot, cells, size_us, now_us);
    int64_t most_us = now_us + size_us;
    full_at_us += bucket->interval_us;
    set_full_at(table, slot, cells, full_at_us < most_us ? full_at_us : most_us);
}

int64_t client_table_take(struct client_table *table, size_t slot, uint64_t key, uint64_t purpose,
                          int64_t interval_us, uint32_t burst, int64_t now_us) {
    size_t cells[ROWS];
    fill_cells(table, key ^ hash_mix(purpose), cells);
    int64_t empty_us = now_us + (int64_t)burst * interval_us; // of a bucket that is empty now
    int64_t own_us = full_at_in(table, slot, cells, empty_us + CLOCK_SLACK_US);
    int64_t others_us = full_at_by_others(table, slot, cells, empty_us + CLOCK_SLACK_US);
    own_us = own_us > now_us ? own_us : now_us;
    int64_t full_at_us = others_us > own_us ? others_us : own_us;
    // The bucket has a token if it is at most burst - 1 tokens short of full.
    int64_t most_us = empty_us - interval_us;
    struct rows *own = own_rows(table, slot);
    if (full_at_us > most_us) {
        int64_t patience_us = 2 * (int64_t)table->region.slots * interval_us;
        if (own_us > most_us || !has_waited(own, cells[0], patience_us, now_us)) {
            return full_at_us - most_us;
        }
        full_at_us = own_us;
    }
    own->refused_since_us[cells[0]] = 0;
    set_full_at(table, slot, cells, full_at_us + interval_us);
    return 0;
}
