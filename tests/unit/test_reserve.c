// A loop whose tables must grow when the heap has nothing.
#include "base/reserve.h"

#include "no_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ev.h>
#include <cmocka.h>

enum { FDS = 200 };

static int set_up(void **state) {
    (void)state;
    return reserve_open() ? 0 : -1;
}

static void test_blocks_keep_what_is_in_them(void **state) {
    (void)state;
    char *blocks[8] = {NULL};
    for (size_t size = 16; size <= 65536; size *= 2) {
        for (unsigned i = 0; i < 8; i++) {
            memory_fail_from((i + size) % 3 == 0 ? 1 : UINT64_MAX - 1);
            blocks[i] = reserve_realloc(blocks[i], (long)size);
            (void)memory_again();
            assert_non_null(blocks[i]);
            assert_int_equal((uintptr_t)blocks[i] % 16, 0);
            for (size_t j = 0; size > 16 && j < size / 2; j++) {
                assert_int_equal((unsigned char)blocks[i][j], i + 1);
            }
            memset(blocks[i], (int)i + 1, size);
        }
    }
    for (unsigned i = 0; i < 8; i++) {
        assert_null(reserve_realloc(blocks[i], 0));
    }
    assert_int_equal(reserve_used() > 0, MEMORY_CAN_FAIL);
}

static void test_what_is_freed_is_used_again(void **state) {
    (void)state;
    size_t used = 0;
    for (int i = 0; i < 10000; i++) {
        memory_fail_from(1);
        void *block = reserve_realloc(NULL, 1 << 20);
        (void)memory_again();
        assert_non_null(block);
        used = i == 0 ? reserve_used() : used;
        assert_null(reserve_realloc(block, 0));
    }
    assert_int_equal(reserve_used(), used);
}

static void test_the_reserve_has_an_end(void **state) {
    (void)state;
    assert_null(reserve_realloc(NULL, -1));
    if (!MEMORY_CAN_FAIL) {
        skip();
    }
    memory_fail_from(1);
    void *block = reserve_realloc(NULL, (long)RESERVE_SIZE);
    (void)memory_again();
    assert_null(block);
}

static void on_ready(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)loop, (void)events;
    ++*(int *)watcher->data;
}

// Without the reserve libev aborts here.
static void test_a_loop_grows_without_heap(void **state) {
    (void)state;
    static ev_io watchers[FDS];
    int count = 0;

    ev_set_allocator(reserve_realloc);
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    assert_non_null(loop);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    memory_fail_from(1);
    for (int i = 0; i < FDS; i++) {
        ev_io_init(&watchers[i], on_ready, dup(ends[1]), EV_WRITE);
        watchers[i].data = &count;
        ev_io_start(loop, &watchers[i]);
    }
    (void)ev_run(loop, EVRUN_NOWAIT);
    assert_int_equal(memory_again(), MEMORY_CAN_FAIL);
    assert_true(count > 0);
    for (int i = 0; i < FDS; i++) {
        ev_io_stop(loop, &watchers[i]);
        (void)close(watchers[i].fd);
    }
    ev_loop_destroy(loop);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_keep_what_is_in_them),
        cmocka_unit_test(test_what_is_freed_is_used_again),
        cmocka_unit_test(test_the_reserve_has_an_end),
        cmocka_unit_test(test_a_loop_grows_without_heap),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
