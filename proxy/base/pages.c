#include "base/pages.h"

#include "base/sanitize.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// At the beginning of its memory, which is aligned to its size. So the address of a block gives its
// chunk.
struct chunk {
    struct list_node node; // in pages->with_room, or in no list
    uint32_t used;         // blocks in use
    uint32_t fresh;        // the first block that was never in use; all behind it were not either
    void *freed;           // blocks that were; linked through their first word
};

enum { FIRST_BLOCK = (sizeof(struct chunk) + alignof(max_align_t) - 1) & -alignof(max_align_t) };

static uint32_t capacity(const struct pages *pages) {
    return (uint32_t)((PAGES_CHUNK_SIZE - FIRST_BLOCK) / pages->block_size);
}

void pages_init(struct pages *pages, size_t block_size) {
    size_t alignment = alignof(max_align_t);
    *pages = (struct pages){.block_size = (block_size + alignment - 1) & ~(alignment - 1)};
    list_init(&pages->with_room);
}

// Reserves more than needed, and returns the parts before and behind the aligned part.
static void *map_aligned(void) {
    uint8_t *map = mmap(NULL, 2 * PAGES_CHUNK_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) {
        return NULL;
    }
    size_t before = -(uintptr_t)map & (PAGES_CHUNK_SIZE - 1);
    if (before > 0) {
        (void)munmap(map, before);
    }
    (void)munmap(map + before + PAGES_CHUNK_SIZE, PAGES_CHUNK_SIZE - before);
    return map + before;
}

static struct chunk *chunk_with_room(struct pages *pages) {
    if (list_is_empty(&pages->with_room)) {
        struct chunk *chunk = map_aligned();
        if (chunk == NULL) {
            return NULL;
        }
        pages->chunk_count++;
        list_push_first(&pages->with_room, &chunk->node);
    }
    return LIST_ENTRY(pages->with_room.next, struct chunk, node);
}

void *pages_get(struct pages *pages) {
    if (!KEEP_SPARES) {
        return malloc(pages->block_size);
    }
    struct chunk *chunk = chunk_with_room(pages);
    if (chunk == NULL) {
        return NULL;
    }
    void *block = chunk->freed;
    if (block != NULL) {
        memcpy(&chunk->freed, block, sizeof(chunk->freed));
    } else {
        block = (uint8_t *)chunk + FIRST_BLOCK + chunk->fresh++ * pages->block_size;
    }
    if (++chunk->used == capacity(pages)) {
        list_remove(&chunk->node);
    }
    return block;
}

static void unmap_chunk(struct pages *pages, struct chunk *chunk) {
    list_remove(&chunk->node);
    pages->chunk_count--;
    (void)munmap(chunk, PAGES_CHUNK_SIZE);
}

void pages_put(struct pages *pages, void *block) {
    if (!KEEP_SPARES) {
        free(block);
        return;
    }
    struct chunk *chunk = (void *)((uintptr_t)block & -PAGES_CHUNK_SIZE);
    memcpy(block, &chunk->freed, sizeof(chunk->freed));
    chunk->freed = block;
    if (chunk->used-- == capacity(pages)) {
        list_push_first(&pages->with_room, &chunk->node);
    }
    bool another_has_room = pages->with_room.next->next != &pages->with_room;
    if (chunk->used == 0 && another_has_room) {
        unmap_chunk(pages, chunk);
    }
}

void pages_free(struct pages *pages) {
    while (!list_is_empty(&pages->with_room)) {
        unmap_chunk(pages, LIST_ENTRY(pages->with_room.next, struct chunk, node));
    }
}
