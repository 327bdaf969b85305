// Memory for the tables of an event loop, which has no way to go on when they cannot grow: libev
// ends the process then.
//
// reserve_realloc() has the form that ev_set_allocator() takes. It asks the heap first. When the
// heap has nothing it takes the block from a reserve of RESERVE_SIZE bytes of address space, which
// costs no memory until it is used. A block goes back to the heap when it grows again and the heap
// has room. The reserve is enough for the tables of a loop with a million descriptors.
//
// libev passes no context, so that the reserve is one for the whole process, and not for threads. A
// process made by fork() has a copy of its own.
#ifndef RAVELIN_BASE_RESERVE_H
#define RAVELIN_BASE_RESERVE_H

#include <stdbool.h>
#include <stddef.h>

#define RESERVE_SIZE ((size_t)64 << 20)

// Once in a process, and before the first block. False: there is no address space; the heap is then
// all there is.
bool reserve_open(void);
// Like realloc(); size 0 frees. NULL only when heap and reserve have nothing, or the size is
// negative.
void *reserve_realloc(void *block, long size);
// Bytes that were ever taken from the reserve, for tests.
size_t reserve_used(void);

#endif
