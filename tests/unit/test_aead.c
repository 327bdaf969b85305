// Sealing and opening with each library. Which one is chosen, and what becomes of a broken one, is
// tested in test_aead_choice.c. Known answers for AES-256-GCM and ChaCha20-Poly1305 were computed
// with OpenSSL 3.0; AES-128-GCM is tested with the vectors of RFC 8448 in test_record.c.
#include "aead_libraries.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

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

// --- Known answers ---

static void test_seal_and_open_known_records(void **state) {
    struct record_engine *engine = *state;
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
}

// Test cases 4 and 16 of the specification of GCM (McGrew and Viega). Their ciphertexts; the tags
// were computed with OpenSSL, as the additional data here are a record's header.
static const uint8_t gcm_plain[60] = {
    0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5, 0xa5, 0x59, 0x09, 0xc5, 0xaf, 0xf5, 0x26,
    0x9a, 0x86, 0xa7, 0xa9, 0x53, 0x15, 0x34, 0xf7, 0xda, 0x2e, 0x4c, 0x30, 0x3d, 0x8a, 0x31,
    0x8a, 0x72, 0x1c, 0x3c, 0x0c, 0x95, 0x95, 0x68, 0x09, 0x53, 0x2f, 0xcf, 0x0e, 0x24, 0x49,
    0xa6, 0xb5, 0x25, 0xb1, 0x6a, 0xed, 0xf5, 0xaa, 0x0d, 0xe6, 0x57, 0xba, 0x63, 0x7b, 0x39};
static const uint8_t gcm_key[32] = {
    0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c, 0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08,
    0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c, 0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08};
static const uint8_t gcm_nonce[AEAD_NONCE_SIZE] = {0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce,
                                                   0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88};
static const struct {
    uint16_t suite;
    uint8_t body[sizeof(gcm_plain)], tag[RECORD_TAG_SIZE];
} gcm_answers[] = {
    {
        .suite = SUITE_AES_128_GCM_SHA256,
        .body = {0x42, 0x83, 0x1e, 0xc2, 0x21, 0x77, 0x74, 0x24, 0x4b, 0x72, 0x21, 0xb7,
                 0x84, 0xd0, 0xd4, 0x9c, 0xe3, 0xaa, 0x21, 0x2f, 0x2c, 0x02, 0xa4, 0xe0,
                 0x35, 0xc1, 0x7e, 0x23, 0x29, 0xac, 0xa1, 0x2e, 0x21, 0xd5, 0x14, 0xb2,
                 0x54, 0x66, 0x93, 0x1c, 0x7d, 0x8f, 0x6a, 0x5a, 0xac, 0x84, 0xaa, 0x05,
                 0x1b, 0xa3, 0x0b, 0x39, 0x6a, 0x0a, 0xac, 0x97, 0x3d, 0x58, 0xe0, 0x91},
        .tag = {0xb3, 0x52, 0x5b, 0x7e, 0x97, 0x1a, 0x4a, 0x1d, 0xbf, 0x7d, 0x3e, 0xdf, 0xdd, 0x1f,
                0xa6, 0xa2},
    },
    {
        .suite = SUITE_AES_256_GCM_SHA384,
        .body = {0x52, 0x2d, 0xc1, 0xf0, 0x99, 0x56, 0x7d, 0x07, 0xf4, 0x7f, 0x37, 0xa3,
                 0x2a, 0x84, 0x42, 0x7d, 0x64, 0x3a, 0x8c, 0xdc, 0xbf, 0xe5, 0xc0, 0xc9,
                 0x75, 0x98, 0xa2, 0xbd, 0x25, 0x55, 0xd1, 0xaa, 0x8c, 0xb0, 0x8e, 0x48,
                 0x59, 0x0d, 0xbb, 0x3d, 0xa7, 0xb0, 0x8b, 0x10, 0x56, 0x82, 0x88, 0x38,
                 0xc5, 0xf6, 0x1e, 0x63, 0x93, 0xba, 0x7a, 0x0a, 0xbc, 0xc9, 0xf6, 0x62},
        .tag = {0x9e, 0xd7, 0x10, 0xdc, 0x0d, 0x91, 0x67, 0x5d, 0x7a, 0xa2, 0x2d, 0xde, 0x2c, 0xf8,
                0xc4, 0x34},
    },
};

static void test_published_gcm_vectors(void **state) {
    struct record_engine *engine = *state;
    const uint8_t record_header[RECORD_HEADER_SIZE] = {23, 3, 3, 0, 76};
    for (size_t i = 0; i < 2; i++) {
        const uint16_t suite = gcm_answers[i].suite;
        uint8_t data[sizeof(gcm_plain)], tag[RECORD_TAG_SIZE];
        memcpy(data, gcm_plain, sizeof(data));
        assert_int_equal(
            aead_seal(engine, suite, gcm_key, gcm_nonce, record_header, data, sizeof(data), tag),
            RESULT_OK);
        assert_memory_equal(data, gcm_answers[i].body, sizeof(data));
        assert_memory_equal(tag, gcm_answers[i].tag, sizeof(tag));
        assert_int_equal(
            aead_open(engine, suite, gcm_key, gcm_nonce, record_header, data, sizeof(data), tag),
            RESULT_OK);
        assert_memory_equal(data, gcm_plain, sizeof(data));
    }
}

// --- Against wolfCrypt, with whatever comes ---

// Reproducible: the same sequence in every run.
static uint8_t random_byte(uint64_t *seed) {
    *seed = *seed * 6364136223846793005U + 1442695040888963407U;
    return (uint8_t)(*seed >> 56);
}

static void random_bytes(uint64_t *seed, uint8_t *data, size_t size) {
    for (size_t i = 0; i < size; i++) {
        data[i] = random_byte(seed);
    }
}

struct arguments {
    uint16_t suite;
    uint8_t key[32], nonce[AEAD_NONCE_SIZE], header[RECORD_HEADER_SIZE];
};

static struct arguments random_arguments(uint64_t *seed) {
    struct arguments a;
    a.suite = (uint16_t)(SUITE_AES_128_GCM_SHA256 + random_byte(seed) % 3);
    random_bytes(seed, a.key, sizeof(a.key));
    random_bytes(seed, a.nonce, sizeof(a.nonce));
    random_bytes(seed, a.header, sizeof(a.header));
    return a;
}

static enum result seal_one(struct record_engine *engine, const struct arguments *a, uint8_t *data,
                            size_t size, uint8_t *tag) {
    return aead_seal(engine, a->suite, a->key, a->nonce, a->header, data, size, tag);
}

static enum result open_one(struct record_engine *engine, const struct arguments *a, uint8_t *data,
                            size_t size, const uint8_t *tag) {
    return aead_open(engine, a->suite, a->key, a->nonce, a->header, data, size, tag);
}

enum { ALIGNMENTS = 64, EVERY_SIZE_TO = 1100, LARGE_SIZES = 200 };

struct pair {
    uint8_t plain[RECORD_BODY_MAX];
    uint8_t ours[ALIGNMENTS + RECORD_BODY_MAX + RECORD_TAG_SIZE + 1];
    uint8_t theirs[RECORD_BODY_MAX + RECORD_TAG_SIZE];
};

static void compare(struct record_engine *engine, struct record_engine *other, struct pair *pair,
                    size_t size, uint64_t *seed) {
    const struct arguments a = random_arguments(seed);
    uint8_t *ours = pair->ours + random_byte(seed) % ALIGNMENTS, *theirs = pair->theirs;
    random_bytes(seed, pair->plain, size);
    memcpy(ours, pair->plain, size);
    memcpy(theirs, pair->plain, size);
    ours[size + RECORD_TAG_SIZE] = 0x5a;
    assert_int_equal(seal_one(engine, &a, ours, size, ours + size), RESULT_OK);
    assert_int_equal(seal_one(other, &a, theirs, size, theirs + size), RESULT_OK);
    assert_memory_equal(ours, theirs, size + RECORD_TAG_SIZE);
    assert_int_equal(ours[size + RECORD_TAG_SIZE], 0x5a);
    assert_int_equal(open_one(engine, &a, ours, size, ours + size), RESULT_OK);
    assert_memory_equal(ours, pair->plain, size);
    assert_memory_equal(ours + size, theirs + size, RECORD_TAG_SIZE);
    assert_int_equal(ours[size + RECORD_TAG_SIZE], 0x5a);
}

static void test_all_libraries_give_the_same_bytes(void **state) {
    struct record_engine *other = aead_engine_new(NULL);
    struct pair *pair = malloc(sizeof(*pair));
    uint64_t seed = 1;
    assert_non_null(other);
    assert_non_null(pair);
    for (size_t size = 0; size <= EVERY_SIZE_TO; size++) {
        compare(*state, other, pair, size, &seed);
    }
    for (size_t i = 0; i < LARGE_SIZES; i++) {
        size_t size = (size_t)(random_byte(&seed) << 8 | random_byte(&seed)) % RECORD_BODY_MAX;
        compare(*state, other, pair, size, &seed);
    }
    const size_t largest[] = {RECORD_PAYLOAD_MAX - 1, RECORD_PAYLOAD_MAX, RECORD_PAYLOAD_MAX + 1,
                              RECORD_BODY_MAX - RECORD_TAG_SIZE, RECORD_BODY_MAX};
    for (size_t i = 0; i < (size_t)5 * ALIGNMENTS; i++) {
        compare(*state, other, pair, largest[i % 5], &seed);
    }
    free(pair);
    record_engine_free(other);
}

// AddressSanitizer does not see what assembly does, so each argument lies between forbidden pages.
struct guarded {
    uint8_t *start, *end;
};

#define PAGE ((size_t)4096)

static struct guarded guarded_new(size_t page_count) {
    uint8_t *pages = mmap(NULL, (page_count + 2) * PAGE, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(pages != MAP_FAILED);
    struct guarded area = {pages + PAGE, pages + PAGE + page_count * PAGE};
    assert_int_equal(mprotect(area.start, page_count * PAGE, PROT_READ | PROT_WRITE), 0);
    return area;
}

static void guarded_free(struct guarded area) {
    munmap(area.start - PAGE, (size_t)(area.end - area.start) + 2 * PAGE);
}

static uint8_t *place(struct guarded area, size_t size, bool at_end, const void *content) {
    uint8_t *data = at_end ? area.end - size : area.start;
    if (content != NULL) {
        memcpy(data, content, size);
    }
    return data;
}

static void test_nothing_outside_is_touched(void **state) {
    enum { DATA, TAG, KEY, NONCE, HEADER, AREA_COUNT };
    struct guarded areas[AREA_COUNT];
    uint64_t seed = 2;
    for (int i = 0; i < AREA_COUNT; i++) {
        areas[i] = guarded_new(i == DATA ? 5 : 1);
    }
    for (size_t i = 0; i < 2 * (size_t)EVERY_SIZE_TO; i++) {
        const bool at_end = i % 2 == 0;
        const size_t size = i < 10 ? RECORD_BODY_MAX - 100 * i : i / 2;
        const struct arguments a = random_arguments(&seed);
        const uint8_t *key = place(areas[KEY], aead_key_size(a.suite), at_end, a.key);
        const uint8_t *nonce = place(areas[NONCE], sizeof(a.nonce), at_end, a.nonce);
        const uint8_t *head = place(areas[HEADER], sizeof(a.header), at_end, a.header);
        uint8_t *data = place(areas[DATA], size, at_end, NULL);
        uint8_t *tag = place(areas[TAG], RECORD_TAG_SIZE, at_end, NULL);
        memset(data, 0x11, size);
        assert_int_equal(aead_seal(*state, a.suite, key, nonce, head, data, size, tag), RESULT_OK);
        assert_int_equal(aead_open(*state, a.suite, key, nonce, head, data, size, tag), RESULT_OK);
        for (size_t k = 0; k < size; k++) {
            assert_int_equal(data[k], 0x11);
        }
    }
    for (int i = 0; i < AREA_COUNT; i++) {
        guarded_free(areas[i]);
    }
}

// --- What is not authentic ---

static bool is_zero(const uint8_t *data, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (data[i] != 0) {
            return false;
        }
    }
    return true;
}

static void test_a_changed_bit_is_refused_and_leaves_zeros(void **state) {
    enum { SIZE = 1000, STEP = 7 };
    uint64_t seed = 3;
    for (unsigned round = 0; round < 9; round++) {
        struct arguments a = random_arguments(&seed);
        a.suite = (uint16_t)(SUITE_AES_128_GCM_SHA256 + round % 3);
        uint8_t sealed[SIZE + RECORD_TAG_SIZE], data[sizeof(sealed)];
        random_bytes(&seed, sealed, SIZE);
        assert_int_equal(seal_one(*state, &a, sealed, SIZE, sealed + SIZE), RESULT_OK);
        const size_t every_bit_from = 8 * (sizeof(sealed) - RECORD_TAG_SIZE - 20);
        for (size_t bit = round; bit < 8 * sizeof(sealed); bit += bit < every_bit_from ? STEP : 1) {
            memcpy(data, sealed, sizeof(data));
            data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(open_one(*state, &a, data, SIZE, data + SIZE), RESULT_ERROR);
            assert_true(is_zero(data, SIZE));
        }
        for (size_t bit = 0; bit < 8 * sizeof(a.header); bit++) {
            struct arguments changed = a;
            changed.header[bit / 8] ^= (uint8_t)(1 << bit % 8);
            memcpy(data, sealed, sizeof(data));
            assert_int_equal(open_one(*state, &changed, data, SIZE, data + SIZE), RESULT_ERROR);
            assert_true(is_zero(data, SIZE));
        }
        struct arguments changed = a;
        changed.nonce[round % AEAD_NONCE_SIZE] ^= 0x10;
        memcpy(data, sealed, sizeof(data));
        assert_int_equal(open_one(*state, &changed, data, SIZE, data + SIZE), RESULT_ERROR);
        memcpy(data, sealed, sizeof(data));
        assert_int_equal(open_one(*state, &a, data, SIZE, data + SIZE), RESULT_OK);
    }
}

static void test_other_sizes_than_the_sealed_one_are_refused(void **state) {
    uint64_t seed = 4;
    struct arguments a = random_arguments(&seed);
    for (a.suite = SUITE_AES_128_GCM_SHA256; a.suite <= SUITE_CHACHA20_POLY1305_SHA256; a.suite++) {
        uint8_t sealed[64] = {0}, data[64], tag[RECORD_TAG_SIZE];
        assert_int_equal(seal_one(*state, &a, sealed, 32, tag), RESULT_OK);
        for (size_t size = 0; size <= sizeof(data); size++) {
            memcpy(data, sealed, sizeof(data));
            assert_int_equal(open_one(*state, &a, data, size, tag),
                             size == 32 ? RESULT_OK : RESULT_ERROR);
        }
    }
}

static void test_an_unknown_suite_is_refused(void **state) {
    uint64_t seed = 5;
    struct arguments a = random_arguments(&seed);
    const uint16_t others[] = {0, 0x1300, 0x1304};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        uint8_t data[20] = "twenty bytes of text", tag[RECORD_TAG_SIZE] = {0};
        a.suite = others[i];
        assert_int_equal(seal_one(*state, &a, data, sizeof(data), tag), RESULT_ERROR);
        assert_int_equal(open_one(*state, &a, data, sizeof(data), tag), RESULT_ERROR);
        assert_true(is_zero(data, sizeof(data)));
    }
}

// --- What stays behind ---

// The engine is one page. Nothing in it depends on what was sealed or opened.
static void test_a_call_leaves_nothing_in_the_engine(void **state) {
    uint8_t *page = *state, before[PAGE];
    assert_int_equal((uintptr_t)page % PAGE, 0);
    memcpy(before, page, PAGE);
    uint64_t seed = 6;
    for (size_t round = 0; round < 60; round++) {
        const struct arguments a = random_arguments(&seed);
        const size_t size = 5 * round;
        uint8_t data[300 + RECORD_TAG_SIZE];
        random_bytes(&seed, data, sizeof(data));
        assert_int_equal(seal_one(*state, &a, data, size, data + size), RESULT_OK);
        assert_memory_equal(page, before, PAGE);
        data[size] ^= (uint8_t)(round % 2); // every other one is not authentic
        assert_int_equal(open_one(*state, &a, data, size, data + size),
                         round % 2 == 0 ? RESULT_OK : RESULT_ERROR);
        assert_memory_equal(page, before, PAGE);
    }
}

// --- Runs ---

static bool holds(const uint8_t *page, const uint8_t *key) {
    return memmem(page, PAGE, key, 16) != NULL;
}

// Whatever key a call brings is the one it uses, also when it lies where the one before lay, as
// after a KeyUpdate, and when the one before was of another size or failed.
static void test_in_a_run_each_record_has_the_key_it_brings(void **state) {
    struct record_engine *engine = *state, *single = aead_engine_new(NULL);
    assert_non_null(single);
    struct arguments a = {.suite = SUITE_AES_128_GCM_SHA256};
    uint64_t seed = 11;
    record_engine_begin_run(engine);
    for (unsigned round = 0; round < 500; round++) {
        const unsigned change = round % 5; // mostly the key of the record before
        if (change == 0) {
            a = random_arguments(&seed);
        } else if (change == 1) {
            a.key[15] ^= 1; // within the shortest key
        } else if (change == 2) {
            a.suite ^= round % 3 == 0 && a.suite != SUITE_CHACHA20_POLY1305_SHA256 ? 3 : 0;
        }
        random_bytes(&seed, a.nonce, sizeof(a.nonce));
        uint8_t data[100 + RECORD_TAG_SIZE], expected[sizeof(data)];
        random_bytes(&seed, data, sizeof(data));
        memcpy(expected, data, sizeof(data));
        assert_int_equal(seal_one(single, &a, expected, 100, expected + 100), RESULT_OK);
        assert_int_equal(seal_one(engine, &a, data, 100, data + 100), RESULT_OK);
        assert_memory_equal(data, expected, sizeof(data));
        if (round % 7 == 0) {
            data[50] ^= 1;
            assert_int_equal(open_one(engine, &a, data, 100, data + 100), RESULT_ERROR);
        } else {
            assert_int_equal(open_one(engine, &a, data, 100, data + 100), RESULT_OK);
        }
    }
    record_engine_end_run(engine);
    record_engine_free(single);
}

static void test_after_a_run_nothing_is_left_in_the_engine(void **state) {
    uint8_t *page = *state, before[PAGE];
    memcpy(before, page, PAGE);
    uint64_t seed = 12;
    for (unsigned round = 0; round < 20; round++) {
        struct arguments a = random_arguments(&seed);
        a.suite = round % 2 == 0 ? SUITE_AES_128_GCM_SHA256 : SUITE_AES_256_GCM_SHA384;
        uint8_t data[64 + RECORD_TAG_SIZE] = {0};
        record_engine_begin_run(*state);
        assert_int_equal(seal_one(*state, &a, data, 64, data + 64), RESULT_OK);
        assert_true(holds(page, a.key)); // so it is kept
        assert_int_equal(open_one(*state, &a, data, 64, data + 64), RESULT_OK);
        assert_true(holds(page, a.key));
        if (round % 4 >= 2) { // what is not authentic ends the keeping at once
            assert_int_equal(open_one(*state, &a, data, 64, data + 64), RESULT_ERROR);
            assert_false(holds(page, a.key));
        }
        record_engine_end_run(*state);
        assert_memory_equal(page, before, PAGE);
    }
}

#ifndef RAVELIN_SANITIZE // there, locals do not lie on the stack

// A call on a stack of its own.
struct call {
    struct record_engine *engine;
    struct arguments a;
    uint8_t data[RECORD_PAYLOAD_MAX], tag[RECORD_TAG_SIZE];
    size_t size;
    bool opens;
    ucontext_t before, inside, registers; // the same in them at the start of each call
    _Alignas(64) uint8_t stack[64 * 1024];
};

static struct call *running;

static void make_call(void) {
    struct call *c = running;
    enum result result = c->opens ? open_one(c->engine, &c->a, c->data, c->size, c->tag)
                                  : seal_one(c->engine, &c->a, c->data, c->size, c->tag);
    (void)result; // what is opened here is not authentic
}

static void run_call(struct call *call, uint16_t suite, uint64_t seed) {
    call->a = random_arguments(&seed);
    call->a.suite = suite;
    random_bytes(&seed, call->data, call->size);
    random_bytes(&seed, call->tag, sizeof(call->tag));
    memset(call->stack, 0, sizeof(call->stack));
    call->inside = call->registers;
    call->inside.uc_stack.ss_sp = call->stack;
    call->inside.uc_stack.ss_size = sizeof(call->stack);
    call->inside.uc_link = &call->before;
    makecontext(&call->inside, make_call, 0);
    running = call;
    assert_int_equal(swapcontext(&call->before, &call->inside), 0);
}

// What lies on the stack afterwards depends neither on the key nor on the data.
static void test_a_call_leaves_nothing_on_the_stack(void **state) {
    const size_t sizes[] = {20, 1000, RECORD_PAYLOAD_MAX};
    struct call *one = calloc(1, sizeof(*one));
    uint8_t *stack = malloc(sizeof(one->stack));
    assert_non_null(one);
    assert_non_null(stack);
    one->engine = *state;
    assert_int_equal(getcontext(&one->registers), 0);
    for (unsigned i = 0; i < 12; i++) {
        const uint16_t suite = i % 2 == 0 ? SUITE_AES_128_GCM_SHA256 : SUITE_AES_256_GCM_SHA384;
        one->opens = i % 4 >= 2;
        one->size = sizes[i / 4];
        run_call(one, suite, 7);
        memcpy(stack, one->stack, sizeof(one->stack));
        run_call(one, suite, 8);
        assert_memory_equal(stack, one->stack, sizeof(one->stack));
    }
    free(stack);
    free(one);
}

#endif

// --- Sizes and keys ---

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

static int make_engine(void **state) {
    *state = aead_engine_new(library_under_test);
    return *state != NULL ? 0 : -1;
}

static int free_engine(void **state) {
    record_engine_free(*state);
    return 0;
}

int main(void) {
    const struct CMUnitTest with_engine[] = {
        cmocka_unit_test(test_seal_and_open_known_records),
        cmocka_unit_test(test_published_gcm_vectors),
        cmocka_unit_test(test_all_libraries_give_the_same_bytes),
        cmocka_unit_test(test_nothing_outside_is_touched),
        cmocka_unit_test(test_a_changed_bit_is_refused_and_leaves_zeros),
        cmocka_unit_test(test_other_sizes_than_the_sealed_one_are_refused),
        cmocka_unit_test(test_an_unknown_suite_is_refused),
        cmocka_unit_test(test_a_call_leaves_nothing_in_the_engine),
        cmocka_unit_test(test_in_a_run_each_record_has_the_key_it_brings),
        cmocka_unit_test(test_after_a_run_nothing_is_left_in_the_engine),
#ifndef RAVELIN_SANITIZE
        cmocka_unit_test(test_a_call_leaves_nothing_on_the_stack),
#endif
    };
    const struct CMUnitTest without[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_expand_label),
        cmocka_unit_test(test_expand_label_of_an_unknown_suite_leaves_zeros),
    };
    int failures = cmocka_run_group_tests(without, NULL, NULL);
    while (next_library()) {
        failures +=
            cmocka_run_group_tests_name(library_name, with_engine, make_engine, free_engine);
    }
    return failures;
}
