#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_written(const char *text, const char *expected) {
    char *data = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&data, &size);
    assert_non_null(stream);
    json_put_string(stream, text);
    assert_int_equal(fclose(stream), 0);
    assert_string_equal(data, expected);
    free(data);
}

static void test_strings(void **state) {
    (void)state;
    assert_written("", "\"\"");
    assert_written("/etc/ravelin.conf", "\"/etc/ravelin.conf\"");
    assert_written("a\"b\\c", "\"a\\\"b\\\\c\"");
    assert_written("line\nend\x7f\x1b[1m", "\"line?end??[1m\"");
    assert_written("stra\xc3\x9f"
                   "e",
                   "\"stra\xc3\x9f"
                   "e\"");
    assert_written("cut \xc3", "\"cut ?\"");
    assert_written("\xff\xc0\x80", "\"???\"");
    assert_written("\xc2\x85", "\"??\""); // a control character
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_strings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
