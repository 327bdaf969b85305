// The key schedule of RFC 8446 section 7.1, for the client of `ravelin doctor` (the server's is
// wolfSSL's): one secret after the other, Early, Handshake, Master.
//
// The caller wipes the secrets that it gets; key_schedule_wipe() wipes those in the struct.
#ifndef RAVELIN_TLS_PROBE_KEY_SCHEDULE_H
#define RAVELIN_TLS_PROBE_KEY_SCHEDULE_H

#include "base/result.h"
#include "base/slice.h"

#include <stdint.h>

#define HASH_SIZE_MAX 48

struct key_schedule {
    uint16_t suite;
    size_t hash_size;
    uint8_t secret[HASH_SIZE_MAX];
};

// Begins with the Early Secret. `psk` empty: none. RESULT_ERROR, here and below: unknown suite, or
// the library failed.
enum result key_schedule_start(struct key_schedule *schedule, uint16_t suite,
                               struct slice psk) MUST_CHECK;
// Advances to the next secret. `input`: the (EC)DHE secret; empty: zeros.
enum result key_schedule_next(struct key_schedule *schedule, struct slice input) MUST_CHECK;
// Derive-Secret. `transcript_hash` and `output`: hash_size bytes.
enum result key_schedule_derive(const struct key_schedule *schedule, const char *label,
                                const uint8_t *transcript_hash,
                                uint8_t output[HASH_SIZE_MAX]) MUST_CHECK;
void key_schedule_wipe(struct key_schedule *schedule);

// HKDF-Expand-Label with a context. `output`: as many bytes as the hash of the suite.
enum result key_expand_label(uint16_t suite, const uint8_t *secret, const char *label,
                             struct slice context, uint8_t output[HASH_SIZE_MAX]) MUST_CHECK;
// Hashes with the hash of the suite.
enum result key_hash(uint16_t suite, struct slice data, uint8_t output[HASH_SIZE_MAX]) MUST_CHECK;
// HMAC of a transcript hash with the "finished" key of `secret`, for Finished and PSK binders
// (4.4.4).
enum result key_finished(uint16_t suite, const uint8_t *secret, const uint8_t *transcript_hash,
                         uint8_t output[HASH_SIZE_MAX]) MUST_CHECK;

#endif
