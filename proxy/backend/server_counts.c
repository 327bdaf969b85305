#include "backend/server_counts.h"

#include "base/region.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BELIEVED_MIN = 16 };

struct cells {
    _Alignas(REGION_PAGE) _Atomic int64_t waiting_since_ms[SERVER_CELLS];
    _Atomic uint32_t waiting[SERVER_CELLS];
    _Atomic uint32_t used[SERVER_CELLS];
    struct health health[SERVER_CELLS];
    _Atomic uint32_t changes; // of health
};

struct checks {
    _Alignas(REGION_PAGE) struct check cells[SERVER_CELLS];
    _Atomic uint32_t changes;
};

struct server_counts {
    struct region region; // a slot is a struct cells
    struct region checks; // one slot, a struct checks
};

struct server_counts *server_counts_map(size_t slots) {
    struct server_counts *counts = calloc(1, sizeof(*counts));
    if (counts != NULL &&
        (!region_map(&counts->region, "ravelin-server-counts", slots, sizeof(struct cells)) ||
         !region_map(&counts->checks, "ravelin-server-checks", 1, sizeof(struct checks)))) {
        region_unmap(&counts->region);
        free(counts);
        return NULL;
    }
    return counts;
}

void server_counts_unmap(struct server_counts *counts) {
    if (counts != NULL) {
        region_unmap(&counts->region);
        region_unmap(&counts->checks);
        free(counts);
    }
}

void server_counts_lend(const struct server_counts *counts, size_t slot) {
    region_lend(&counts->region, slot);
    region_lend(&counts->checks, slot == REGION_NO_SLOT ? REGION_NO_SLOT : REGION_READER);
}

static struct cells *own_cells(const struct server_counts *counts, size_t slot) {
    return (struct cells *)(void *)(counts->region.writable + slot * sizeof(struct cells));
}

static const struct cells *cells_of(const struct server_counts *counts, size_t slot) {
    return (const struct cells *)(const void *)(counts->region.readable +
                                                slot * sizeof(struct cells));
}

void server_counts_clear(const struct server_counts *counts, size_t slot) {
    memset((void *)own_cells(counts, slot), 0, sizeof(struct cells));
}

_Atomic uint32_t *server_counter_cell(const struct server_counter *counter, uint32_t cell) {
    return &own_cells(counter->counts, counter->slot)->used[cell];
}

static uint64_t used_in(const struct server_counts *counts, size_t slot, uint32_t cell) {
    return atomic_load_explicit(&cells_of(counts, slot)->used[cell], memory_order_relaxed);
}

uint32_t server_counter_sum(const struct server_counter *counter, uint32_t cell) {
    const struct server_counts *counts = counter->counts;
    uint64_t own = used_in(counts, counter->slot, cell);
    uint64_t bound = 2 * own + BELIEVED_MIN;
    uint64_t sum = own;
    for (size_t slot = 0; slot < counts->region.slots; slot++) {
        uint64_t used = slot == counter->slot ? 0 : used_in(counts, slot, cell);
        sum += used < bound ? used : bound;
    }
    return sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}

uint32_t server_counter_total(const struct server_counter *counter, uint32_t cell) {
    uint64_t sum = 0;
    atomic_thread_fence(memory_order_seq_cst); // this worker's earlier writes come first
    for (size_t slot = 0; slot < counter->counts->region.slots; slot++) {
        sum += used_in(counter->counts, slot, cell);
    }
    return sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}

// --- Health ---

struct health *server_counter_health(const struct server_counter *counter) {
    return own_cells(counter->counts, counter->slot)->health;
}

const struct health *server_counts_health(const struct server_counts *counts, size_t slot) {
    return cells_of(counts, slot)->health;
}

size_t server_counts_slots(const struct server_counts *counts) {
    return counts->region.slots;
}

bool server_counter_others_out(const struct server_counter *counter, uint32_t cell) {
    bool out = false;
    for (size_t slot = 0; slot < counter->counts->region.slots && !out; slot++) {
        out =
            slot != counter->slot && health_is_out(&cells_of(counter->counts, slot)->health[cell]);
    }
    return out;
}

bool server_counter_others_try(const struct server_counter *counter, uint32_t cell) {
    bool tries = false;
    for (size_t slot = 0; slot < counter->counts->region.slots && !tries; slot++) {
        tries = slot != counter->slot &&
                atomic_load_explicit(&cells_of(counter->counts, slot)->health[cell].trying_ms,
                                     memory_order_relaxed) != 0;
    }
    return tries;
}

struct server_health server_counts_summary(const struct server_counts *counts, uint32_t cell) {
    struct server_health summary = {.workers_out = 0};
    for (size_t slot = 0; slot < counts->region.slots; slot++) {
        const struct health *health = &cells_of(counts, slot)->health[cell];
        int64_t since_ms = health_since(health);
        if (health_is_out(health)) {
            summary.workers_out++;
            summary.fault = atomic_load_explicit(&health->fault, memory_order_relaxed);
        }
        summary.since_ms = since_ms > summary.since_ms ? since_ms : summary.since_ms;
    }
    return summary;
}

void server_counts_forget(const struct server_counts *counts, uint32_t cell) {
    for (size_t slot = 0; slot < counts->region.slots; slot++) {
        memset((void *)&own_cells(counts, slot)->health[cell], 0, sizeof(struct health));
    }
}

// --- Checks ---

enum { DETAIL_BITS = 24 };

static const struct checks *all_checks(const struct server_counts *counts) {
    return (const struct checks *)(const void *)counts->checks.readable;
}

static struct checks *own_checks(const struct server_counts *counts) {
    return (struct checks *)(void *)counts->checks.writable;
}

const struct check *server_counts_checks(const struct server_counts *counts) {
    return all_checks(counts)->cells;
}

void server_counts_lend_checks(const struct server_counts *counts) {
    region_lend(&counts->region, REGION_READER);
    region_lend(&counts->checks, 0);
}

void server_counts_set_check(const struct server_counts *counts, uint32_t cell,
                             enum check_standing standing, enum check_fault fault, uint32_t detail,
                             int64_t now_ms) {
    struct checks *checks = own_checks(counts);
    struct check *check = &checks->cells[cell];
    if (fault != CHECK_GOOD) {
        atomic_store_explicit(&check->fault, (uint32_t)fault << DETAIL_BITS | detail,
                              memory_order_relaxed);
    }
    if (check_standing(check) != standing) {
        atomic_store_explicit(&check->since_ms, now_ms, memory_order_relaxed);
        atomic_store_explicit(&check->standing, standing, memory_order_relaxed);
        atomic_fetch_add_explicit(&checks->changes, 1, memory_order_relaxed);
    }
}

uint32_t check_fault(const struct check *check, uint32_t *detail) {
    uint32_t fault = atomic_load_explicit(&check->fault, memory_order_relaxed);
    *detail = fault & ((1U << DETAIL_BITS) - 1);
    return fault >> DETAIL_BITS;
}

void server_counts_begin_check(const struct server_counts *counts, uint32_t cell,
                               enum check_standing standing) {
    struct check *check = &own_checks(counts)->cells[cell];
    atomic_store_explicit(&check->standing, standing, memory_order_relaxed);
    atomic_store_explicit(&check->since_ms, 0, memory_order_relaxed);
}

// "200-399", "200, 204".
static void write_statuses(const struct config_statuses *statuses, char *text, size_t capacity) {
    size_t size = 0;
    text[0] = '\0';
    for (uint32_t first = 100; first < 600 && size + 12 < capacity; first++) {
        uint32_t last = first;
        if (!config_statuses_have(statuses, first)) {
            continue;
        }
        while (last < 599 && config_statuses_have(statuses, last + 1)) {
            last++;
        }
        int written = snprintf(text + size, capacity - size, first == last ? "%s%u" : "%s%u-%u",
                               size == 0 ? "" : ", ", first, last);
        size += written > 0 ? (size_t)written : 0;
        first = last;
    }
}

void check_write(uint32_t fault, const struct config_health *health, char text[CHECK_TEXT_SIZE]) {
    static const char *const texts[CHECK_FAULT_COUNT] = {
        [CHECK_GOOD] = "health",
        [CHECK_CONNECT] = "connect",
        [CHECK_CONNECT_TIMEOUT] = "connect: timeout",
        [CHECK_TIMEOUT] = "health: no response within the timeout",
        [CHECK_CLOSED] = "health: closed the connection without a response",
        [CHECK_MALFORMED] = "health: no HTTP response",
        [CHECK_STATUS] = "health",
        [CHECK_UNEXPECTED] = "health: the response does not hold the expected text",
    };
    uint32_t detail = fault & ((1U << DETAIL_BITS) - 1);
    char statuses[64];
    fault >>= DETAIL_BITS;
    if (fault == CHECK_CONNECT) {
        (void)snprintf(text, CHECK_TEXT_SIZE, "connect: %s", strerror((int)detail));
    } else if (fault == CHECK_STATUS) {
        write_statuses(&health->status, statuses, sizeof(statuses));
        (void)snprintf(text, CHECK_TEXT_SIZE, "health: %u instead of %s", detail % 1000,
                       statuses[0] == '\0' ? "200-399" : statuses);
    } else {
        (void)snprintf(text, CHECK_TEXT_SIZE, "%s", texts[fault < CHECK_FAULT_COUNT ? fault : 0]);
    }
}

// --- Changes ---

void server_counter_note_change(const struct server_counter *counter) {
    _Atomic uint32_t *changes = &own_cells(counter->counts, counter->slot)->changes;
    atomic_store_explicit(changes, atomic_load_explicit(changes, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

uint32_t server_counts_changes(const struct server_counts *counts) {
    uint32_t sum = atomic_load_explicit(&all_checks(counts)->changes, memory_order_relaxed);
    for (size_t slot = 0; slot < counts->region.slots; slot++) {
        sum += atomic_load_explicit(&cells_of(counts, slot)->changes, memory_order_relaxed);
    }
    return sum;
}

// --- Who waits ---

void server_counter_set_waiting(const struct server_counter *counter, uint32_t cell, uint32_t count,
                                int64_t since_ms) {
    struct cells *own = own_cells(counter->counts, counter->slot);
    atomic_store_explicit(&own->waiting[cell], count, memory_order_relaxed);
    atomic_store_explicit(&own->waiting_since_ms[cell], since_ms, memory_order_relaxed);
}

uint32_t server_counter_waiting(const struct server_counter *counter, uint32_t cell) {
    uint64_t sum = 0;
    for (size_t slot = 0; slot < counter->counts->region.slots; slot++) {
        sum += atomic_load_explicit(&cells_of(counter->counts, slot)->waiting[cell],
                                    memory_order_relaxed);
    }
    return sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}

int64_t server_counter_oldest(const struct server_counter *counter, uint32_t cell) {
    int64_t oldest = 0;
    for (size_t slot = 0; slot < counter->counts->region.slots; slot++) {
        int64_t since_ms = atomic_load_explicit(
            &cells_of(counter->counts, slot)->waiting_since_ms[cell], memory_order_relaxed);
        if (slot != counter->slot && since_ms > 0 && (oldest == 0 || since_ms < oldest)) {
            oldest = since_ms;
        }
    }
    return oldest;
}
