// Files of users: what a line may be, which hashes are accepted, and what is said of the others.
#include "bundle_folder.h"
#include "config/users_file.h"

#include <fcntl.h>
#include <sys/mman.h>

#define BCRYPT "$2y$10$abcdefghijklmnopqrstuuIv8zC1cXTUxeAgDgvcLJZ4YfpzKwRaO"
#define SHA512_HASH                                                                                \
    "qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"
#define YESCRYPT_HASH "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"

static void assert_line(const char *line, enum users_line expected, const char *why) {
    struct users_reader reader = {slice_from(line), 0};
    struct users_entry entry;
    char found[USERS_WHY_SIZE] = "";
    enum users_line what = users_file_next(&reader, &entry, found);
    if (what != expected || (why != NULL && strstr(found, why) == NULL)) {
        fail_msg("'%s': %d '%s'", line, (int)what, found);
    }
}

static void test_hashes(void **state) {
    (void)state;
    static const char *const accepted[] = {
        "bob:" BCRYPT,
        "bob:" BCRYPT "\r\n",
        "bob:" BCRYPT ":Bob from the office:more",
        "bob:$2b$05$abcdefghijklmnopqrstuuIv8zC1cXTUxeAgDgvcLJZ4YfpzKwRaO",
        "bob:$2a$14$abcdefghijklmnopqrstuuIv8zC1cXTUxeAgDgvcLJZ4YfpzKwRaO",
        "bob:$6$saltsalt$" SHA512_HASH,
        "bob:$6$rounds=5000$saltsalt$" SHA512_HASH,
        "bob:$6$rounds=500000$s$" SHA512_HASH,
        "bob:$y$j9T$saltsalt$" YESCRYPT_HASH,
        "bob:$y$jBT$saltsalt$" YESCRYPT_HASH,
        "\xc3\xa9 b/\\\"$:" BCRYPT,
    };
    for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
        assert_line(accepted[i], USERS_ENTRY, NULL);
    }
    static const struct {
        const char *line;
        const char *why;
    } refused[] = {
        {"bob:$2y$04$abcdefghijklmnopqrstuuIv8zC1cXTUxeAgDgvcLJZ4YfpzKwRaO", "less than 5"},
        {"bob:$2y$15$abcdefghijklmnopqrstuuIv8zC1cXTUxeAgDgvcLJZ4YfpzKwRaO", "more than 14"},
        {"bob:$2y$1x$abcdefghijklmnopqrstuuIv8zC1cXTUxeAgDgvcLJZ4YfpzKwRaO", "less than 5"},
        {"bob:$2y$10$abcdefghijklmnopqrstuuIv8zC1cXTUxeAgDgvcLJZ4YfpzKwRa", "damaged"},
        {"bob:$2y$10$abcdefghijklmnopqrstuuIv8zC1cXTUxeAgDgvcLJZ4YfpzKwR!O", "damaged"},
        {"bob:$2x$10$abcdefghijklmnopqrstuuIv8zC1cXTUxeAgDgvcLJZ4YfpzKwRaO", "known fault"},
        {"bob:$6$rounds=4999$saltsalt$" SHA512_HASH, "5000 to 500000"},
        {"bob:$6$rounds=500001$saltsalt$" SHA512_HASH, "5000 to 500000"},
        {"bob:$6$rounds=99999999999$saltsalt$" SHA512_HASH, "5000 to 500000"},
        {"bob:$6$rounds=5000", "damaged"},
        {"bob:$6$saltsalt$" SHA512_HASH "a", "damaged"},
        {"bob:$6$seventeencharacte$" SHA512_HASH, "damaged"},
        {"bob:$6$$" SHA512_HASH, "damaged"},
        {"bob:$y$j7T$saltsalt$" YESCRYPT_HASH, "one of 4 to 7"},
        {"bob:$y$jFT$saltsalt$" YESCRYPT_HASH, "one of 4 to 7"},
        {"bob:$y$j9T$saltsalt$abc", "damaged"},
        {"bob:$apr1$abcdefgh$abcdefghijklmnopqrstu/", "MD5 ($apr1$) is not accepted"},
        {"bob:$1$abcdefgh$abcdefghijklmnopqrstu/", "MD5 ($1$) is not accepted"},
        {"bob:$5$abcdefgh$abcdefghijklmnopqrstu/", "SHA-256 crypt"},
        {"bob:{SHA}fEqNCco3Yq9h5ZUglD3CZJT4lBs=", "SHA-1 ({SHA})"},
        {"bob:{SSHA}fEqNCco3Yq9h5ZUglD3CZJT4lBs=", "SHA-1 ({SSHA})"},
        {"bob:abcdefghijklm", "DES crypt"},
        {"bob:secret", "plain password"},
        {"bob:$9$x", "does not know"},
        {"bob:", "no password"},
        {"bob::x", "no password"},
        {"bob", "no ':'"},
        {":" BCRYPT, "no name"},
        {" bob:" BCRYPT, "blank"},
        {"bob :" BCRYPT, "blank"},
        {"b\tob:" BCRYPT, "control characters"},
        {"b\xff:" BCRYPT, "not UTF-8"},
        {"b\xe2\x80\xae:" BCRYPT, "control characters"}, // turns text around
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_line(refused[i].line, USERS_FAULT, refused[i].why);
    }
}

static void test_the_longest_name(void **state) {
    (void)state;
    char line[USERS_NAME_MAX + 2 + sizeof(":" BCRYPT)];
    memset(line, 'n', USERS_NAME_MAX);
    memcpy(line + USERS_NAME_MAX, ":" BCRYPT, sizeof(":" BCRYPT));
    assert_line(line, USERS_ENTRY, NULL);
    memset(line, 'n', USERS_NAME_MAX + 1);
    memcpy(line + USERS_NAME_MAX + 1, ":" BCRYPT, sizeof(":" BCRYPT));
    assert_line(line, USERS_FAULT, "longer than 128 bytes");
}

static void test_lines(void **state) {
    (void)state;
    struct users_reader reader = {SLICE("# staff\n\r\n\nbob:" BCRYPT "\nx\n\nzoe:" BCRYPT), 0};
    struct users_entry entry;
    char why[USERS_WHY_SIZE];
    assert_int_equal(users_file_next(&reader, &entry, why), USERS_ENTRY);
    assert_slice(entry.name, "bob");
    assert_slice(entry.hash, BCRYPT);
    assert_false(entry.is_fast);
    assert_int_equal(reader.line, 4);
    assert_int_equal(users_file_next(&reader, &entry, why), USERS_FAULT);
    assert_int_equal(reader.line, 5);
    assert_int_equal(users_file_next(&reader, &entry, why), USERS_ENTRY);
    assert_slice(entry.name, "zoe");
    assert_int_equal(users_file_next(&reader, &entry, why), USERS_END);
    assert_int_equal(users_file_next(&reader, &entry, why), USERS_END);
}

static void test_marks(void **state) {
    (void)state;
    struct users_mark one = users_file_mark(SLICE("bob:" BCRYPT));
    struct users_mark same = users_file_mark(SLICE("bob:" BCRYPT));
    struct users_mark other = users_file_mark(SLICE("bob:" BCRYPT "\n"));
    assert_memory_equal(&one, &same, sizeof(one));
    assert_true(one.words[0] != other.words[0] && one.words[1] != other.words[1]);
    assert_true(one.words[0] != one.words[1]);
}

// --- In a configuration ---

#define WITH(of_site, of_route)                                                                    \
    LISTEN "site a.test {\n" of_site                                                               \
           "certificate a.pem { key = a.key }\nroute / { backend = b\n" of_route                   \
           " }\nroute /r { return = 404 }\n}\n"                                                    \
           "backend b { server 127.0.0.1:9000 {} }\n"

static void assert_refused(struct folder *folder, const char *what) {
    if (bundle_read(config_path(folder), &folder->pair, &folder->config, error) == RESULT_OK) {
        fail_msg("accepted; expected: %s", what);
    }
    if (strstr(error, what) == NULL) {
        fail_msg("%s\nexpected: %s", error, what);
    }
    assert_null(strstr(error, "Iv8zC1cXTUxeAgDgvc")); // never a hash
}

static void read_users(struct folder *folder, const char *text, const char *users) {
    write_with_mode(folder, "r.conf", text, 0644);
    write_with_mode(folder, "users", users, 0600);
    read_well(folder);
}

static void test_what_workers_get(void **state) {
    struct folder *folder = *state;
    read_users(folder, WITH("users = users\n", ""), "bob:" BCRYPT "\n");
    struct slice path;
    struct slice content;
    assert_true(bundle_file_at(&folder->pair.users, 0, &path, &content));
    assert_slice(content, "bob:" BCRYPT "\n");
    assert_false(bundle_file_at(&folder->pair.users, 1, &path, &content));
    const struct bundle *files = &folder->pair.files;
    assert_null(memmem(files->data, files->size, "bob:", 4));
    assert_null(memmem(files->data, files->size, &BCRYPT[20], 20));
    assert_null(bundle_file(files, in_folder(folder, "users")).data);
    struct config *config = bundle_config(files, NULL, error);
    assert_non_null(config);
    const struct config_route *route = &config->sites[0].routes[1]; // the shorter prefix
    const struct users_mark mark = users_file_mark(content);
    assert_string_equal(route->login.users, in_folder(folder, "users"));
    assert_string_equal(route->login.realm, "Restricted");
    assert_memory_equal(&route->login.mark, &mark, sizeof(mark));
    assert_int_equal(route->guards, 1U << ROUTE_GUARD_USERS);
    assert_int_equal(route->request.reserved[ROUTE_GUARD_USERS].count, 1);
    assert_string_equal(route->request.reserved[ROUTE_GUARD_USERS].items[0], "Authorization");
    assert_null(config->sites[0].routes[0].login.users); // it asks no server
    assert_int_equal(config->sites[0].routes[0].guards, 0);
    assert_true(config_has_users(config));
    config_free(config);
}

static void test_options_of_a_route(void **state) {
    struct folder *folder = *state;
    read_users(folder,
               WITH("", "users = users realm = \"The archive\" user-header = X-User "
                        "pass-authorization = yes"),
               "bob:" BCRYPT "\n");
    const struct config_route *route = &folder->config->sites[0].routes[1];
    assert_string_equal(route->login.realm, "The archive");
    assert_int_equal(route->request.reserved[ROUTE_GUARD_USERS].count, 1);
    assert_string_equal(route->request.reserved[ROUTE_GUARD_USERS].items[0], "X-User");
}

static void test_a_route_without(void **state) {
    struct folder *folder = *state;
    read_users(folder, WITH("users = users\n", "users = none"), "bob:" BCRYPT "\n");
    assert_null(folder->config->sites[0].routes[1].login.users);
    assert_int_equal(folder->config->sites[0].routes[1].guards, 0);
    assert_false(config_has_users(folder->config));
}

static void test_the_files_are_watched(void **state) {
    struct folder *folder = *state;
    read_users(folder, WITH("users = users\n", ""), "bob:" BCRYPT "\n");
    size_t count;
    bool found = false;
    const char **paths = bundle_list_paths(folder->config, &count);
    for (size_t i = 0; i < count; i++) {
        found = found || strcmp(paths[i], in_folder(folder, "users")) == 0;
    }
    assert_true(found);
    free(paths);
}

static void test_what_is_refused(void **state) {
    struct folder *folder = *state;
    static const struct {
        const char *text;
        const char *users;
        const char *what;
    } cases[] = {
        {WITH("users = users\n", ""), "bob:" BCRYPT "\n# x\nbob:" BCRYPT,
         "users:3: the user is already on line 1"},
        {WITH("users = users\n", ""), "# nobody\n", "it has no user"},
        {WITH("users = users\n", ""), "", "r.conf:3: users '"},
        {WITH("users = users\n", ""), "x:" BCRYPT "\nbob:secret\n", "users:2: a plain password"},
        {WITH("users = nowhere\n", ""), "", "r.conf:3: users '"},
        {WITH("realm = x\n", ""), "", "r.conf:3: realm requires users"},
        {WITH("", "realm = x"), "", "r.conf:5: realm requires users"},
        {WITH("", "user-header = X-User"), "", "r.conf:5: user-header requires users"},
        {WITH("", "pass-authorization = yes"), "", "r.conf:5: pass-authorization requires users"},
        {WITH("users = users\n", "users = none realm = x"), "", "r.conf:6: realm requires users"},
        {WITH("users = users\nrealm = 'a\"b'\n", ""), "", "r.conf:4: realm must not contain"},
        {WITH("users = users\n", "user-header = cookie"), "", "r.conf:6: user-header 'cookie'"},
        {WITH("users = users\n", "user-header = x-client-certificate-a"), "",
         "r.conf:6: user-header 'x-client-certificate-a'"},
        {WITH("users = users\n", "user-header = Transfer-Encoding"), "",
         "r.conf:6: user-header must be the name of a header field, not 'Transfer-Encoding': "
         "Ravelin "
         "writes this field itself"},
        {WITH("users = users\n", "user-header = X-User request { set-header = {\"x-user: a\"} }"),
         "", "r.conf:6: user-header 'X-User': set-header sets this header, too"},
        {WITH("", "} route /x { return = 200 users = users"), "", "users goes with a backend"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_with_mode(folder, "r.conf", cases[i].text, 0644);
        write_with_mode(folder, "users", cases[i].users, 0600);
        assert_refused(folder, cases[i].what);
    }
}

static void test_who_can_change_or_read_the_file(void **state) {
    struct folder *folder = *state;
    write_with_mode(folder, "r.conf", WITH("users = users\n", ""), 0644);
    write_with_mode(folder, "users", "bob:" BCRYPT "\n", 0662);
    assert_refused(folder, "users other than its owner can change it (mode 0662)");
    assert_int_equal(chmod(in_folder(folder, "users"), 0640), 0);
    read_well(folder);
    assert_string_equal(folder->pair.warnings, "");
}

static void test_quick_hashes_are_told(void **state) {
    struct folder *folder = *state;
    read_users(folder, WITH("users = users\n", ""),
               "zoe:" BCRYPT
               "\nbob:$2y$09$abcdefghijklmnopqrstuuIv8zC1cXTUxeAgDgvcLJZ4YfpzKwRaO\n");
    assert_non_null(strstr(folder->pair.warnings, "users:2: a bcrypt hash with a cost of less"));
}

// What a bundle without a file of users would be: no open door.
static void test_a_bundle_that_lacks_a_mark(void **state) {
    struct folder *folder = *state;
    read_users(folder, WITH("users = users\n", ""), "bob:" BCRYPT "\n");
    struct bundle cut;
    int fd = memfd_create("ravelin-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_true(fd >= 0);
    char *data = malloc(folder->pair.files.size);
    assert_non_null(data);
    memcpy(data, folder->pair.files.data, folder->pair.files.size);
    // The mark is the last file with this path; another path has no mark.
    char *path = data + folder->pair.files.size - sizeof(struct users_mark) - 2;
    assert_int_equal(*path, 's');
    *path = 'z';
    assert_int_equal(write(fd, data, folder->pair.files.size), folder->pair.files.size);
    free(data);
    assert_int_equal(
        fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
    assert_int_equal(bundle_open(fd, &cut), RESULT_OK);
    assert_null(bundle_config(&cut, NULL, error));
    assert_string_equal(error, "the bundle lacks a file of users");
    bundle_close(&cut);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashes),    cmocka_unit_test(test_the_longest_name),
        cmocka_unit_test(test_lines),     cmocka_unit_test(test_marks),
        TEST(test_what_workers_get),      TEST(test_options_of_a_route),
        TEST(test_a_route_without),       TEST(test_the_files_are_watched),
        TEST(test_what_is_refused),       TEST(test_who_can_change_or_read_the_file),
        TEST(test_quick_hashes_are_told), TEST(test_a_bundle_that_lacks_a_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
