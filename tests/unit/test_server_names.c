// Names of servers for cookies: who can make one, and how it is written.
#include "backend/server_names.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void make(const struct server_names *names, const char *backend, const char *address,
                 uint8_t name[SERVER_NAME_SIZE]) {
    assert_true(server_names_make(names, backend, address, name));
}

static void test_a_name_is_of_one_server_and_one_key(void **state) {
    (void)state;
    static const char *const servers[][2] = {{"web", "10.0.0.1:80"},
                                             {"web", "10.0.0.2:80"},
                                             {"we", "b10.0.0.1:80"},
                                             {"api", "10.0.0.1:80"}};
    enum { COUNT = sizeof(servers) / sizeof(servers[0]) };
    struct server_names *keys[] = {server_names_new(), server_names_new()};
    uint8_t names[2 * COUNT][SERVER_NAME_SIZE];
    assert_true(keys[0] != NULL && keys[1] != NULL);
    for (size_t i = 0; i < 2 * (size_t)COUNT; i++) {
        uint8_t again[SERVER_NAME_SIZE];
        const char *const *server = servers[i % COUNT];
        make(keys[i / COUNT], server[0], server[1], names[i]);
        make(keys[i / COUNT], server[0], server[1], again);
        assert_memory_equal(names[i], again, SERVER_NAME_SIZE);
        for (size_t k = 0; k < i; k++) {
            assert_memory_not_equal(names[i], names[k], SERVER_NAME_SIZE);
        }
    }
    server_names_free(keys[0]);
    server_names_free(keys[1]);
    server_names_free(NULL);
}

static void test_what_is_written_is_read(void **state) {
    (void)state;
    struct server_names *names = server_names_new();
    uint8_t name[SERVER_NAME_SIZE], read[SERVER_NAME_SIZE];
    char text[SERVER_NAME_TEXT_SIZE];
    assert_non_null(names);
    make(names, "web", "10.0.0.1:80", name);
    server_name_write(name, text);
    assert_true(server_name_read((struct slice){text, sizeof(text)}, read));
    assert_memory_equal(read, name, sizeof(name));
    server_names_free(names);
}

static void test_a_name_has_one_form(void **state) {
    (void)state;
    static const char *const wrong[] = {"",
                                        "0123456789abcdef0123456789abcde",
                                        "0123456789abcdef0123456789abcdef0",
                                        "0123456789ABCDEF0123456789ABCDEF",
                                        "0123456789abcdef0123456789abcdeg",
                                        " 123456789abcdef0123456789abcdef",
                                        "\"0123456789abcdef0123456789abcd\""};
    uint8_t name[SERVER_NAME_SIZE];
    assert_true(server_name_read(SLICE("0123456789abcdef0123456789abcdef"), name));
    assert_int_equal(name[0], 0x01);
    assert_int_equal(name[15], 0xef);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(server_name_read(slice_from(wrong[i]), name));
    }
    assert_false(server_name_read((struct slice){NULL, 0}, name));
    static const char nul[SERVER_NAME_TEXT_SIZE] = {0};
    assert_false(server_name_read((struct slice){nul, sizeof(nul)}, name));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name_is_of_one_server_and_one_key),
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_a_name_has_one_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
