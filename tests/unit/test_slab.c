#include "base/slab.h"

#include "base/sanitize.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define BLOCK_COUNT 10

static void get_all(struct slab *slab, void *blocks[BLOCK_COUNT]) {
    for (size_t i = 0; i < BLOCK_COUNT; i++) {
        blocks[i] = slab_get(slab);
        assert_non_null(blocks[i]);
        memset(blocks[i], (int)i, slab->block_size);
    }
}

static void put_all(struct slab *slab, void *blocks[BLOCK_COUNT]) {
    for (size_t i = 0; i < BLOCK_COUNT; i++) {
        slab_put(slab, blocks[i]);
    }
}

static void test_blocks_do_not_overlap(void **state) {
    (void)state;
    const size_t sizes[] = {1, sizeof(void *), 24, 1000, 70000};
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        struct slab slab;
        void *blocks[BLOCK_COUNT];
        slab_init(&slab, sizes[s], 3);
        assert_true(slab.block_size >= sizes[s] && slab.block_size >= sizeof(void *));
        for (int round = 0; round < 3; round++) {
            get_all(&slab, blocks);
            for (size_t i = 0; i < BLOCK_COUNT; i++) {
                const uint8_t *bytes = blocks[i];
                for (size_t k = 0; k < sizes[s]; k++) {
                    assert_int_equal(bytes[k], i);
                }
            }
            put_all(&slab, blocks);
        }
        slab_free(&slab);
    }
}

static void test_the_last_block_put_is_the_first_got(void **state) {
    (void)state;
    if (!KEEP_SPARES) {
        skip();
    }
    struct slab slab;
    void *blocks[BLOCK_COUNT];
    slab_init(&slab, 64, BLOCK_COUNT);
    get_all(&slab, blocks);
    put_all(&slab, blocks);
    assert_int_equal(slab.spare_count, BLOCK_COUNT);
    for (size_t i = BLOCK_COUNT; i > 0; i--) {
        assert_ptr_equal(slab_get(&slab), blocks[i - 1]);
        assert_int_equal(slab.spare_count, i - 1);
    }
    assert_null(slab.spares);
    put_all(&slab, blocks);
    slab_free(&slab);
}

static void test_no_more_spares_than_allowed(void **state) {
    (void)state;
    for (size_t spare_max = 0; spare_max < BLOCK_COUNT + 2; spare_max += 3) {
        struct slab slab;
        void *blocks[BLOCK_COUNT];
        slab_init(&slab, 64, spare_max);
        get_all(&slab, blocks);
        put_all(&slab, blocks);
        size_t expected = spare_max < BLOCK_COUNT ? spare_max : BLOCK_COUNT;
        assert_int_equal(slab.spare_count, KEEP_SPARES ? expected : 0);
        slab_free(&slab);
        assert_int_equal(slab.spare_count, 0);
        assert_null(slab.spares);
    }
}

static void test_trim_gives_back_half_and_comes_to_an_end(void **state) {
    (void)state;
    if (!KEEP_SPARES) {
        skip();
    }
    struct slab slab;
    void *blocks[BLOCK_COUNT];
    slab_init(&slab, 64, BLOCK_COUNT);
    slab_trim(&slab);
    get_all(&slab, blocks);
    put_all(&slab, blocks);
    slab_trim(&slab); // all were in use since the last time: nothing goes
    assert_int_equal(slab.spare_count, BLOCK_COUNT);
    const size_t left[] = {5, 2, 1, 0, 0};
    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
        slab_trim(&slab);
        assert_int_equal(slab.spare_count, left[i]);
    }
    assert_null(slab.spares);
    slab_free(&slab);
}

static void test_a_slab_is_usable_after_free(void **state) {
    (void)state;
    struct slab slab;
    slab_init(&slab, 64, 2);
    slab_put(&slab, slab_get(&slab));
    slab_free(&slab);
    void *block = slab_get(&slab);
    assert_non_null(block);
    slab_put(&slab, block);
    slab_put(&slab, NULL);
    slab_free(&slab);
}

static void test_get_without_memory(void **state) {
    (void)state;
    if (!KEEP_SPARES) {
        skip(); // AddressSanitizer ends the program
    }
    struct slab slab;
    slab_init(&slab, SIZE_MAX / 4, 2);
    assert_null(slab_get(&slab));
    assert_int_equal(slab.spare_count, 0);
    slab_free(&slab);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_do_not_overlap),
        cmocka_unit_test(test_the_last_block_put_is_the_first_got),
        cmocka_unit_test(test_no_more_spares_than_allowed),
        cmocka_unit_test(test_trim_gives_back_half_and_comes_to_an_end),
        cmocka_unit_test(test_a_slab_is_usable_after_free),
        cmocka_unit_test(test_get_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
