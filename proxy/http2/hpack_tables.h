// The static table and the Huffman code of RFC 7541, for the encoder.
#ifndef RAVELIN_HTTP2_HPACK_TABLES_H
#define RAVELIN_HTTP2_HPACK_TABLES_H

#include "base/slice.h"

#include <stdint.h>

#define HPACK_STATIC_ENTRIES 61

// Entries with values are adjacent, and those of a name begin at the index of the name.
#define HPACK_VALUES_FIRST 2
#define HPACK_VALUES_END 17

// The first entry of this name. 0: there is none. One hash, one comparison.
uint8_t hpack_static_name(struct slice name);

// The entry with this value, of the name whose first entry is at `index`. 0: there is none.
uint8_t hpack_static_entry(uint8_t index, struct slice value);

// Size in bytes of the code of a text.
size_t hpack_coded_size(struct slice text);
// Writes the code, and returns the end.
uint8_t *hpack_put_coded(uint8_t *at, struct slice text);

#endif
