// What the record layer needs of cryptography: sealing and opening one record body, and
// HKDF-Expand-Label (RFC 8446 5.2, 7.1). Private to tls/ and its tests.
//
// AES-GCM is done by libipsec-mb where it is compiled in, the processor has VAES and AVX-512 and
// the kernel keeps their registers; elsewhere by wolfCrypt, which does everything else as well. The
// choice is made once, when an engine is made, by what the machine has: no option and no variable
// asks for another. Whichever is chosen must first pass a test with known answers. A libipsec-mb
// that fails it is not used, wolfCrypt takes its place, and record_engine_refused() tells, so that
// it can be logged: the proxy serves on, and right. Without a wolfCrypt that passes there is no
// engine. Both give the same bytes.
//
// Every call brings its key. Before it returns the expanded key is wiped, and the stack below that
// the library has used. wolfCrypt needs about 50 ns for that, libipsec-mb 140 ns, which is the
// faster one from records of 256 bytes on and loses some 35 ns with the smallest. Only for a run of
// records (record_engine_begin_run()) an engine keeps the key of the last call expanded, to use it
// again when the next brings the same bytes: with full records expanding is a ninth of the work.
// Whatever key a call brings is the one it uses.
#ifndef RAVELIN_TLS_RECORD_AEAD_H
#define RAVELIN_TLS_RECORD_AEAD_H

#include "base/result.h"
#include "tls/record/record.h"

#define AEAD_NONCE_SIZE 12
#define AEAD_SCRATCH_SIZE 1536

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

enum aead_start {
    AEAD_READY,
    AEAD_UNSUITED, // not compiled in, or of no use on this machine
    AEAD_BROKEN,   // its own tests failed
};

// AES-GCM by one library. `scratch` is AEAD_SCRATCH_SIZE bytes, aligned to 64, of the engine's
// alone, and zeros at the start. expand() comes before seal() and open(), which use the key of the
// last one. Secrets lie in the first secret_size bytes only.
struct aead_gcm {
    const char *name;
    size_t secret_size;
    enum aead_start (*start)(void *scratch);
    // key_size is 16 or 32. False: the library failed.
    bool (*expand)(void *scratch, const uint8_t *key, size_t key_size);
    // False: the library failed.
    bool (*seal)(void *scratch, const uint8_t *nonce, const uint8_t *header, uint8_t *data,
                 size_t size, uint8_t *tag);
    // False: not authentic, and what is in `data` must be wiped.
    bool (*open)(void *scratch, const uint8_t *nonce, const uint8_t *header, uint8_t *data,
                 size_t size, const uint8_t *tag);
};
extern const struct aead_gcm aead_ipsec_mb;
// What its start() asks of the processor and of the library, in IMB_FEATURE_... bits.
bool aead_ipsec_mb_suits(uint64_t features);

// What record_engine_new() does, with aead_ipsec_mb; NULL stands for none. A parameter so that
// tests can ask for either library, or offer a broken one.
struct record_engine *aead_engine_new(const struct aead_gcm *first_choice);

#endif
