#include "observe/board.h"

#include "base/region.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

struct facts {
    _Alignas(REGION_PAGE) _Atomic uint32_t state;
};

struct board {
    struct region region; // of one slot, a struct facts
};

static struct facts *writable(const struct board *board) {
    return (struct facts *)(void *)board->region.writable;
}

static const struct facts *readable(const struct board *board) {
    return (const struct facts *)(const void *)board->region.readable;
}

struct board *board_map(void) {
    struct board *board = calloc(1, sizeof(*board));
    if (board != NULL && !region_map(&board->region, "ravelin-board", 1, sizeof(struct facts))) {
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

void board_set_state(struct board *board, enum board_state state) {
    atomic_store_explicit(&writable(board)->state, state, memory_order_release);
}

enum board_state board_state(const struct board *board) {
    return (enum board_state)atomic_load_explicit(&readable(board)->state, memory_order_acquire);
}
