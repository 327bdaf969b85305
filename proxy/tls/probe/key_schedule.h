// The key schedule of RFC 8446 section 7.1, for the client of `ravelin doctor` (the server's is
// wolfSSL's): one secret after the other, Early, Handshake, Master.
//
// The caller wipes what it was given; key_schedule_wipe() wipes what is in here.
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

// The Early Secret. `psk` is empty when there is none. RESULT_ERROR here and below: an unknown
// suite, or the library failed.
enum result key_schedule_start(struct key_schedule *schedule, uint16_t suite,
                               struct slice psk) MUST_CHECK;
// The next secret, with the (EC)DHE secret or, when empty, zeros in its place.
enum result key_schedule_next(struct key_schedule *schedule, struct slice input) MUST_CHECK;
// Derive-Secret with the hash of the transcript so far, which is hash_size bytes, as is the output.
enum result key_schedule_derive(const struct key_schedule *schedule, const char *label,
                                const uint8_t *transcript_hash,
                                uint8_t output[HASH_SIZE_MAX]) MUST_CHECK;
void key_schedule_wipe(struct key_schedule *schedule);

// HKDF-Expand-Label with a context, hash_size bytes out.
enum result key_expand_label(uint16_t suite, const uint8_t *secret, const char *label,
                             struct slice context, uint8_t output[HASH_SIZE_MAX]) MUST_CHECK;
// The hash of the suite.
enum result key_hash(uint16_t suite, struct slice data, uint8_t output[HASH_SIZE_MAX]) MUST_CHECK;
// HMAC of a transcript's hash with the "finished" key of `secret`: Finished and PSK binders
// (4.4.4).
enum result key_finished(uint16_t suite, const uint8_t *secret, const uint8_t *transcript_hash,
                         uint8_t output[HASH_SIZE_MAX]) MUST_CHECK;

#endif
