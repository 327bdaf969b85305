// ACME challenges in a configuration: which paths are for one, and the backend that answers them.
#include "config/challenge.h"

#include "config_text.h"

#define PLAIN "listen 127.0.0.1:80 { protocol = redirect acme-challenge = www }\n"

static void assert_token(const char *path, const char *token) {
    struct slice found = challenge_token(slice_from(path));
    assert_int_equal(found.size, strlen(token));
    assert_memory_equal(found.data, token, found.size);
}

static void test_tokens(void **state) {
    (void)state;
    assert_token(CHALLENGE_PREFIX "a", "a");
    assert_token(CHALLENGE_PREFIX "AZaz09-_", "AZaz09-_");
    assert_token(CHALLENGE_PREFIX, "");
    assert_token("/.well-known/acme-challenge", "");
    assert_token("/.well-known/acme-challengeX", "");
    assert_token("/.WELL-KNOWN/acme-challenge/a", "");
    assert_token("/x/.well-known/acme-challenge/a", "");
    assert_token("*", "");
    assert_token("", "");
}

static void test_bytes_that_no_token_has(void **state) {
    (void)state;
    char path[] = CHALLENGE_PREFIX "a?b";
    for (int byte = 1; byte < 256; byte++) {
        path[sizeof(path) - 3] = (char)byte;
        bool is_fit = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                      (byte >= 'a' && byte <= 'z') || byte == '-' || byte == '_';
        assert_int_equal(challenge_token(slice_from(path)).size, is_fit ? 3 : 0);
    }
    const struct slice with_nul = {CHALLENGE_PREFIX "a\0b", sizeof(CHALLENGE_PREFIX "a\0b") - 1};
    assert_int_equal(challenge_token(with_nul).size, 0);
}

static void test_the_longest_token(void **state) {
    (void)state;
    char path[sizeof(CHALLENGE_PREFIX) + CHALLENGE_TOKEN_MAX + 1];
    memset(path, 'a', sizeof(path));
    memcpy(path, CHALLENGE_PREFIX, sizeof(CHALLENGE_PREFIX) - 1);
    size_t size = sizeof(CHALLENGE_PREFIX) - 1 + CHALLENGE_TOKEN_MAX;
    assert_int_equal(challenge_token((struct slice){path, size}).size, CHALLENGE_TOKEN_MAX);
    assert_int_equal(challenge_token((struct slice){path, size + 1}).size, 0);
}

static void test_a_configuration_without_a_folder(void **state) {
    (void)state;
    struct config *config = load(REST);
    assert_null(challenge_folder(config));
    assert_true(challenge_add_backend(config));
    assert_int_equal(config->backend_count, 1);
    assert_false(config->has_challenge_backend);
    config_free(config);
}

static void test_the_backend_is_the_last_one(void **state) {
    (void)state;
    struct config *config = load(PLAIN REST);
    assert_string_equal(challenge_folder(config), "/etc/www");
    assert_true(challenge_add_backend(config));
    assert_int_equal(config->backend_count, 2);
    assert_true(config->has_challenge_backend);
    assert_string_equal(config->backends[0].name, "b");
    assert_int_equal(config->backends[1].server_count, 1);
    assert_non_null(strchr(config->backends[1].name, ' ')); // as no name in a file has
    config_free(config);
}

static void test_without_a_site_and_a_backend(void **state) {
    (void)state;
    struct config *config = load(PLAIN);
    assert_int_equal(config->site_count, 0);
    assert_true(challenge_add_backend(config));
    assert_int_equal(config->backend_count, 1);
    config_free(config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_bytes_that_no_token_has),
        cmocka_unit_test(test_the_longest_token),
        cmocka_unit_test(test_a_configuration_without_a_folder),
        cmocka_unit_test(test_the_backend_is_the_last_one),
        cmocka_unit_test(test_without_a_site_and_a_backend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
