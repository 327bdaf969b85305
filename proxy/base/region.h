// Regions: shared memory, of two kinds.
//
// A region that is lent by fork has a slot for each of several processes, which that process alone
// writes and all others read. Invariant: a process that was forked with a slot can write that slot
// and no other, whatever code runs in it; one that was forked as a reader can write none; one that
// was forked with neither has no view of the region. The kernel enforces this: the pages of each
// slot belong to a sealed memfd of their own whose descriptor is closed, so that no view can be
// made, grown to other slots or made writable later. The owner (the master) writes all slots.
//
// A part is handed on by its descriptor, for what is made while its users already run. Invariant:
// who gets the descriptor of a part for reading can never write it, and nobody can change its size.
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

// --- Lent by fork ---

// For region_lend() instead of a slot: the next process gets no view; it gets the one for reading.
#define REGION_NO_SLOT SIZE_MAX
#define REGION_READER (SIZE_MAX - 1)

// The two views are adjacent: `slots * slot_size` writable bytes, then as many read-only ones.
struct region {
    uint8_t *writable;       // in a forked process: only its own slot
    const uint8_t *readable; // all slots
    size_t slots;
    size_t slot_size; // a multiple of REGION_PAGE
};

// Maps the region, zeroed, and lends no slot. `name` is seen in /proc/PID/maps: "ravelin-metrics".
// False: memory is short or a size is 0 or too large.
bool region_map(struct region *region, const char *name, size_t slots, size_t slot_size);
// Which slot the processes get that are forked from now on.
void region_lend(const struct region *region, size_t slot);
// For the owner. A region that was not mapped (writable is NULL) is fine.
void region_unmap(struct region *region);

// `size`, at least 1 and at most SIZE_MAX / 4, in whole pages.
static inline size_t region_round(size_t size) {
    return (size + REGION_PAGE - 1) / REGION_PAGE * REGION_PAGE;
}

// --- Handed on by descriptor ---

//
// The descriptor is close-on-exec and goes where it is sent. A part begins with a head: its name
// and the version of what follows. region_open() checks both, the size that the caller expects, and
// the seals that keep that size.

#define REGION_HEAD_SIZE 64 // what follows the head is aligned so
#define REGION_NAME_SIZE 32

enum region_access { REGION_READ, REGION_WRITE };

struct region_kind {
    const char *name;          // less than REGION_NAME_SIZE bytes
    uint32_t version;          // another one for another layout
    enum region_access others; // what a process may do that maps the part by its descriptor
};

struct region_part {
    uint8_t *data; // with the head; NULL: none. REGION_READ: only its maker may write
    size_t size;
    int fd; // -1: none
};

// A part that is none.
#define REGION_NO_PART                                                                             \
    (struct region_part) {                                                                         \
        .data = NULL, .fd = -1                                                                     \
    }

// Makes and maps a part of `size` bytes, the head included; zeroed behind the head. Processes
// forked later have no view of it. False with errno: nothing is left.
bool region_make(struct region_part *part, const struct region_kind *kind, size_t size);
// Maps what another process has made. Takes `fd`, on failure too, and closes it. False: it is not
// of this kind and size, or memory is short.
bool region_open(struct region_part *part, const struct region_kind *kind, int fd, size_t size);
// Zeroes all that follows the head, and writes the head again. For the maker.
void region_clear(const struct region_part *part, const struct region_kind *kind);
void region_close(struct region_part *part); // none is fine

#endif
