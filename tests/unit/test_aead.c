// Known answers for AES-256-GCM and ChaCha20-Poly1305 were computed with OpenSSL 3.0; AES-128-GCM
// is tested with the vectors of RFC 8448 in test_record.c.
#include "tls/aead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct known_answer {
    uint16_t suite;
    uint8_t key[32], iv[AEAD_NONCE_SIZE], next_secret[48];
    uint8_t body[15], tag[RECORD_TAG_SIZE];
};

// The secret is 1, 8, 15, ...; the record is number 0x0102030405060708 and holds "ravelin record".
static const struct known_answer known_answers[] = {
    {
        .suite = SUITE_AES_256_GCM_SHA384,
        .key = {0xa8, 0xab, 0x4c, 0x62, 0xb3, 0x63, 0x82, 0x5c, 0x69, 0xed, 0xb6,
                0x02, 0xb9, 0x19, 0xdc, 0x4d, 0x67, 0xd3, 0xab, 0x5a, 0xf6, 0x9f,
                0xf7, 0xf8, 0x02, 0xca, 0x2b, 0x1a, 0x84, 0xee, 0x59, 0xb1},
        .iv = {0x7b, 0x66, 0xda, 0x06, 0x4a, 0x72, 0xde, 0xbd, 0xb6, 0xb6, 0x76, 0xad},
        .next_secret = {0x37, 0x49, 0x7c, 0xd3, 0x9f, 0x5c, 0x58, 0x2b, 0x79, 0xbd, 0x4a, 0xf6,
                        0xb2, 0x0a, 0x47, 0x6d, 0x9c, 0xa6, 0xcf, 0x97, 0x0f, 0x32, 0xfe, 0x1d,
                        0x23, 0xc1, 0xde, 0xfc, 0xa2, 0x5d, 0x3a, 0x2a, 0xfb, 0xc3, 0x12, 0xd1,
                        0x1b, 0x20, 0x4b, 0x81, 0x03, 0xa1, 0xf7, 0xf8, 0xfe, 0x23, 0xcc, 0x0f},
        .body = {0x2d, 0xd7, 0x5f, 0x87, 0x69, 0xed, 0x90, 0xba, 0x41, 0xc5, 0x07, 0xa3, 0x89, 0x81,
                 0x99},
        .tag = {0xae, 0x5d, 0xe3, 0xfc, 0xaf, 0xdb, 0xef, 0xf9, 0x80, 0x69, 0x64, 0xa6, 0x48, 0x3f,
                0x38, 0x56},
    },
    {
        .suite = SUITE_CHACHA20_POLY1305_SHA256,
        .key = {0xd9, 0xcf, 0x37, 0xaa, 0xbc, 0x41, 0xe8, 0xd7, 0x1b, 0x91, 0x47,
                0xd2, 0xd0, 0x96, 0xab, 0x78, 0xd7, 0xad, 0x31, 0x1d, 0x0e, 0xad,
                0xa5, 0x0f, 0xe7, 0x45, 0xa2, 0x38, 0x2f, 0x66, 0x6b, 0xe0},
        .iv = {0xc3, 0x64, 0xf0, 0x4b, 0x55, 0x79, 0xd8, 0x8b, 0x2d, 0x2b, 0xf2, 0xbc},
        .next_secret = {0x91, 0xde, 0x0b, 0x13, 0x9e, 0x8f, 0x13, 0x6c, 0xad, 0xeb, 0x86,
                        0x32, 0x40, 0x6c, 0xc5, 0x00, 0x28, 0xd6, 0xa1, 0x7f, 0xe0, 0x40,
                        0xbe, 0xd0, 0x71, 0xf4, 0x9e, 0xd1, 0x64, 0x09, 0x4b, 0x75},
        .body = {0x1f, 0xc9, 0xdb, 0x70, 0x2f, 0x71, 0x63, 0xd4, 0xf1, 0x8f, 0x32, 0x55, 0xe4, 0xfa,
                 0xb9},
        .tag = {0x19, 0x72, 0x30, 0x56, 0x31, 0x98, 0x11, 0xb8, 0x8c, 0x60, 0x85, 0xcd, 0x0d, 0xa7,
                0xe0, 0x0f},
    },
};
#define KNOWN_ANSWER_COUNT (sizeof(known_answers) / sizeof(known_answers[0]))

static const uint8_t plain[15] = "ravelin record\x17";
static const uint8_t header[RECORD_HEADER_SIZE] = {23, 3, 3, 0, 31};

static void make_nonce(const struct known_answer *known, uint8_t nonce[AEAD_NONCE_SIZE]) {
    static const uint8_t sequence[AEAD_NONCE_SIZE] = {0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
    for (size_t i = 0; i < AEAD_NONCE_SIZE; i++) {
        nonce[i] = known->iv[i] ^ sequence[i];
    }
}

static void test_sizes(void **state) {
    (void)state;
    assert_int_equal(aead_key_size(SUITE_AES_128_GCM_SHA256), 16);
    assert_int_equal(aead_key_size(SUITE_AES_256_GCM_SHA384), 32);
    assert_int_equal(aead_key_size(SUITE_CHACHA20_POLY1305_SHA256), 32);
    assert_int_equal(aead_hash_size(SUITE_AES_128_GCM_SHA256), 32);
    assert_int_equal(aead_hash_size(SUITE_AES_256_GCM_SHA384), 48);
    assert_int_equal(aead_hash_size(SUITE_CHACHA20_POLY1305_SHA256), 32);
    const uint16_t others[] = {0, 0x00ff, 0x009c, 0x1300, 0x1304, 0x1305, 0xc02f};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(aead_key_size(others[i]), 0);
        assert_int_equal(aead_hash_size(others[i]), 0);
    }
}

static void test_expand_label(void **state) {
    (void)state;
    uint8_t secret[48];
    for (size_t i = 0; i < sizeof(secret); i++) {
        secret[i] = (uint8_t)(7 * i + 1);
    }
    for (size_t i = 0; i < KNOWN_ANSWER_COUNT; i++) {
        const struct known_answer *known = &known_answers[i];
        uint8_t key[32], iv[AEAD_NONCE_SIZE], next[48] = {0};
        assert_int_equal(aead_expand_label(known->suite, secret, "key", key, 32), RESULT_OK);
        assert_int_equal(aead_expand_label(known->suite, secret, "iv", iv, sizeof(iv)), RESULT_OK);
        assert_int_equal(aead_expand_label(known->suite, secret, "traffic upd", next,
                                           aead_hash_size(known->suite)),
                         RESULT_OK);
        assert_memory_equal(key, known->key, sizeof(key));
        assert_memory_equal(iv, known->iv, sizeof(iv));
        assert_memory_equal(next, known->next_secret, sizeof(next));
    }
}

static void test_expand_label_of_an_unknown_suite_leaves_zeros(void **state) {
    (void)state;
    const uint8_t secret[48] = {1}, zeros[16] = {0};
    uint8_t output[16];
    memset(output, 0xaa, sizeof(output));
    assert_int_equal(aead_expand_label(0x1304, secret, "key", output, sizeof(output)),
                     RESULT_ERROR);
    assert_memory_equal(output, zeros, sizeof(output));
}

static void test_seal_and_open_known_records(void **state) {
    (void)state;
    struct record_engine *engine = record_engine_new();
    assert_non_null(engine);
    for (size_t i = 0; i < KNOWN_ANSWER_COUNT; i++) {
        const struct known_answer *known = &known_answers[i];
        uint8_t nonce[AEAD_NONCE_SIZE], data[sizeof(plain)], tag[RECORD_TAG_SIZE];
        make_nonce(known, nonce);
        memcpy(data, plain, sizeof(plain));
        assert_int_equal(
            aead_seal(engine, known->suite, known->key, nonce, header, data, sizeof(data), tag),
            RESULT_OK);
        assert_memory_equal(data, known->body, sizeof(data));
        assert_memory_equal(tag, known->tag, sizeof(tag));
        assert_int_equal(
            aead_open(engine, known->suite, known->key, nonce, header, data, sizeof(data), tag),
            RESULT_OK);
        assert_memory_equal(data, plain, sizeof(data));
    }
    record_engine_free(engine);
}

static void test_a_false_tag_leaves_zeros(void **state) {
    (void)state;
    struct record_engine *engine = record_engine_new();
    assert_non_null(engine);
    const uint8_t zeros[sizeof(plain)] = {0};
    for (size_t i = 0; i < KNOWN_ANSWER_COUNT; i++) {
        const struct known_answer *known = &known_answers[i];
        uint8_t nonce[AEAD_NONCE_SIZE], data[sizeof(plain)], tag[RECORD_TAG_SIZE];
        make_nonce(known, nonce);
        memcpy(data, known->body, sizeof(data));
        memcpy(tag, known->tag, sizeof(tag));
        tag[RECORD_TAG_SIZE - 1] ^= 1;
        assert_int_equal(
            aead_open(engine, known->suite, known->key, nonce, header, data, sizeof(data), tag),
            RESULT_ERROR);
        assert_memory_equal(data, zeros, sizeof(data));
    }
    record_engine_free(engine);
}

static bool page_holds(const void *page, const uint8_t *bytes, size_t size) {
    const uint8_t *at = page;
    for (size_t i = 0; i + size <= 4096; i++) {
        if (memcmp(at + i, bytes, size) == 0) {
            return true;
        }
    }
    return false;
}

// An expanded AES key begins with the key itself. The engine begins a page.
static void test_no_key_outlives_a_call(void **state) {
    (void)state;
    static const uint8_t key[32] = "no key of ours stays in there...";
    const uint8_t nonce[AEAD_NONCE_SIZE] = {0};
    const uint16_t suites[] = {SUITE_AES_128_GCM_SHA256, SUITE_AES_256_GCM_SHA384,
                               SUITE_CHACHA20_POLY1305_SHA256};
    struct record_engine *engine = record_engine_new();
    assert_non_null(engine);
    assert_int_equal((uintptr_t)engine % 4096, 0);
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
        uint8_t data[sizeof(plain)], tag[RECORD_TAG_SIZE];
        memcpy(data, plain, sizeof(plain));
        assert_int_equal(aead_seal(engine, suites[i], key, nonce, header, data, sizeof(data), tag),
                         RESULT_OK);
        assert_false(page_holds(engine, key, 16));
        assert_int_equal(aead_open(engine, suites[i], key, nonce, header, data, sizeof(data), tag),
                         RESULT_OK);
        assert_false(page_holds(engine, key, 16));
    }
    record_engine_free(engine);
}

static void test_free_of_no_engine(void **state) {
    (void)state;
    record_engine_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_expand_label),
        cmocka_unit_test(test_expand_label_of_an_unknown_suite_leaves_zeros),
        cmocka_unit_test(test_seal_and_open_known_records),
        cmocka_unit_test(test_a_false_tag_leaves_zeros),
        cmocka_unit_test(test_no_key_outlives_a_call),
        cmocka_unit_test(test_free_of_no_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
