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

// The smallest limit with which a configuration is not refused.
static uint64_t least_to_start(const struct config *wanted, unsigned workers, size_t handed) {
    char text[CAPACITY_TEXT_SIZE];
    struct capacity capacity = {.descriptors = 1};
    while (capacity_refusal(&capacity, wanted, workers, handed, text)) {
        capacity.descriptors++;
    }
    return capacity.descriptors;
}

static void test_too_few_for_a_start(void **state) {
    (void)state;
    char text[CAPACITY_TEXT_SIZE];
    const struct config admins = {.listener_count = 2, .admin_count = 3};
    struct config_route route = {.login = {.users = "users"}};
    struct config_site site = {.routes = &route, .route_count = 1};
    const struct config users = {.listener_count = 2, .sites = &site, .site_count = 1};
    assert_int_equal(least_to_start(NULL, 1, 0), 16);
    assert_int_equal(least_to_start(&config, 1, 0), 18);
    assert_int_equal(least_to_start(&config, 8, 0), 53); // as tried with the program
    assert_int_equal(least_to_start(&admins, 8, 0), 56);
    assert_int_equal(least_to_start(&users, 8, 0), 61);
    assert_int_equal(least_to_start(&config, 1, 4), 18);
    assert_int_equal(least_to_start(&config, 1, 5), 19);
    const struct capacity unknown = {.descriptors = 0};
    assert_false(capacity_refusal(&unknown, &config, 1, 0, text));
    const struct capacity low = {.descriptors = 17};
    assert_true(capacity_refusal(&low, &config, 1, 0, text));
    assert_string_equal(text, "ravelin: cannot start: the limit of file descriptors is 17, and at "
                              "least 18 are needed; raise the limit (LimitNOFILE= in the systemd "
                              "unit, or ulimit -n)");
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
        cmocka_unit_test(test_descriptors),          cmocka_unit_test(test_mappings),
        cmocka_unit_test(test_the_largest_numbers),  cmocka_unit_test(test_too_few_for_a_start),
        cmocka_unit_test(test_what_the_system_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
