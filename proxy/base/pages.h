// Blocks of one size for objects that are many and may live long: sessions.
//
// They lie in chunks of memory that hold nothing else, so what a crowd has used goes back to the
// system when it has gone, whatever lives on elsewhere; on the heap a few blocks that stay would
// keep all pages between them. A chunk without a block in use is unmapped, but for one when no
// other has room. A page of a chunk is touched when its first block is. Under AddressSanitizer each
// block is an allocation of its own, so that a use after put is seen.
#ifndef RAVELIN_BASE_PAGES_H
#define RAVELIN_BASE_PAGES_H

#include "base/list.h"

#include <stddef.h>

#define PAGES_CHUNK_SIZE ((size_t)65536)
#define PAGES_BLOCK_MAX ((size_t)4096)

struct pages {
    size_t block_size;
    size_t chunk_count;
    struct list_node with_room; // chunks that have a free block; the one to be used is the first
};

// `block_size` is at most PAGES_BLOCK_MAX; blocks are aligned as malloc() aligns.
void pages_init(struct pages *pages, size_t block_size);
void *pages_get(struct pages *pages); // uninitialised; NULL when memory is short
void pages_put(struct pages *pages, void *block);
// Gives back the chunk that was kept. Every block must have been put.
void pages_free(struct pages *pages);

#endif
