// Which library does AES-GCM: the best that suits the machine, and none that gives wrong answers.
#include "aead_libraries.h"

#include <stdio.h>
#include <stdlib.h>

#ifdef RAVELIN_IPSEC_MB
#include <intel-ipsec-mb.h>
#endif

// --- Libraries that are wrong in one way each ---

enum fault {
    NO_FAULT,
    UNSUITED,          // says so
    OWN_TEST_FAILS,    // says so
    EXPAND_FAILS,      // says so
    SEAL_FAILS,        // says so
    TAG_WRONG,         // in one bit
    BODY_WRONG,        // in one bit, and not in the tag
    BODY_WRONG_AT_END, // of long records only
    NOT_ENCRYPTED,     // does nothing, like a call that does not like its arguments
    WRONG_WITH_256,    // bits in a key
    OPENS_ANYTHING,
    OPENS_NOTHING,
    OPENS_WRONG,
    FAULT_COUNT,
};

static enum fault fault;
static struct record_engine *right;

static uint16_t suite_of(size_t key_size) {
    return key_size == 16 ? SUITE_AES_128_GCM_SHA256 : SUITE_AES_256_GCM_SHA384;
}

static enum aead_start fake_start(void *scratch) {
    for (size_t i = 0; i < AEAD_SCRATCH_SIZE; i++) {
        assert_int_equal(((uint8_t *)scratch)[i], 0);
    }
    assert_int_equal((uintptr_t)scratch % 64, 0);
    memset(scratch, 0xee, AEAD_SCRATCH_SIZE);
    return fault == UNSUITED ? AEAD_UNSUITED : fault == OWN_TEST_FAILS ? AEAD_BROKEN : AEAD_READY;
}

struct fake_scratch {
    uint8_t key[32];
    size_t key_size;
};

static bool fake_expand(void *scratch, const uint8_t *key, size_t key_size) {
    struct fake_scratch *s = scratch;
    s->key_size = key_size;
    memcpy(s->key, key, key_size);
    return fault != EXPAND_FAILS;
}

static bool fake_seal(void *scratch, const uint8_t *nonce, const uint8_t *header, uint8_t *data,
                      size_t size, uint8_t *tag) {
    const struct fake_scratch *s = scratch;
    if (fault == NOT_ENCRYPTED) {
        return true;
    }
    assert_int_equal(
        aead_seal(right, suite_of(s->key_size), s->key, nonce, header, data, size, tag), RESULT_OK);
    tag[5] ^= fault == TAG_WRONG || (fault == WRONG_WITH_256 && s->key_size == 32) ? 0x40 : 0;
    data[0] ^= fault == BODY_WRONG ? 1 : 0;
    data[size - 1] ^= fault == BODY_WRONG_AT_END && size > 1000 ? 1 : 0;
    return fault != SEAL_FAILS;
}

static bool fake_open(void *scratch, const uint8_t *nonce, const uint8_t *header, uint8_t *data,
                      size_t size, const uint8_t *tag) {
    const struct fake_scratch *s = scratch;
    if (fault == NOT_ENCRYPTED) {
        return true;
    }
    if (fault == OPENS_NOTHING) {
        return false;
    }
    bool opened = aead_open(right, suite_of(s->key_size), s->key, nonce, header, data, size, tag) ==
                  RESULT_OK;
    data[size / 2] ^= fault == OPENS_WRONG ? 1 : 0;
    return opened || fault == OPENS_ANYTHING;
}

static const struct aead_gcm fake = {
    "fake", sizeof(struct fake_scratch), fake_start, fake_expand, fake_seal, fake_open};

static void assert_works(struct record_engine *engine) {
    const uint8_t key[16] = {1}, nonce[AEAD_NONCE_SIZE] = {2}, header[RECORD_HEADER_SIZE] = {3};
    uint8_t data[4] = "abc", tag[RECORD_TAG_SIZE];
    assert_int_equal(aead_seal(engine, SUITE_AES_128_GCM_SHA256, key, nonce, header, data, 4, tag),
                     RESULT_OK);
    assert_int_equal(aead_open(right, SUITE_AES_128_GCM_SHA256, key, nonce, header, data, 4, tag),
                     RESULT_OK);
    assert_memory_equal(data, "abc", 4);
}

static void test_a_library_without_fault_is_used(void **state) {
    (void)state;
    fault = NO_FAULT;
    struct record_engine *engine = aead_engine_new(&fake);
    assert_non_null(engine);
    assert_string_equal(record_engine_name(engine), "fake");
    assert_null(record_engine_refused(engine));
    assert_works(engine);
    record_engine_free(engine);
}

static void test_a_broken_library_is_refused_and_named(void **state) {
    (void)state;
    for (fault = OWN_TEST_FAILS; fault < FAULT_COUNT; fault++) {
        struct record_engine *engine = aead_engine_new(&fake);
        assert_non_null(engine);
        assert_string_equal(record_engine_name(engine), "wolfCrypt");
        assert_string_equal(record_engine_refused(engine), "fake");
        assert_works(engine);
        record_engine_free(engine);
    }
}

static void test_an_unsuited_library_is_passed_over_in_silence(void **state) {
    (void)state;
    fault = UNSUITED;
    struct record_engine *engine = aead_engine_new(&fake);
    assert_non_null(engine);
    assert_string_equal(record_engine_name(engine), "wolfCrypt");
    assert_null(record_engine_refused(engine));
    assert_works(engine);
    record_engine_free(engine);
}

static void test_wolfcrypt_can_be_asked_for(void **state) {
    (void)state;
    struct record_engine *engine = aead_engine_new(NULL);
    assert_non_null(engine);
    assert_string_equal(record_engine_name(engine), "wolfCrypt");
    assert_null(record_engine_refused(engine));
    record_engine_free(engine);
}

static void test_free_of_no_engine(void **state) {
    (void)state;
    record_engine_free(NULL);
}

// --- The machine ---

#ifdef RAVELIN_IPSEC_MB

// The kernel shows an instruction set only when it also keeps its registers.
static bool kernel_shows(const char *wanted) {
    static char line[16384];
    FILE *file = fopen("/proc/cpuinfo", "re");
    assert_non_null(file);
    bool found = false;
    while (!found && fgets(line, sizeof(line), file) != NULL) {
        char *rest = line, *flag;
        while (strncmp(line, "flags", 5) == 0 && !found &&
               (flag = strtok_r(rest, " \t\n", &rest)) != NULL) {
            found = strcmp(flag, wanted) == 0;
        }
    }
    (void)fclose(file);
    return found;
}

static void test_libipsec_mb_is_chosen_where_the_processor_has_the_instructions(void **state) {
    (void)state;
    const char *const needed[] = {"vaes",     "vpclmulqdq", "avx512f", "avx512dq", "avx512cd",
                                  "avx512bw", "avx512vl",   "gfni",    "sha_ni",   "avx512ifma"};
    bool suits = true;
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        suits = suits && kernel_shows(needed[i]);
    }
    struct record_engine *engine = record_engine_new();
    assert_non_null(engine);
    assert_string_equal(record_engine_name(engine),
                        suits ? "libipsec-mb " IMB_VERSION_STR : "wolfCrypt");
    assert_null(record_engine_refused(engine));
    record_engine_free(engine);
}

static void test_libipsec_mb_suits_with_all_features_and_not_with_one_less(void **state) {
    (void)state;
    const uint64_t all = IMB_CPUFLAGS_AVX512_T2 | IMB_FEATURE_SAFE_DATA;
    assert_true(aead_ipsec_mb_suits(all));
    assert_true(aead_ipsec_mb_suits(UINT64_MAX));
    assert_false(aead_ipsec_mb_suits(0));
    assert_false(aead_ipsec_mb_suits(IMB_CPUFLAGS_AVX2 | IMB_FEATURE_SAFE_DATA));
    for (unsigned bit = 0; bit < 64; bit++) {
        assert_int_equal(aead_ipsec_mb_suits(UINT64_MAX & ~(UINT64_C(1) << bit)),
                         (all >> bit & 1) == 0);
    }
    const uint64_t needed[] = {IMB_FEATURE_VAES, IMB_FEATURE_VPCLMULQDQ, IMB_FEATURE_AVX512F,
                               IMB_FEATURE_SAFE_DATA};
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        assert_false(aead_ipsec_mb_suits(all & ~needed[i]));
    }
}

#else

static void test_without_libipsec_mb_there_is_wolfcrypt(void **state) {
    (void)state;
    struct record_engine *engine = record_engine_new();
    assert_non_null(engine);
    assert_string_equal(record_engine_name(engine), "wolfCrypt");
    assert_null(record_engine_refused(engine));
    assert_false(aead_ipsec_mb_suits(UINT64_MAX));
    record_engine_free(engine);
}

#endif

static int make_right(void **state) {
    (void)state;
    right = aead_engine_new(NULL);
    return right != NULL ? 0 : -1;
}

static int free_right(void **state) {
    (void)state;
    record_engine_free(right);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_library_without_fault_is_used),
        cmocka_unit_test(test_a_broken_library_is_refused_and_named),
        cmocka_unit_test(test_an_unsuited_library_is_passed_over_in_silence),
        cmocka_unit_test(test_wolfcrypt_can_be_asked_for),
        cmocka_unit_test(test_free_of_no_engine),
#ifdef RAVELIN_IPSEC_MB
        cmocka_unit_test(test_libipsec_mb_is_chosen_where_the_processor_has_the_instructions),
        cmocka_unit_test(test_libipsec_mb_suits_with_all_features_and_not_with_one_less),
#else
        cmocka_unit_test(test_without_libipsec_mb_there_is_wolfcrypt),
#endif
    };
    return cmocka_run_group_tests(tests, make_right, free_right);
}
