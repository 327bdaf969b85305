// base/base64.h, with the vectors of RFC 4648 10.
#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void assert_written(const void *bytes, size_t size, const char *expected) {
    char text[16];
    memset(text, '~', sizeof(text));
    assert_int_equal(BASE64_SIZE(size), strlen(expected));
    base64_write(bytes, size, text);
    assert_memory_equal(text, expected, strlen(expected));
    assert_int_equal(text[strlen(expected)], '~');
}

static void test_vectors(void **state) {
    (void)state;
    assert_written("", 0, "");
    assert_written("f", 1, "Zg==");
    assert_written("fo", 2, "Zm8=");
    assert_written("foo", 3, "Zm9v");
    assert_written("foob", 4, "Zm9vYg==");
    assert_written("fooba", 5, "Zm9vYmE=");
    assert_written("foobar", 6, "Zm9vYmFy");
    assert_written("\xfb\xff\x00", 3, "+/8A");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
