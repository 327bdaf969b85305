// What is said when the system lets a worker hold fewer connections than the configuration says.
#include "process/capacity.h"

#include "base/ring.h"

#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static const struct config config = {.limits = {.connections = 1000}, .listener_count = 2};

static bool warns(enum capacity_kind kind, struct capacity capacity, unsigned workers,
                  char text[CAPACITY_TEXT_SIZE]) {
    return capacity_warning(kind, &capacity, &config, workers, text);
}

static void test_descriptors(void **state) {
    (void)state;
    char text[CAPACITY_TEXT_SIZE];
    assert_false(warns(CAPACITY_DESCRIPTORS, (struct capacity){.descriptors = 2066}, 1, text));
    assert_true(warns(CAPACITY_DESCRIPTORS, (struct capacity){.descriptors = 2065}, 1, text));
    assert_string_equal(
        text, "limits: connections '1000': each process that serves clients may need 2066 file "
              "descriptors and can have 2065; raise the limit (LimitNOFILE=2066 in "
              "the systemd unit, or ulimit -n) or lower connections");
    // 334 of them in each of three workers
    assert_false(warns(CAPACITY_DESCRIPTORS, (struct capacity){.descriptors = 734}, 3, text));
    assert_true(warns(CAPACITY_DESCRIPTORS, (struct capacity){.descriptors = 733}, 3, text));
    assert_false(warns(CAPACITY_DESCRIPTORS, (struct capacity){.descriptors = 0}, 1, text));
}

static void test_mappings(void **state) {
    (void)state;
    char text[CAPACITY_TEXT_SIZE];
    // One a client, one for each chunk of rings, and 1024 others.
    const uint64_t needed = 1000 + 1000 / RING_CHUNK + 1024;
    char expected[CAPACITY_TEXT_SIZE];
    assert_false(warns(CAPACITY_MAPPINGS, (struct capacity){.mappings = needed}, 1, text));
    assert_true(warns(CAPACITY_MAPPINGS, (struct capacity){.mappings = needed - 1}, 1, text));
    (void)snprintf(expected, sizeof(expected),
                   "limits: connections '1000': each process that serves clients may need %" PRIu64
                   " memory mappings when all clients send at once, and can have %" PRIu64
                   "; run: sysctl -w vm.max_map_count=%" PRIu64 ", or lower connections",
                   needed, needed - 1, needed);
    assert_string_equal(text, expected);
    assert_false(warns(CAPACITY_MAPPINGS, (struct capacity){.mappings = needed - 1}, 2, text));
    assert_false(warns(CAPACITY_MAPPINGS, (struct capacity){.mappings = 0}, 1, text));
}

static void test_the_largest_numbers(void **state) {
    (void)state;
    char text[CAPACITY_TEXT_SIZE];
    const struct config large = {.limits = {.connections = UINT32_MAX},
                                 .listener_count = CONFIG_LISTENERS_MAX};
    const struct capacity least = {.descriptors = 1, .mappings = 1};
    for (int kind = 0; kind < CAPACITY_KINDS; kind++) {
        assert_true(capacity_warning((enum capacity_kind)kind, &least, &large, 1, text));
        assert_non_null(strstr(text, "lower connections")); // not cut
    }
    char needed[32];
    (void)snprintf(needed, sizeof(needed), " need %llu file",
                   2 * 2147483648ULL + CONFIG_LISTENERS_MAX + 64);
    assert_true(capacity_warning(CAPACITY_DESCRIPTORS, &least, &large, 2, text));
    assert_non_null(strstr(text, needed));
}

static void test_what_the_system_says(void **state) {
    (void)state;
    char path[] = "/tmp/ravelin-capacity-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "65530\n", 6), 6);
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    // The limit that holds, not the one up to which it could be raised.
    const struct rlimit lower = {limit.rlim_cur - 1, limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &lower), 0);
    struct capacity capacity = capacity_find(path);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(capacity.mappings, 65530);
    assert_int_equal(capacity.descriptors, lower.rlim_cur);
    (void)close(fd);
    (void)unlink(path);
    assert_int_equal(capacity_find(path).mappings, 0);
    assert_int_equal(capacity_find("/dev/null").mappings, 0);
    assert_true(capacity_find(CAPACITY_MAPPINGS_PATH).mappings > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_mappings),
        cmocka_unit_test(test_the_largest_numbers),
        cmocka_unit_test(test_what_the_system_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
