// Regions: shared memory in which each of several processes has a slot that it alone writes and all
// others read.
//
// Invariant: a process that was forked with a slot can write that slot and no other, whatever code
// runs in it; a process that was forked without one has no view of the region. The kernel enforces
// this: the pages of each slot belong to a sealed memfd of their own whose descriptor is closed, so
// that no view can be made, grown to other slots or made writable later. The owner (the master)
// writes all slots.
//
// The sizes are kept in the private memory of each process, never in the region. A reader checks
// what it reads: the writer may be any code.
#ifndef RAVELIN_BASE_REGION_H
#define RAVELIN_BASE_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What the size of a slot must be a multiple of: the largest page of the processor.
#ifdef __x86_64__
#define REGION_PAGE 4096
#else
#define REGION_PAGE 65536
#endif

// For region_lend(): the next process gets no view.
#define REGION_NO_SLOT SIZE_MAX

// The two views are adjacent: `slots * slot_size` writable bytes, then as many read-only ones.
struct region {
    uint8_t *writable;       // in a forked process: only its own slot
    const uint8_t *readable; // all slots
    size_t slots;
    size_t slot_size; // a multiple of REGION_PAGE
};

// Maps the region, zeroed, and lends no slot. False: memory is short or a size is 0 or too large.
bool region_map(struct region *region, size_t slots, size_t slot_size);
// Which slot the processes get that are forked from now on.
void region_lend(const struct region *region, size_t slot);
// For the owner. A region that was not mapped (writable is NULL) is fine.
void region_unmap(struct region *region);

#endif
