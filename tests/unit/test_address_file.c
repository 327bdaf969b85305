// allow-file, deny-file and trusted-proxies-file: what a list may be, what is said of one with a
// mistake, and where the addresses are then.
#include "bundle_folder.h"
#include "config/address_file.h"
#include "config/text.h"

#define WITH(options)                                                                              \
    LISTEN "site a.test {\ncertificate a.pem { key = a.key }\nroute / { backend = b\n" options     \
           " }\n}\nbackend b { server 127.0.0.1:9000 {} }\n"

static void put(const struct folder *folder, const char *name, const char *text) {
    write_with_mode(folder, name, text, 0644);
}

static void assert_list_refused(struct folder *folder, const char *file, const char *what) {
    struct bundle_pair pair;
    struct config *config;
    char text[CONFIG_ERROR_SIZE];
    assert_int_equal(bundle_read(config_path(folder), &pair, &config, error), RESULT_ERROR);
    (void)snprintf(text, sizeof(text), "%s%s", in_folder(folder, file), what);
    assert_string_equal(error, text);
}

static bool contains(const struct network_set *set, const char *text) {
    union ip_address address;
    assert_true(ip_address_parse(slice_from(text), &address));
    return network_set_contains(set, &address.any);
}

static void test_a_list(void **state) {
    struct folder *folder = *state;
    put(folder, "r.conf", WITH("allow-file = in.txt deny-file = out.txt"));
    put(folder, "in.txt", "# office\r\n\t10.0.0.0/8 # all of it\r\n\n2001:db8::/32;SBL1\n");
    put(folder, "out.txt", "10.0.0.9");
    read_well(folder);
    const struct config_route *route = &folder->config->sites[0].routes[0];
    assert_true(route->is_limited);
    assert_true(contains(&route->allow_file.set, "10.255.0.1"));
    assert_true(contains(&route->allow_file.set, "2001:db8::1"));
    assert_false(contains(&route->allow_file.set, "192.0.2.1"));
    assert_true(contains(&route->deny_file.set, "10.0.0.9"));
    assert_int_equal(route->allow_file_line, 5);
    struct config *config = bundle_config(&folder->pair.files, NULL, error);
    assert_non_null(config);
    route = &config->sites[0].routes[0];
    assert_true(contains(&route->allow_file.set, "10.255.0.1"));
    assert_false(contains(&route->allow_file.set, "192.0.2.1"));
    config_free(config);
    size_t count;
    const char **paths = bundle_list_paths(folder->config, &count);
    assert_int_equal(count, 4);
    assert_string_equal(paths[2], in_folder(folder, "in.txt"));
    assert_string_equal(paths[3], in_folder(folder, "out.txt"));
    free(paths);
}

static void test_a_list_without_addresses(void **state) {
    struct folder *folder = *state;
    put(folder, "r.conf", WITH("allow-file = in.txt"));
    put(folder, "in.txt", "");
    read_well(folder);
    const struct config_route *route = &folder->config->sites[0].routes[0];
    assert_true(route->is_limited);
    assert_false(contains(&route->allow_file.set, "10.0.0.1"));
}

static void test_mistakes_in_a_list(void **state) {
    struct folder *folder = *state;
    put(folder, "r.conf", WITH("deny-file = out.txt"));
    put(folder, "out.txt", "10.0.0.1\n\nhost.test\n10.0.0.0/33\n");
    assert_list_refused(folder, "out.txt",
                        ":3: 'host.test' is not a network or an IP address: not an IP address "
                        "(names are not looked up)");
    put(folder, "out.txt", "10.0.0.1/8\n");
    assert_list_refused(folder, "out.txt",
                        ":1: '10.0.0.1/8' is not a network or an IP address: the address has bits "
                        "set behind its prefix");
    put(folder, "out.txt", "10.0.0.1 10.0.0.2\n");
    assert_list_refused(folder, "out.txt",
                        ":1: '10.0.0.1 10.0.0.2' is not a network or an IP address: not an IP "
                        "address (names are not looked up)");
}

static void test_a_list_that_cannot_be_read(void **state) {
    struct folder *folder = *state;
    char what[256];
    put(folder, "r.conf", WITH("deny-file = out.txt"));
    (void)snprintf(what, sizeof(what), ":5: deny-file '%s': No such file or directory",
                   in_folder(folder, "out.txt"));
    assert_list_refused(folder, "r.conf", what);
    assert_int_equal(mkfifo(in_folder(folder, "out.txt"), 0600), 0);
    (void)snprintf(what, sizeof(what), ":5: deny-file '%s': not a regular file",
                   in_folder(folder, "out.txt"));
    assert_list_refused(folder, "r.conf", what);
}

static bool trusts(const struct config *config, const char *text) {
    const struct network_lists trusted = config_trusted(config);
    union ip_address address;
    assert_true(ip_address_parse(slice_from(text), &address));
    return network_lists_contain(&trusted, &address.any);
}

static void test_trusted_proxies(void **state) {
    struct folder *folder = *state;
    put(folder, "r.conf", "trusted-proxies-file = cdn.txt\n" WITH(""));
    put(folder, "cdn.txt", "# edge\n10.0.0.0/8\n2001:db8::/32\n");
    read_well(folder);
    assert_true(trusts(folder->config, "10.1.2.3"));
    assert_true(trusts(folder->config, "2001:db8::1"));
    assert_false(trusts(folder->config, "192.0.2.1"));
    size_t count;
    const char **paths = bundle_list_paths(folder->config, &count);
    assert_int_equal(count, 3);
    assert_string_equal(paths[2], in_folder(folder, "cdn.txt"));
    free(paths);
    struct config *config = bundle_config(&folder->pair.files, NULL, error);
    assert_non_null(config);
    assert_true(trusts(config, "10.1.2.3"));
    assert_false(trusts(config, "192.0.2.1"));
    config_free(config);
}

static void test_both_lists_of_trusted_proxies(void **state) {
    struct folder *folder = *state;
    put(folder, "r.conf", "trusted-proxies-file = cdn.txt trusted-proxies = 192.0.2.1\n" WITH(""));
    put(folder, "cdn.txt", "10.0.0.0/8\n");
    read_well(folder);
    assert_true(trusts(folder->config, "10.1.2.3"));
    assert_true(trusts(folder->config, "192.0.2.1"));
    assert_false(trusts(folder->config, "192.0.2.2"));
}

static void test_trusted_proxies_are_not_everybody(void **state) {
    struct folder *folder = *state;
    put(folder, "r.conf", "workers = 1\ntrusted-proxies-file = cdn.txt\n" WITH(""));
    static const char *const lists[] = {"10.0.0.0/8\n0.0.0.0/0\n", "::/0"};
    for (size_t i = 0; i < 2; i++) {
        put(folder, "cdn.txt", lists[i]);
        assert_list_refused(folder, "r.conf",
                            ":2: trusted-proxies-file must not be everybody: then any client says "
                            "who it is");
    }
}

// At, below and above the bound.
static void test_how_many_addresses_a_list_may_have(void **state) {
    struct folder *folder = *state;
    char *text = malloc((size_t)(ADDRESS_FILE_MAX + 1) * 16);
    assert_non_null(text);
    put(folder, "r.conf", WITH("deny-file = out.txt"));
    for (int count = ADDRESS_FILE_MAX - 1; count <= ADDRESS_FILE_MAX + 1; count++) {
        size_t size = 0;
        for (int i = 0; i < count; i++) {
            size +=
                (size_t)snprintf(text + size, 16, "10.%d.%d.%d\n", i >> 16, i >> 8 & 255, i & 255);
        }
        write_file(folder, "out.txt", text, size);
        if (count > ADDRESS_FILE_MAX) {
            assert_list_refused(folder, "out.txt", ":200001: more than 200000 addresses");
        } else {
            read_well(folder);
            assert_int_equal(folder->config->sites[0].routes[0].deny_file.set.count, count);
            bundle_close_pair(&folder->pair);
            config_free(folder->config);
            folder->config = NULL;
        }
    }
    free(text);
}

// The text in use counts, and the list as it is now.
static void test_reading_again(void **state) {
    struct folder *folder = *state;
    struct bundle_pair again;
    struct config *config;
    put(folder, "r.conf", WITH("deny-file = out.txt"));
    put(folder, "out.txt", "10.0.0.1");
    read_well(folder);
    put(folder, "out.txt", "10.0.0.2");
    if (bundle_read_again(&folder->pair.files, NULL, &again, &config, error) != RESULT_OK) {
        fail_msg("%s", error);
    }
    assert_true(contains(&config->sites[0].routes[0].deny_file.set, "10.0.0.2"));
    assert_false(bundle_equal(&folder->pair.files, &again.files));
    config_free(config);
    bundle_close_pair(&again);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_a_list),
        TEST(test_a_list_without_addresses),
        TEST(test_mistakes_in_a_list),
        TEST(test_a_list_that_cannot_be_read),
        TEST(test_trusted_proxies),
        TEST(test_both_lists_of_trusted_proxies),
        TEST(test_trusted_proxies_are_not_everybody),
        TEST(test_how_many_addresses_a_list_may_have),
        TEST(test_reading_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
