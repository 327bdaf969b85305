#include "observe/board.h"

#include "base/region.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ATTEMPTS = 100 };

struct content {
    _Alignas(REGION_PAGE) _Atomic uint32_t state;
    _Atomic uint32_t version; // of the facts; odd: the master is writing
    _Atomic uint32_t events_version;
    uint64_t event_total;
    struct board_event events[BOARD_EVENTS_MAX];
    struct board_facts facts;
};

struct board {
    struct region region; // of one slot, a struct content
};

static struct content *writable(const struct board *board) {
    return (struct content *)(void *)board->region.writable;
}

static const struct content *readable(const struct board *board) {
    return (const struct content *)(const void *)board->region.readable;
}

struct board *board_map(void) {
    struct board *board = calloc(1, sizeof(*board));
    if (board != NULL && !region_map(&board->region, "ravelin-board", 1, sizeof(struct content))) {
        free(board);
        return NULL;
    }
    return board;
}

void board_unmap(struct board *board) {
    if (board != NULL) {
        region_unmap(&board->region);
        free(board);
    }
}

void board_lend(const struct board *board, bool lend) {
    region_lend(&board->region, lend ? REGION_READER : REGION_NO_SLOT);
}

// --- Writing ---

static void begin(_Atomic uint32_t *version) {
    atomic_fetch_add_explicit(version, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
}

static void end(_Atomic uint32_t *version) {
    atomic_fetch_add_explicit(version, 1, memory_order_release);
}

void board_set_state(struct board *board, enum board_state state) {
    atomic_store_explicit(&writable(board)->state, state, memory_order_release);
}

struct board_facts *board_begin(struct board *board) {
    begin(&writable(board)->version);
    return &writable(board)->facts;
}

void board_end(struct board *board) {
    end(&writable(board)->version);
}

void board_add_event(struct board *board, int64_t at_us, unsigned severity, const char *text) {
    struct content *content = writable(board);
    begin(&content->events_version);
    struct board_event *event = &content->events[content->event_total++ % BOARD_EVENTS_MAX];
    event->at_us = at_us;
    event->severity = severity;
    (void)snprintf(event->text, sizeof(event->text), "%s", text);
    end(&content->events_version);
}

// --- Reading ---

enum board_state board_state(const struct board *board) {
    return (enum board_state)atomic_load_explicit(&readable(board)->state, memory_order_acquire);
}

// True: the copy made since `before` was read is consistent.
static bool is_whole(const _Atomic uint32_t *version, uint32_t before) {
    atomic_thread_fence(memory_order_acquire);
    return before % 2 == 0 && atomic_load_explicit(version, memory_order_relaxed) == before;
}

bool board_read(const struct board *board, struct board_facts *facts) {
    const struct content *content = readable(board);
    for (int i = 0; i < ATTEMPTS; i++) {
        uint32_t before = atomic_load_explicit(&content->version, memory_order_acquire);
        memcpy(facts, &content->facts, sizeof(*facts));
        if (is_whole(&content->version, before)) {
            return true;
        }
    }
    return false;
}

void board_read_events(const struct board *board, struct board_events *events) {
    const struct content *content = readable(board);
    for (int i = 0; i < ATTEMPTS; i++) {
        uint32_t before = atomic_load_explicit(&content->events_version, memory_order_acquire);
        uint64_t total = content->event_total;
        size_t count = total < BOARD_EVENTS_MAX ? (size_t)total : BOARD_EVENTS_MAX;
        for (size_t k = 0; k < count; k++) {
            events->items[k] = content->events[(total - count + k) % BOARD_EVENTS_MAX];
        }
        events->total = total;
        events->count = count;
        if (is_whole(&content->events_version, before)) {
            return;
        }
    }
    events->count = 0;
}
