#include "base/pages.h"

#include "base/sanitize.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { BLOCK_COUNT = 1000 };

static void *blocks[BLOCK_COUNT];

static void get_all(struct pages *pages) {
    for (size_t i = 0; i < BLOCK_COUNT; i++) {
        blocks[i] = pages_get(pages);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], (int)(i % 251), pages->block_size);
    }
}

static void assert_untouched(const struct pages *pages, size_t index) {
    const uint8_t *bytes = blocks[index];
    for (size_t k = 0; k < pages->block_size; k++) {
        assert_int_equal(bytes[k], index % 251);
    }
}

static void put_all(struct pages *pages) {
    for (size_t i = 0; i < BLOCK_COUNT; i++) {
        pages_put(pages, blocks[i]);
    }
}

static void test_blocks_do_not_overlap(void **state) {
    (void)state;
    const size_t sizes[] = {1, 8, 16, 24, 664, 1000, PAGES_BLOCK_MAX};
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        struct pages pages;
        pages_init(&pages, sizes[s]);
        assert_true(pages.block_size >= sizes[s]);
        for (int round = 0; round < 2; round++) {
            get_all(&pages);
            for (size_t i = 0; i < BLOCK_COUNT; i++) {
                assert_untouched(&pages, i);
            }
            put_all(&pages);
        }
        pages_free(&pages);
    }
}

static void test_the_last_block_put_is_the_first_got(void **state) {
    (void)state;
    if (!KEEP_SPARES) {
        skip();
    }
    struct pages pages;
    pages_init(&pages, 664);
    get_all(&pages);
    void *last = blocks[7];
    pages_put(&pages, last);
    assert_ptr_equal(pages_get(&pages), last);
    put_all(&pages);
    pages_free(&pages);
}

// Of a crowd that has gone nothing is left but one chunk, whatever order it went in.
static void test_memory_goes_back(void **state) {
    (void)state;
    if (!KEEP_SPARES) {
        skip();
    }
    struct pages pages;
    pages_init(&pages, 664);
    for (size_t step = 1; step < BLOCK_COUNT; step += 6) { // prime to BLOCK_COUNT or not
        get_all(&pages);
        assert_int_equal(pages.chunk_count, (BLOCK_COUNT + 97) / 98);
        for (size_t first = 0; first < step; first++) {
            for (size_t i = first; i < BLOCK_COUNT; i += step) {
                pages_put(&pages, blocks[i]);
            }
        }
        assert_int_equal(pages.chunk_count, 1);
    }
    pages_free(&pages);
    assert_int_equal(pages.chunk_count, 0);
}

static void test_a_block_that_stays_keeps_one_chunk(void **state) {
    (void)state;
    if (!KEEP_SPARES) {
        skip();
    }
    struct pages pages;
    pages_init(&pages, 664);
    get_all(&pages);
    for (size_t i = 0; i < BLOCK_COUNT; i++) {
        if (i != BLOCK_COUNT / 2) {
            pages_put(&pages, blocks[i]);
        }
    }
    assert_in_range(pages.chunk_count, 1, 2);
    assert_untouched(&pages, BLOCK_COUNT / 2);
    pages_put(&pages, blocks[BLOCK_COUNT / 2]);
    assert_int_equal(pages.chunk_count, 1);
    pages_free(&pages);
}

// Room in chunks that are there is used before another is mapped.
static void test_room_is_used_first(void **state) {
    (void)state;
    if (!KEEP_SPARES) {
        skip();
    }
    struct pages pages;
    pages_init(&pages, 664);
    get_all(&pages);
    size_t count = pages.chunk_count;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < BLOCK_COUNT; i += 3) {
            pages_put(&pages, blocks[i]);
        }
        for (size_t i = 0; i < BLOCK_COUNT; i += 3) {
            blocks[i] = pages_get(&pages);
        }
        assert_int_equal(pages.chunk_count, count);
    }
    put_all(&pages);
    pages_free(&pages);
}

static int without_address_space(void) {
    struct pages pages;
    pages_init(&pages, 4096);
    struct rlimit limit = {0, 0};
    if (setrlimit(RLIMIT_AS, &limit) != 0) {
        return 1;
    }
    return pages_get(&pages) == NULL && pages.chunk_count == 0 ? 0 : 2;
}

static void test_get_without_memory(void **state) {
    (void)state;
    if (!KEEP_SPARES) {
        skip(); // AddressSanitizer ends the program
    }
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(without_address_space());
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_do_not_overlap),
        cmocka_unit_test(test_the_last_block_put_is_the_first_got),
        cmocka_unit_test(test_memory_goes_back),
        cmocka_unit_test(test_a_block_that_stays_keeps_one_chunk),
        cmocka_unit_test(test_room_is_used_first),
        cmocka_unit_test(test_get_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
