#include "session/client_table.h"

#include "base/network.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

enum { ROWS = 2, CONNECTION_CELLS = 1 << 15, RATE_CELLS = 1 << 16 };

struct connection_rows {
    _Atomic uint32_t counts[ROWS][CONNECTION_CELLS];
};

struct client_table {
    size_t size; // of the mapping
    size_t slot_count;
    uint64_t secret[ROWS + 1];
    _Atomic int64_t full_at_us[ROWS][RATE_CELLS]; // when the bucket will be full again
    struct connection_rows slots[];
};

struct client_table *client_table_map(size_t slots) {
    if (slots == 0 || slots > (SIZE_MAX / 2) / sizeof(struct connection_rows)) {
        return NULL;
    }
    size_t size = sizeof(struct client_table) + slots * sizeof(struct connection_rows);
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) {
        return NULL;
    }
    struct client_table *table = map;
    table->size = size;
    table->slot_count = slots;
    if (getrandom(table->secret, sizeof(table->secret), 0) != (ssize_t)sizeof(table->secret)) {
        client_table_unmap(table);
        return NULL;
    }
    return table;
}

void client_table_unmap(struct client_table *table) {
    if (table != NULL) {
        (void)munmap(table, table->size);
    }
}

void client_table_clear(struct client_table *table, size_t slot) {
    for (size_t row = 0; row < ROWS; row++) {
        for (size_t cell = 0; cell < CONNECTION_CELLS; cell++) {
            atomic_store_explicit(&table->slots[slot].counts[row][cell], 0, memory_order_relaxed);
        }
    }
}

// Spreads every bit of the input over all of the output (the finalizer of MurmurHash3).
static uint64_t mix(uint64_t value) {
    value ^= value >> 33;
    value *= UINT64_C(0xff51afd7ed558ccd);
    value ^= value >> 33;
    value *= UINT64_C(0xc4ceb9fe1a85ec53);
    value ^= value >> 33;
    return value;
}

static size_t cell_of(const struct client_table *table, size_t row, uint64_t key, size_t cells) {
    return (size_t)(mix(key ^ table->secret[row]) % cells);
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
    return mix(value ^ table->secret[ROWS]);
}

static uint32_t sum_over_slots(const struct client_table *table, size_t row, size_t cell) {
    uint32_t sum = 0;
    for (size_t slot = 0; slot < table->slot_count; slot++) {
        sum += atomic_load_explicit(&table->slots[slot].counts[row][cell], memory_order_relaxed);
    }
    return sum;
}

// The slot's own cells, which nobody else writes.
static void add(struct client_table *table, size_t slot, uint64_t key, uint32_t amount) {
    for (size_t row = 0; row < ROWS; row++) {
        size_t cell = cell_of(table, row, key, CONNECTION_CELLS);
        _Atomic uint32_t *count = &table->slots[slot].counts[row][cell];
        uint32_t before = atomic_load_explicit(count, memory_order_relaxed);
        atomic_store_explicit(count, before + amount, memory_order_relaxed);
    }
}

uint32_t client_table_connect(struct client_table *table, size_t slot, uint64_t key) {
    uint32_t least = UINT32_MAX;
    add(table, slot, key, 1);
    for (size_t row = 0; row < ROWS; row++) {
        uint32_t sum = sum_over_slots(table, row, cell_of(table, row, key, CONNECTION_CELLS));
        least = sum < least ? sum : least;
    }
    return least;
}

void client_table_disconnect(struct client_table *table, size_t slot, uint64_t key) {
    add(table, slot, key, UINT32_MAX); // minus one
}

static void move_on(_Atomic int64_t *cell, int64_t interval_us, int64_t now_us) {
    int64_t before = atomic_load_explicit(cell, memory_order_relaxed);
    int64_t after;
    do {
        after = (before > now_us ? before : now_us) + interval_us;
    } while (!atomic_compare_exchange_weak_explicit(cell, &before, after, memory_order_relaxed,
                                                    memory_order_relaxed));
}

int64_t client_table_take(struct client_table *table, uint64_t key, uint64_t purpose,
                          int64_t interval_us, uint32_t burst, int64_t now_us) {
    uint64_t bucket = key ^ mix(purpose);
    _Atomic int64_t *cells[ROWS];
    int64_t earliest = INT64_MAX;
    for (size_t row = 0; row < ROWS; row++) {
        cells[row] = &table->full_at_us[row][cell_of(table, row, bucket, RATE_CELLS)];
        int64_t full_at_us = atomic_load_explicit(cells[row], memory_order_relaxed);
        earliest = full_at_us < earliest ? full_at_us : earliest;
    }
    // The bucket holds a request when it is at most burst - 1 of them short of full.
    int64_t wait_us = earliest - now_us - (int64_t)(burst - 1) * interval_us;
    if (wait_us > 0) {
        return wait_us;
    }
    for (size_t row = 0; row < ROWS; row++) {
        move_on(cells[row], interval_us, now_us);
    }
    return 0;
}
