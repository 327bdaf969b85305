// Regions: shared memory, of two kinds.
//
// 1. A region that is lent by fork has one slot for each of several processes. Only that process
// and the owner (the master) write the slot; all others read it. Invariant: a process that was
// forked with a slot can write that slot and no other, whatever code runs in the process. A process
// that was forked as a reader can write no slot. Every other process has no view of the region. The
// kernel enforces this: the pages of each slot belong to a sealed memfd of their own, whose
// descriptor is closed. No process can make another view, extend a view to other slots or make a
// view writable.
//
// 2. A part is handed on by its descriptor, because its users already run when it is made.
// Invariant: a process that gets the descriptor of a part for reading can never write the part, and
// no process can change its size.
//
// Each process keeps the sizes in private memory, never in the region. A reader must check what it
// reads, because an attacker may control the writer.
#ifndef RAVELIN_BASE_REGION_H
#define RAVELIN_BASE_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The size of a slot is a multiple of this: the largest page size of the processor.
#ifdef __x86_64__
#define REGION_PAGE 4096
#else
#define REGION_PAGE 65536
#endif

// --- Lent by fork ---

// For region_lend(), instead of a slot: processes forked next get no view, or the readable view.
#define REGION_NO_SLOT SIZE_MAX
#define REGION_READER (SIZE_MAX - 1)

// The two views are adjacent: `slots * slot_size` writable bytes, then as many read-only ones.
struct region {
    uint8_t *writable;       // in a forked process: only its own slot
    const uint8_t *readable; // all slots
    size_t slots;
    size_t slot_size; // a multiple of REGION_PAGE
};

// Maps the region, zeroed, and lends no slot. /proc/PID/maps shows `name`, such as
// "ravelin-metrics". False: memory is short, or a size is 0 or too large; nothing is mapped.
bool region_map(struct region *region, const char *name, size_t slots, size_t slot_size);
// Sets which slot the processes get that are forked from now on.
void region_lend(const struct region *region, size_t slot);
// For the owner. Does nothing to a region that was not mapped (writable is NULL).
void region_unmap(struct region *region);

// `size` rounded up to whole pages. It must be 1 to SIZE_MAX / 4.
static inline size_t region_round(size_t size) {
    return (size + REGION_PAGE - 1) / REGION_PAGE * REGION_PAGE;
}

// --- Handed on by descriptor ---

// The descriptor is close-on-exec and is sent over a socket. A part begins with a head: its name
// and the version of its layout. region_open() checks both, the size that the caller expects, and
// the seals that keep that size.

#define REGION_HEAD_SIZE 64 // bytes, and the alignment of what follows
#define REGION_NAME_SIZE 32

enum region_access { REGION_READ, REGION_WRITE };

struct region_kind {
    const char *name;          // shorter than REGION_NAME_SIZE bytes
    uint32_t version;          // changes with the layout
    enum region_access others; // rights of processes that map the part by its descriptor
};

struct region_part {
    uint8_t *data; // with the head; NULL: none. With REGION_READ only the maker may write
    size_t size;
    int fd; // -1: none
};

// The value of a variable that holds no part.
#define REGION_NO_PART                                                                             \
    (struct region_part) {                                                                         \
        .data = NULL, .fd = -1                                                                     \
    }

// Makes and maps a part of `size` bytes, the head included, zeroed behind the head. Processes
// forked later have no view of it. False, with errno: nothing was made.
bool region_make(struct region_part *part, const struct region_kind *kind, size_t size);
// Maps a part that another process has made. Owns `fd` and closes it, on failure too. False: the
// part is not of this kind and size, or memory is short.
bool region_open(struct region_part *part, const struct region_kind *kind, int fd, size_t size);
// For the maker: zeroes all that follows the head, and writes the head again.
void region_clear(const struct region_part *part, const struct region_kind *kind);
void region_close(struct region_part *part); // does nothing to REGION_NO_PART

#endif
