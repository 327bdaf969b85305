// Checks one value of the configuration against its row of the option table, converts it and stores
// it in the struct of its section.
#ifndef RAVELIN_CONFIG_VALUE_H
#define RAVELIN_CONFIG_VALUE_H

#include "base/socket.h"
#include "config/options.h"

struct value {
    const struct option *option;
    const char *text;      // as written, without quotes
    const char *directory; // relative paths begin there
    void *object;          // the struct of the section; it owns what is stored
    // Set by value_store():
    const char *key; // canonical address, host, name or path; lives as long as this struct
    char why[512];   // of a refused value: a hint, or ""
    char scratch[ADDRESS_TEXT_SIZE];
};

// False: the value is not valid for its option, or memory is short; nothing was stored.
bool value_store(struct value *value);

// Appends a zeroed item to an array on the heap.
//   items      address of the pointer to the array
//   count      number of items; grows by 1
//   item_size  bytes
// Returns the item. NULL: memory is short; the array is unchanged.
void *array_append(void *items, size_t *count, size_t item_size);

#endif
