// The text format of Prometheus.
#include "monitor/exposition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct buffer output;

static int tear_down(void **state) {
    (void)state;
    buffer_free(&output);
    return 0;
}

static void assert_output(const char *expected) {
    assert_int_equal(buffer_size(&output), strlen(expected));
    assert_memory_equal(buffer_bytes(&output), expected, strlen(expected));
}

static void test_a_family(void **state) {
    (void)state;
    struct exposition out = {.output = &output, .limit = 1000};
    exposition_family(&out, "things_total", "counter", "Things that were.");
    exposition_begin(&out, "things_total", "");
    exposition_end(&out, UINT64_MAX);
    exposition_begin(&out, "things", "_bucket");
    exposition_label(&out, "a", "x");
    exposition_label(&out, "le", "+Inf");
    exposition_end_seconds(&out, 0.25);
    exposition_begin(&out, "things", "");
    exposition_end(&out, 0);
    assert_false(out.failed);
    assert_output("# HELP ravelin_things_total Things that were.\n"
                  "# TYPE ravelin_things_total counter\n"
                  "ravelin_things_total 18446744073709551615\n"
                  "ravelin_things_bucket{a=\"x\",le=\"+Inf\"} 0.250000\n"
                  "ravelin_things 0\n");
}

// No byte of a value ends its quotes or its line.
static void test_label_values_are_escaped(void **state) {
    (void)state;
    struct exposition out = {.output = &output, .limit = 1000};
    exposition_begin(&out, "x", "");
    exposition_label(&out, "path", "a\"b\\c\nd\"");
    exposition_label(&out, "empty", "");
    exposition_end(&out, 1);
    assert_output("ravelin_x{path=\"a\\\"b\\\\c\\nd\\\"\",empty=\"\"} 1\n");
}

static void test_what_does_not_fit(void **state) {
    (void)state;
    struct exposition out = {.output = &output, .limit = 12};
    exposition_begin(&out, "x", "");
    assert_false(out.failed);
    exposition_label(&out, "key", "value");
    assert_true(out.failed);
    exposition_end(&out, 1);
    assert_output("ravelin_x{");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_family, tear_down),
        cmocka_unit_test_teardown(test_label_values_are_escaped, tear_down),
        cmocka_unit_test_teardown(test_what_does_not_fit, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
