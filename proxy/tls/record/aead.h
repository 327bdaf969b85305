// The cryptography of the record layer: sealing and opening the body of a record, and
// HKDF-Expand-Label (RFC 8446 5.2, 7.1). Private to tls/ and its tests.
//
// libipsec-mb does AES-GCM if it is compiled in, the processor has VAES and AVX-512, and the kernel
// saves their registers. Otherwise wolfCrypt does AES-GCM. wolfCrypt does everything else. Both
// give the same bytes. The choice is made once, when an engine is made; no option changes it. A
// library must first pass a test with known answers. If libipsec-mb fails the test, wolfCrypt does
// its work, and record_engine_refused() has the name for the log. If wolfCrypt fails, there is no
// engine.
//
// Every call gets a key and uses this key. Before the call returns, the expanded key and the stack
// that the library used are wiped. Exception: within a run of records (record_engine_begin_run()),
// the engine keeps the key of the last call expanded, and uses it again if the next call gets the
// same key. With full records, the expansion of a key is a ninth of the work.
#ifndef RAVELIN_TLS_RECORD_AEAD_H
#define RAVELIN_TLS_RECORD_AEAD_H

#include "base/result.h"
#include "tls/record/record.h"

#define AEAD_NONCE_SIZE 12
#define AEAD_SCRATCH_SIZE 1536

// Bytes of the key, and of the hash, which is also the size of a traffic secret. 0: unknown suite.
size_t aead_key_size(uint16_t suite);
size_t aead_hash_size(uint16_t suite);

// Encrypts data[0..size) in place and writes the tag, which also authenticates `header`. The caller
// must never use a nonce twice with one key. RESULT_ERROR: the library failed; the data are
// unusable.
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

// Computes HKDF-Expand-Label(secret, label, "", size) with the hash of the suite. `label` has no
// "tls13 " at its beginning. `output` must not overlap `secret`. RESULT_ERROR: `output` is zeros.
enum result aead_expand_label(uint16_t suite, const uint8_t *secret, const char *label,
                              uint8_t *output, size_t size) MUST_CHECK;

enum aead_start {
    AEAD_READY,
    AEAD_UNSUITED, // not compiled in, or not usable on this machine
    AEAD_BROKEN,   // the library's own tests failed
};

// AES-GCM of one library. `scratch`: AEAD_SCRATCH_SIZE bytes that belong to one engine, aligned to
// 64, zeroed before start(). Secrets are stored in the first secret_size bytes only. seal() and
// open() use the key of the last expand().
struct aead_gcm {
    const char *name;
    size_t secret_size;
    enum aead_start (*start)(void *scratch);
    // key_size is 16 or 32. False: the library failed.
    bool (*expand)(void *scratch, const uint8_t *key, size_t key_size);
    // False: the library failed.
    bool (*seal)(void *scratch, const uint8_t *nonce, const uint8_t *header, uint8_t *data,
                 size_t size, uint8_t *tag);
    // False: not authentic; the caller must wipe `data`.
    bool (*open)(void *scratch, const uint8_t *nonce, const uint8_t *header, uint8_t *data,
                 size_t size, const uint8_t *tag);
};
extern const struct aead_gcm aead_ipsec_mb;
// True if the processor and the library have what aead_ipsec_mb needs. `features`: IMB_FEATURE_
// bits.
bool aead_ipsec_mb_suits(uint64_t features);

// record_engine_new() calls this with aead_ipsec_mb. NULL: wolfCrypt alone. Tests pass NULL or a
// broken library.
struct record_engine *aead_engine_new(const struct aead_gcm *first_choice);

#endif
