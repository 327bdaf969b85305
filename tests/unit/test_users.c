// What an auth process judges: passwords against the users of the last generations, slowly for who
// guesses.
#include "bundle_folder.h"
#include "config/users_file.h"
#include "process/users.h"

#include <crypt.h>

#define WITH_USERS LISTEN "site a.test {\nusers = users\ncertificate a.pem { key = a.key }\n" REST

static struct users *users;
static struct users_mark mark;
static int64_t now_ms = 1000;
static char hash[256]; // of "secret"

static void load(struct folder *folder, uint64_t generation, const char *text) {
    if (folder->config != NULL) {
        bundle_close_pair(&folder->pair);
        config_free(folder->config);
    }
    write_with_mode(folder, "r.conf", WITH_USERS, 0644);
    write_with_mode(folder, "users", text, 0600);
    read_well(folder);
    assert_int_equal(users_load(users, generation, &folder->pair.users), RESULT_OK);
    mark = users_file_mark(slice_from(text));
}

static int set_up_users(void **state) {
    char salt[CRYPT_GENSALT_OUTPUT_SIZE];
    struct crypt_data data = {.initialized = 0};
    assert_non_null(crypt_gensalt_rn("$2b$", 5, "0123456789abcdef", 16, salt, sizeof(salt)));
    const char *made = crypt_r("secret", salt, &data);
    assert_non_null(made);
    (void)snprintf(hash, sizeof(hash), "%s", made);
    users = users_new();
    return users == NULL ? -1 : set_up(state);
}

static int tear_down_users(void **state) {
    users_free(users);
    return tear_down(state);
}

static const char *line_of(const char *name) {
    static char text[512];
    (void)snprintf(text, sizeof(text), "%s:%s\n", name, hash);
    return text;
}

static struct login_request request_of(const char *name, const char *password) {
    struct login_request request = {.number = 7, .file = mark};
    request.user_size = (uint16_t)strlen(name);
    request.password_size = (uint16_t)strlen(password);
    memcpy(request.user, name, request.user_size);
    memcpy(request.password, password, request.password_size);
    return request;
}

static uint32_t judge(const char *name, const char *password) {
    const struct login_request request = request_of(name, password);
    struct login_response response;
    memset(&response, 0xff, sizeof(response));
    users_judge(users, &request, now_ms, &response);
    assert_int_equal(response.number, 7);
    assert_true(response.wait_s <= LOGIN_WAIT_MAX_S);
    return response.verdict;
}

static void test_passwords(void **state) {
    load(*state, 1, line_of("bob"));
    assert_int_equal(judge("bob", "secret"), LOGIN_GRANTED);
    assert_int_equal(judge("bob", "Secret"), LOGIN_WRONG);
    assert_int_equal(judge("bob", ""), LOGIN_WRONG);
    assert_int_equal(judge("bo", "secret"), LOGIN_WRONG);
    assert_int_equal(judge("bobb", "secret"), LOGIN_WRONG); // which is compared with that of bob
    assert_int_equal(judge("alice", "secret"), LOGIN_WRONG);
}

static void test_every_kind_of_hash(void **state) {
    static const char *const kinds[] = {"$2a$", "$2b$", "$2y$", "$6$", "$y$"};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        char salt[CRYPT_GENSALT_OUTPUT_SIZE];
        char text[512];
        struct crypt_data data = {.initialized = 0};
        assert_non_null(
            crypt_gensalt_rn(kinds[i], i < 3 ? 5 : 0, "0123456789abcdef", 16, salt, sizeof(salt)));
        (void)snprintf(text, sizeof(text), "bob:%s\n", crypt_r("p\xc3\xa4ss", salt, &data));
        load(*state, i + 1, text);
        assert_int_equal(judge("bob", "p\xc3\xa4ss"), LOGIN_GRANTED);
        assert_int_equal(judge("bob", "pass"), LOGIN_WRONG);
    }
}

static void test_generations(void **state) {
    struct login_request former;
    struct login_response response;
    load(*state, 1, line_of("bob"));
    former = request_of("bob", "secret");
    load(*state, 2, line_of("alice"));
    assert_int_equal(judge("bob", "secret"), LOGIN_WRONG);
    assert_int_equal(judge("alice", "secret"), LOGIN_GRANTED);
    users_judge(users, &former, now_ms, &response);
    assert_int_equal(response.verdict, LOGIN_GRANTED);
    users_drop(users, 1); // not the newest
    assert_int_equal(judge("alice", "secret"), LOGIN_GRANTED);
    users_drop(users, 2);
    assert_int_equal(judge("alice", "secret"), LOGIN_FAILED);
    for (uint64_t i = 3; i < 6; i++) {
        load(*state, i, line_of(i == 3 ? "c" : i == 4 ? "d" : "e"));
    }
    users_judge(users, &former, now_ms, &response);
    assert_int_equal(response.verdict, LOGIN_FAILED); // three generations later
}

static void test_wrong_passwords_of_a_user(void **state) {
    load(*state, 1, line_of("bob"));
    for (int i = 0; i < USERS_WRONG_BURST; i++) {
        now_ms += USERS_ASK_INTERVAL_MS;
        assert_int_equal(judge("bob", "guess"), LOGIN_WRONG);
        assert_int_equal(judge("nobody", "guess"), LOGIN_WRONG);
    }
    assert_int_equal(judge("bob", "secret"), LOGIN_LATER);
    assert_int_equal(judge("nobody", "secret"), LOGIN_LATER); // no other than one that is known
    assert_int_equal(judge("alice", "secret"), LOGIN_WRONG);
    now_ms += USERS_WRONG_INTERVAL_MS;
    assert_int_equal(judge("bob", "secret"), LOGIN_GRANTED); // and right ones cost nothing
    assert_int_equal(judge("bob", "secret"), LOGIN_GRANTED);
    assert_int_equal(judge("bob", "guess"), LOGIN_WRONG);
    assert_int_equal(judge("bob", "secret"), LOGIN_LATER);
}

// What a worker that was taken over can ask.
static void test_a_flood(void **state) {
    load(*state, 1, line_of("bob"));
    now_ms += 60000;
    for (int i = 0; i < USERS_ASK_BURST; i++) {
        assert_int_equal(judge("bob", "secret"), LOGIN_GRANTED);
    }
    assert_int_equal(judge("bob", "secret"), LOGIN_BUSY);
    now_ms += USERS_ASK_INTERVAL_MS;
    assert_int_equal(judge("bob", "secret"), LOGIN_GRANTED);
    assert_int_equal(judge("bob", "secret"), LOGIN_BUSY);
}

static void test_requests_that_make_no_sense(void **state) {
    struct login_response response;
    load(*state, 1, line_of("bob"));
    static const uint16_t sizes[][2] = {
        {0, 6},          {USERS_NAME_MAX + 1, 6},     {UINT16_MAX, 6},
        {3, UINT16_MAX}, {3, LOGIN_PASSWORD_MAX + 1},
    };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct login_request request = request_of("bob", "secret");
        request.user_size = sizes[i][0];
        request.password_size = sizes[i][1];
        users_judge(users, &request, now_ms, &response);
        assert_int_equal(response.verdict, LOGIN_FAILED);
    }
    struct login_request request = request_of("bob", "secret");
    request.password[6] = '\0';
    request.password_size = 7; // a NUL would hide what follows it
    users_judge(users, &request, now_ms, &response);
    assert_int_equal(response.verdict, LOGIN_FAILED);
    request = request_of("bob", "secret");
    request.file.words[1]++;
    users_judge(users, &request, now_ms, &response);
    assert_int_equal(response.verdict, LOGIN_FAILED);
}

static void test_what_is_no_bundle_of_users(void **state) {
    struct folder *folder = *state;
    load(folder, 1, line_of("bob"));
    assert_int_equal(users_load(users, 2, &folder->pair.keys), RESULT_ERROR);
    assert_int_equal(judge("bob", "secret"), LOGIN_GRANTED); // what was there stays
}

#define TEST_USERS(name) cmocka_unit_test_setup_teardown(name, set_up_users, tear_down_users)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST_USERS(test_passwords),
        TEST_USERS(test_every_kind_of_hash),
        TEST_USERS(test_generations),
        TEST_USERS(test_wrong_passwords_of_a_user),
        TEST_USERS(test_a_flood),
        TEST_USERS(test_requests_that_make_no_sense),
        TEST_USERS(test_what_is_no_bundle_of_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
