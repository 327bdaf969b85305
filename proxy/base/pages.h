// Blocks of one size for objects that are many and may live long: sessions.
//
// The blocks are in chunks of memory that contain nothing else. So the memory of many sessions
// returns to the system when they end. On the heap, a few blocks in use would keep all pages
// between them. A chunk without a block in use is unmapped; one such chunk is kept if no other
// chunk has room. A page costs memory only after one of its blocks was used. Under AddressSanitizer
// each block is an allocation of its own, so that a use after pages_put() is reported.
#ifndef RAVELIN_BASE_PAGES_H
#define RAVELIN_BASE_PAGES_H

#include "base/list.h"

#include <stddef.h>

#define PAGES_CHUNK_SIZE ((size_t)65536)
#define PAGES_BLOCK_MAX ((size_t)4096)

struct pages {
    size_t block_size;
    size_t chunk_count;
    struct list_node with_room; // chunks that have a free block; the first is used next
};

// `block_size` is at most PAGES_BLOCK_MAX; blocks are aligned as malloc() aligns.
void pages_init(struct pages *pages, size_t block_size);
void *pages_get(struct pages *pages); // uninitialised; NULL: memory is short
void pages_put(struct pages *pages, void *block);
// Unmaps the chunk that was kept. Call pages_put() for every block first.
void pages_free(struct pages *pages);

#endif
