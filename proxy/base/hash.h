// Hashes of names and numbers, the same on every machine. Not for secrets: they have no key, and
// texts with the same hash are easy to find.
#ifndef RAVELIN_BASE_HASH_H
#define RAVELIN_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

// FNV-1a in any number of parts. Begin with HASH_BEGIN.
#define HASH_BEGIN UINT64_C(14695981039346656037)
static inline uint64_t hash_add(uint64_t hash, const void *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

// Every bit of the input changes about half of the bits of the output, and no two inputs have the
// same output (the finalizer of MurmurHash3).
static inline uint64_t hash_mix(uint64_t value) {
    value ^= value >> 33;
    value *= UINT64_C(0xff51afd7ed558ccd);
    value ^= value >> 33;
    value *= UINT64_C(0xc4ceb9fe1a85ec53);
    value ^= value >> 33;
    return value;
}

// A hash whose bits are all equally good.
static inline uint64_t hash_bytes(const void *bytes, size_t size) {
    return hash_mix(hash_add(HASH_BEGIN, bytes, size));
}

#endif
