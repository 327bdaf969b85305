// Request ids: what they look like, that none comes twice, and which of a proxy are kept.
#include "exchange/request_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 100000 };

static int compare(const void *left, const void *right) {
    return memcmp(left, right, REQUEST_ID_SIZE);
}

static void test_no_id_comes_twice(void **state) {
    (void)state;
    struct request_ids workers[2];
    char(*ids)[REQUEST_ID_SIZE] = calloc((size_t)2 * COUNT, REQUEST_ID_SIZE);
    assert_non_null(ids);
    for (size_t i = 0; i < 2; i++) {
        assert_true(request_ids_init(&workers[i]));
        for (size_t j = 0; j < COUNT; j++) {
            request_ids_next(&workers[i], ids[i * COUNT + j]);
        }
    }
    qsort(ids, (size_t)2 * COUNT, REQUEST_ID_SIZE, compare);
    for (size_t i = 0; i < (size_t)2 * COUNT; i++) {
        for (size_t j = 0; j < REQUEST_ID_SIZE; j++) {
            assert_non_null(strchr("0123456789abcdef", ids[i][j]));
        }
        assert_true(i == 0 || memcmp(ids[i - 1], ids[i], REQUEST_ID_SIZE) != 0);
    }
    free(ids);
}

static void test_which_are_kept(void **state) {
    (void)state;
    char text[REQUEST_ID_KEPT_MAX + 1];
    static const char *const usable[] = {"a", "0F-9_z.b:c+d/e=@",
                                         "f058ebd6-02f7-4d3f-942e-904344e8cde5"};
    static const char *const unusable[] = {"",    "a b", "a\tb",     "a;b",
                                           "a\"", "<a>", "\xc3\xa9", "a,b"};
    for (size_t i = 0; i < sizeof(usable) / sizeof(usable[0]); i++) {
        assert_true(request_id_is_usable(slice_from(usable[i])));
    }
    for (size_t i = 0; i < sizeof(unusable) / sizeof(unusable[0]); i++) {
        assert_false(request_id_is_usable(slice_from(unusable[i])));
    }
    memset(text, 'a', sizeof(text));
    assert_true(request_id_is_usable((struct slice){text, REQUEST_ID_KEPT_MAX - 1}));
    assert_true(request_id_is_usable((struct slice){text, REQUEST_ID_KEPT_MAX}));
    assert_false(request_id_is_usable((struct slice){text, REQUEST_ID_KEPT_MAX + 1}));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_id_comes_twice),
        cmocka_unit_test(test_which_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
