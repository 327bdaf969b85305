// For the tests of bundles: a configuration with one certificate and its key in a folder, and what
// reading it must give.
#ifndef RAVELIN_TESTS_BUNDLE_FOLDER_H
#define RAVELIN_TESTS_BUNDLE_FOLDER_H

#include "descriptors.h"
#include "folder.h"

#define LISTEN "listen 127.0.0.1:8443 {}\n"
#define REST "route / { backend = b }\n}\nbackend b { server 127.0.0.1:9000 {} }\n"
#define TEXT LISTEN "site a.test {\ncertificate a.pem { key = a.key }\n" REST

static char error[CONFIG_ERROR_SIZE]; // of the last reading

static inline const char *config_path(const struct folder *folder) {
    return in_folder(folder, "r.conf");
}

static inline void write_with_mode(const struct folder *folder, const char *name, const char *text,
                                   mode_t mode) {
    write_file(folder, name, text, strlen(text));
    assert_int_equal(chmod(in_folder(folder, name), mode), 0);
}

static inline int set_up(void **state) {
    struct folder *folder = calloc(1, sizeof(*folder));
    assert_non_null(folder);
    folder_make(folder);
    write_with_mode(folder, "r.conf", TEXT, 0644);
    write_with_mode(folder, "a.pem", "certificate of a", 0644);
    write_with_mode(folder, "a.key", "key of a", 0600);
    *state = folder;
    return 0;
}

static inline int tear_down(void **state) {
    folder_free(*state);
    free(*state);
    return 0;
}

static inline void read_well(struct folder *folder) {
    if (bundle_read(config_path(folder), &folder->pair, &folder->config, error) != RESULT_OK) {
        fail_msg("%s", error);
    }
    assert_string_equal(error, "");
}

static inline void assert_slice(struct slice slice, const char *expected) {
    assert_non_null(slice.data);
    assert_int_equal(slice.size, strlen(expected));
    assert_memory_equal(slice.data, expected, slice.size);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
