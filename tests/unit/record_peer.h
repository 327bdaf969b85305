// For the tests of the record layer: a layer, and the client at its other end. The client has its
// own sequence numbers and nonces and seals whatever it is told to, right or wrong. Its AES-GCM is
// always wolfCrypt's; that of the layer is every library's in turn (next_library()).
#ifndef RAVELIN_TESTS_RECORD_PEER_H
#define RAVELIN_TESTS_RECORD_PEER_H

#include "aead_libraries.h"
#include "tls/record/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint16_t suites[] = {
    SUITE_AES_128_GCM_SHA256,
    SUITE_AES_256_GCM_SHA384,
    SUITE_CHACHA20_POLY1305_SHA256,
};
#define SUITE_COUNT (sizeof(suites) / sizeof(suites[0]))

// One direction as the client sees it.
struct peer_keys {
    uint8_t secret[RECORD_SECRET_MAX];
    uint8_t key[32];
    uint8_t iv[AEAD_NONCE_SIZE];
    uint64_t sequence;
};

struct fixture {
    struct record_engine *engine, *peer_engine;
    struct record_layer layer;
    uint16_t suite;
    struct peer_keys sends, receives;
    uint8_t record[RECORD_SIZE_MAX + 64];
    size_t record_size;
    // What record_open() found.
    enum record_event event;
    uint8_t *payload;
    size_t payload_size;
};

static inline void peer_derive(const struct fixture *f, struct peer_keys *keys) {
    size_t size = aead_key_size(f->suite);
    assert_int_equal(aead_expand_label(f->suite, keys->secret, "key", keys->key, size), RESULT_OK);
    assert_int_equal(aead_expand_label(f->suite, keys->secret, "iv", keys->iv, sizeof(keys->iv)),
                     RESULT_OK);
    keys->sequence = 0;
}

static inline void peer_update(const struct fixture *f, struct peer_keys *keys) {
    uint8_t next[RECORD_SECRET_MAX] = {0};
    assert_int_equal(
        aead_expand_label(f->suite, keys->secret, "traffic upd", next, aead_hash_size(f->suite)),
        RESULT_OK);
    memcpy(keys->secret, next, sizeof(next));
    peer_derive(f, keys);
}

static inline void peer_nonce(struct peer_keys *keys, uint8_t nonce[AEAD_NONCE_SIZE]) {
    memcpy(nonce, keys->iv, AEAD_NONCE_SIZE);
    uint64_t left = keys->sequence++;
    for (size_t i = AEAD_NONCE_SIZE; left > 0; left >>= 8) {
        i--;
        nonce[i] = (uint8_t)(nonce[i] ^ (left & 0xff));
    }
}

static inline void write_header(uint8_t *record, size_t body_size) {
    const uint8_t header[RECORD_HEADER_SIZE] = {RECORD_APPLICATION_DATA, 3, 3,
                                                (uint8_t)(body_size >> 8), (uint8_t)body_size};
    memcpy(record, header, sizeof(header));
}

// Seals an inner plaintext as it is: content, type and padding are the caller's.
static inline void peer_seal_inner(struct fixture *f, const void *inner, size_t size) {
    assert_true(size <= RECORD_BODY_MAX - RECORD_TAG_SIZE);
    uint8_t nonce[AEAD_NONCE_SIZE];
    uint8_t *body = f->record + RECORD_HEADER_SIZE;
    peer_nonce(&f->sends, nonce);
    write_header(f->record, size + RECORD_TAG_SIZE);
    if (size > 0) {
        memmove(body, inner, size);
    }
    assert_int_equal(aead_seal(f->peer_engine, f->suite, f->sends.key, nonce, f->record, body, size,
                               body + size),
                     RESULT_OK);
    f->record_size = RECORD_HEADER_SIZE + size + RECORD_TAG_SIZE;
}

static inline void peer_seal(struct fixture *f, uint8_t type, const void *content, size_t size,
                             size_t padding) {
    uint8_t *inner = calloc(1, size + 1 + padding);
    assert_non_null(inner);
    if (size > 0) {
        memcpy(inner, content, size);
    }
    inner[size] = type;
    peer_seal_inner(f, inner, size + 1 + padding);
    free(inner);
}

static inline enum result layer_open(struct fixture *f) {
    return record_open(&f->layer, f->engine, f->record, f->record_size, &f->event, &f->payload,
                       &f->payload_size);
}

// The client sends, the layer opens.
static inline enum result receive(struct fixture *f, uint8_t type, const void *content,
                                  size_t size) {
    peer_seal(f, type, content, size, 0);
    return layer_open(f);
}

static inline void assert_receives(struct fixture *f, const char *text) {
    assert_int_equal(receive(f, RECORD_APPLICATION_DATA, text, strlen(text)), RESULT_OK);
    assert_int_equal(f->event, RECORD_EVENT_DATA);
    assert_int_equal(f->payload_size, strlen(text));
    assert_memory_equal(f->payload, text, f->payload_size);
}

// The last record was refused with this alert, nothing of it was handed out, and the layer stays
// closed.
static inline void assert_refused(struct fixture *f, enum result result, enum tls_alert alert) {
    assert_int_equal(result, RESULT_ERROR);
    assert_int_equal(f->layer.alert, alert);
    assert_true(f->layer.failed);
    assert_null(f->payload);
    assert_int_equal(f->payload_size, 0);
    assert_int_equal(f->event, RECORD_EVENT_NONE);
    assert_false(record_wants_key_update(&f->layer));
    assert_int_equal(receive(f, RECORD_APPLICATION_DATA, "more", 4), RESULT_ERROR);
    assert_null(f->payload);
    assert_int_equal(f->layer.alert, alert);
}

// Opens a whole record that the layer sealed: gives its content, and its type as the result.
static inline uint8_t peer_open(struct fixture *f, uint8_t *record, size_t size, uint8_t **content,
                                size_t *content_size) {
    uint8_t nonce[AEAD_NONCE_SIZE];
    uint8_t header[RECORD_HEADER_SIZE];
    uint8_t *body = record + RECORD_HEADER_SIZE;
    assert_true(size >= RECORD_OVERHEAD);
    write_header(header, size - RECORD_HEADER_SIZE);
    assert_memory_equal(record, header, sizeof(header));
    peer_nonce(&f->receives, nonce);
    size_t inner_size = size - RECORD_HEADER_SIZE - RECORD_TAG_SIZE;
    assert_int_equal(aead_open(f->peer_engine, f->suite, f->receives.key, nonce, header, body,
                               inner_size, body + inner_size),
                     RESULT_OK);
    *content = body;
    *content_size = inner_size - 1;
    return body[inner_size - 1];
}

static inline void fixture_start(struct fixture *f, uint16_t suite, uint64_t limit) {
    f->suite = suite;
    f->event = RECORD_EVENT_NONE;
    f->payload = NULL;
    f->payload_size = 0;
    for (size_t i = 0; i < RECORD_SECRET_MAX; i++) {
        f->sends.secret[i] = (uint8_t)(i + 1);
        f->receives.secret[i] = (uint8_t)(0x80 + i);
    }
    peer_derive(f, &f->sends);
    peer_derive(f, &f->receives);
    assert_int_equal(
        record_layer_init(&f->layer, suite, f->sends.secret, f->receives.secret, 0, 0, limit),
        RESULT_OK);
}

static inline int fixture_setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL) {
        return -1;
    }
    *state = f;
    f->engine = aead_engine_new(library_under_test);
    f->peer_engine = aead_engine_new(NULL);
    assert_non_null(f->engine);
    assert_non_null(f->peer_engine);
    fixture_start(f, SUITE_AES_128_GCM_SHA256, 0);
    return 0;
}

static inline int fixture_teardown(void **state) {
    struct fixture *f = *state;
    record_engine_free(f->engine);
    record_engine_free(f->peer_engine);
    free(f);
    return 0;
}

#define RECORD_TEST(function)                                                                      \
    cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

#endif
