// A session of HTTP/2 in which one allocation fails, each in its turn, or all from one on. It ends
// the request or the connection, and leaves nothing behind.
#include "no_memory.h"

#include "http2_bench.h"

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

enum { BODY = 60000, HEAD = 40000 };

static char body[BODY], large_head[HEAD + 200];

static void make_texts(void) {
    memset(body, 'x', sizeof(body));
    size_t size = (size_t)sprintf(large_head, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n");
    while (size < HEAD) {
        size += (size_t)sprintf(large_head + size, "X-%zu: %070d\r\n", size, 1);
    }
    (void)sprintf(large_head + size, "\r\n5\r\nhello\r\n0\r\nSum: 17\r\n\r\n");
}

static void say(void) {
    h2_post(1, "/1", "");
    for (size_t at = 0; at < BODY; at += 10000) {
        h2_data(1, body + at, 10000, false);
    }
    h2_put_headers(1, "sum: 17\n", true);
    h2_get(3, "/gone/");
    h2_put_headers(5, ":method: GET\n:scheme: https\n:authority: b.test\n:path: /\n", true);
    h2_get(7, "/7");
}

// False: there were fewer allocations.
static bool run(uint64_t n, bool for_good) {
    static const struct script scripts[] = {{.reply = large_head}, {.reply = HELLO}};
    assert_int_equal(h2_start(""), 0);
    bench_use(scripts, 2);
    h2.window = n % 2 == 0 ? 0 : 3;
    h2_begin(&(struct client_faults){.secure = true,
                                     .stays = true,
                                     .takes = n % 3 == 0 ? 100 : 0,
                                     .server = {.server_takes = 5000}});
    say();
    memory_fail(n, for_good);
    h2_run();
    bool failed = memory_again();
    h2_finish();
    assert_int_equal(h2_tear_down(NULL), 0);
    return failed;
}

// A worker keeps a reserve for libev, which cannot fail: base/reserve.h.
static void *allocate_for_loop(void *block, long size) {
    no_memory.paused = true;
    void *changed = size == 0 ? NULL : realloc(block, (size_t)size);
    if (size == 0) {
        free(block);
    }
    no_memory.paused = false;
    return changed;
}

static void test_requests(void **state) {
    (void)state;
    make_texts();
    ev_set_allocator(allocate_for_loop);
    uint64_t n = 1;
    while (run(n, false)) {
        (void)run(n, true);
        n++;
    }
    assert_true(!MEMORY_CAN_FAIL || n > 30);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_requests)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
