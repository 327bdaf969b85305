// Memory for the tables of an event loop. libev ends the process if a table cannot grow, so a
// reserve keeps that from happening when the heap is short.
//
// reserve_realloc() has the signature for ev_set_allocator(). It tries the heap first. If the heap
// has no memory, the block comes from a reserve of RESERVE_SIZE bytes of address space, which costs
// no memory until it is used. When the block grows again and the heap has memory, the block moves
// back to the heap. The reserve is large enough for the tables of a loop with a million
// descriptors.
//
// libev passes no context, so the reserve is one for the whole process. It is not thread-safe.
// After fork() the child has a copy of its own.
#ifndef RAVELIN_BASE_RESERVE_H
#define RAVELIN_BASE_RESERVE_H

#include <stdbool.h>
#include <stddef.h>

#define RESERVE_SIZE ((size_t)64 << 20)

// Call it once in a process, before the first block. False: there is no address space;
// reserve_realloc() then uses the heap alone.
bool reserve_open(void);
// Like realloc(); size 0 frees. NULL only when heap and reserve have nothing, or the size is
// negative.
void *reserve_realloc(void *block, long size);
// Largest number of bytes of the reserve in use so far. For tests.
size_t reserve_used(void);

#endif
