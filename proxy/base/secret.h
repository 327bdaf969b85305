// Handling of secrets: wiping, constant-time comparison, memory that stays out of core dumps and
// swap.
#ifndef RAVELIN_BASE_SECRET_H
#define RAVELIN_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

// Overwrites with zeros in a way the compiler keeps.
void secret_wipe(void *data, size_t size);
// Takes the same time whatever the contents.
bool secret_equal(const void *a, const void *b, size_t size);

// Pages for secrets: locked where the limit allows, left out of core dumps (MADV_DONTDUMP).
// `shared`: the pages stay common to processes forked later; otherwise children do not get them at
// all (MADV_DONTFORK). Zeroed. NULL when memory is short.
void *secret_map(size_t size, bool shared);
void secret_unmap(void *data, size_t size); // wipes first

#endif
