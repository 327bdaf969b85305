// What the record layer needs of cryptography: sealing and opening one record body, and
// HKDF-Expand-Label (RFC 8446 5.2, 7.1). Private to tls/record.c and its tests.
//
// No state but scratch space is kept in an engine: every call brings its key, and the expanded key
// is wiped before the call returns. Another implementation of the AEADs is another body of these
// functions, chosen in record_engine_new().
#ifndef RAVELIN_TLS_AEAD_H
#define RAVELIN_TLS_AEAD_H

#include "base/result.h"
#include "tls/record.h"

#define AEAD_NONCE_SIZE 12

// The size of the key, or of the hash and so of a traffic secret; 0 for an unknown suite.
size_t aead_key_size(uint16_t suite);
size_t aead_hash_size(uint16_t suite);

// Encrypts data[0..size) in place and writes its tag. `header` is authenticated with it. The caller
// never gives a nonce twice with a key. RESULT_ERROR: the library failed; the data are unusable.
enum result aead_seal(struct record_engine *engine, uint16_t suite, const uint8_t *key,
                      const uint8_t nonce[AEAD_NONCE_SIZE],
                      const uint8_t header[RECORD_HEADER_SIZE], uint8_t *data, size_t size,
                      uint8_t tag[RECORD_TAG_SIZE]) MUST_CHECK;

// Decrypts data[0..size) in place. RESULT_ERROR: not authentic; the data are overwritten with
// zeros.
enum result aead_open(struct record_engine *engine, uint16_t suite, const uint8_t *key,
                      const uint8_t nonce[AEAD_NONCE_SIZE],
                      const uint8_t header[RECORD_HEADER_SIZE], uint8_t *data, size_t size,
                      const uint8_t tag[RECORD_TAG_SIZE]) MUST_CHECK;

// HKDF-Expand-Label(secret, label, "", size) with the suite's hash; `label` without the "tls13 "
// before it. `output` must not overlap `secret`. RESULT_ERROR leaves zeros in `output`.
enum result aead_expand_label(uint16_t suite, const uint8_t *secret, const char *label,
                              uint8_t *output, size_t size) MUST_CHECK;

#endif
