// Reading a configuration and the files it names into bundles: what is refused, and what reading
// again finds.
#include "bundle_folder.h"
#include "config/text.h"

// Refused, with `expected` after the path of the config file.
static void assert_refused(struct folder *folder, const char *expected) {
    size_t descriptors = count_descriptors();
    struct bundle_pair pair;
    struct config *config;
    assert_int_equal(bundle_read(config_path(folder), &pair, &config, error), RESULT_ERROR);
    assert_null(config);
    assert_int_equal(pair.files.fd, -1);
    assert_int_equal(pair.keys.fd, -1);
    assert_null(pair.files.data);
    assert_int_equal(count_descriptors(), descriptors);
    char text[CONFIG_ERROR_SIZE];
    (void)snprintf(text, sizeof(text), "%s%s", config_path(folder), expected);
    assert_string_equal(error, text);
}

static void test_a_config_that_is_wrong(void **state) {
    struct folder *folder = *state;
    write_with_mode(folder, "r.conf", "\nwroker = 1\n", 0644);
    assert_refused(folder, ":2: unknown option 'wroker'; did you mean 'workers'?");
}

static void test_a_config_that_cannot_be_read(void **state) {
    struct folder *folder = *state;
    assert_int_equal(unlink(config_path(folder)), 0);
    assert_refused(folder, ": No such file or directory");
    assert_int_equal(mkdir(config_path(folder), 0700), 0);
    assert_refused(folder, ": not a regular file");
    assert_int_equal(rmdir(config_path(folder)), 0);
    assert_int_equal(mkfifo(config_path(folder), 0600), 0);
    assert_refused(folder, ": not a regular file"); // and does not wait for a writer
    assert_int_equal(unlink(config_path(folder)), 0);
    write_with_mode(folder, "r.conf", "", 0600);
    assert_refused(folder, ": the file is empty");
}

static void test_a_config_that_is_too_large(void **state) {
    struct folder *folder = *state;
    char *text = malloc(CONFIG_TEXT_MAX + 1);
    assert_non_null(text);
    memset(text, '\n', CONFIG_TEXT_MAX + 1);
    memcpy(text, TEXT, sizeof(TEXT) - 1);
    write_file(folder, "r.conf", text, CONFIG_TEXT_MAX + 1);
    assert_refused(folder, ": larger than 4 MiB");
    write_file(folder, "r.conf", text, CONFIG_TEXT_MAX);
    free(text);
    read_well(folder);
}

static void assert_file_refused(struct folder *folder, const char *noun, const char *name,
                                const char *why) {
    char expected[256];
    (void)snprintf(expected, sizeof(expected), ":3: %s '%s/%s': %s", noun, folder->path, name, why);
    assert_refused(folder, expected);
}

static void test_files_that_cannot_be_used(void **state) {
    struct folder *folder = *state;
    char *large = calloc(1, BUNDLE_FILE_MAX + 1);
    assert_non_null(large);
    write_file(folder, "a.pem", large, BUNDLE_FILE_MAX + 1);
    assert_file_refused(folder, "certificate", "a.pem", "larger than 1 MiB");
    write_with_mode(folder, "a.pem", "", 0644);
    assert_file_refused(folder, "certificate", "a.pem", "the file is empty");
    assert_int_equal(unlink(in_folder(folder, "a.pem")), 0);
    assert_file_refused(folder, "certificate", "a.pem", "No such file or directory");
    assert_int_equal(mkdir(in_folder(folder, "a.pem"), 0700), 0);
    assert_file_refused(folder, "certificate", "a.pem", "not a regular file");
    assert_int_equal(rmdir(in_folder(folder, "a.pem")), 0);
    write_file(folder, "a.pem", large, BUNDLE_FILE_MAX);
    free(large);
    read_well(folder);
}

static void test_all_missing_files_are_named_with_their_lines(void **state) {
    struct folder *folder = *state;
    char expected[512];
    write_with_mode(folder, "r.conf",
                    LISTEN "site a.test {\ncertificate x.pem {\nkey = x.key }\n" REST, 0644);
    (void)snprintf(expected, sizeof(expected),
                   ":3: certificate '%s/x.pem': No such file or directory\n"
                   "%s:4: key '%s/x.key': No such file or directory",
                   folder->path, config_path(folder), folder->path);
    assert_refused(folder, expected);
}

static void accept_key(struct folder *folder, mode_t mode, const char *warning) {
    assert_int_equal(chmod(in_folder(folder, "a.key"), mode), 0);
    read_well(folder);
    assert_string_equal(folder->pair.warnings, warning);
    bundle_close_pair(&folder->pair);
    config_free(folder->config);
    folder->config = NULL;
}

static void test_keys_that_others_may_read_or_change(void **state) {
    struct folder *folder = *state;
    char why[512];
    static const mode_t modes[] = {0644, 0604, 0602, 0660, 0666};
    assert_int_equal(chmod(folder->path, 0755), 0);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        bool is_exposed = i < 2;
        (void)snprintf(why, sizeof(why),
                       is_exposed ? "any user can read it (mode %04o); run: chmod 0600 '%s/a.key', "
                                    "set mode: 0400 (Docker secret) or defaultMode: 0400 "
                                    "(Kubernetes), or copy it to a folder of mode 0700"
                                  : "users other than its owner can change it (mode %04o); run: "
                                    "chmod 0600 '%s/a.key'",
                       modes[i], folder->path);
        assert_int_equal(chmod(in_folder(folder, "a.key"), modes[i]), 0);
        assert_file_refused(folder, "key", "a.key", why);
    }
    accept_key(folder, 0600, "");
    accept_key(folder, 0400, "");
    accept_key(folder, 0640, "");
    accept_key(folder, 0440, "");
}

static void test_a_key_that_its_folder_protects(void **state) {
    struct folder *folder = *state;
    char warning[512];
    (void)snprintf(
        warning, sizeof(warning),
        "%s:3: key '%s/a.key': world-readable (mode 0644); only the folder '%s' protects "
        "it and the keys beside it; set mode 0400 if you can",
        config_path(folder), folder->path, folder->path);
    assert_int_equal(chmod(folder->path, 0700), 0);
    accept_key(folder, 0644, warning);
}

static void test_a_certificate_file_with_a_key_in_it(void **state) {
    struct folder *folder = *state;
    write_with_mode(folder, "a.pem", "certificate\n-----BEGIN EC PRIVATE KEY-----\n", 0600);
    assert_file_refused(folder, "certificate", "a.pem",
                        "it holds a private key, which belongs in a file of its own");
}

#define EVERY_KIND                                                                                 \
    LISTEN "site a.test {\ncertificate a.pem { key = a.key\nocsp = a.ocsp }\n"                     \
           "client-ca = ca.pem\nclient-crl = ca.crl\n" REST

static void test_every_kind_of_file(void **state) {
    struct folder *folder = *state;
    static const char *const names[] = {"a.ocsp", "ca.pem", "ca.crl"};
    static const char *const options[] = {":4: ocsp", ":5: client-ca", ":6: client-crl"};
    write_with_mode(folder, "r.conf", EVERY_KIND, 0644);
    for (size_t i = 0; i < 3; i++) {
        write_with_mode(folder, names[i], names[i], 0644);
    }
    read_well(folder);
    for (size_t i = 0; i < 3; i++) {
        assert_true(slice_equal(bundle_file(&folder->pair.files, in_folder(folder, names[i])),
                                slice_from(names[i])));
    }
    size_t count;
    const char **paths = bundle_list_paths(folder->config, &count);
    assert_non_null(paths);
    assert_int_equal(count, 5);
    for (size_t i = 0; i < 3; i++) {
        bool listed = false;
        for (size_t j = 0; j < count; j++) {
            listed = listed || strcmp(paths[j], in_folder(folder, names[i])) == 0;
        }
        assert_true(listed);
    }
    free(paths);
    // They go to workers, so no key may be among them.
    for (size_t i = 0; i < 3; i++) {
        write_with_mode(folder, names[i], "-----BEGIN PRIVATE KEY-----", 0644);
        char expected[256];
        (void)snprintf(expected, sizeof(expected),
                       "%s '%s': it holds a private key, which belongs in a file of its own",
                       options[i], in_folder(folder, names[i]));
        assert_refused(folder, expected);
        write_with_mode(folder, names[i], names[i], 0644);
    }
}

static void test_all_paths_are_listed(void **state) {
    struct folder *folder = *state;
    size_t count;
    read_well(folder);
    const char **paths = bundle_list_paths(folder->config, &count);
    assert_non_null(paths);
    assert_int_equal(count, 2);
    assert_string_equal(paths[0], in_folder(folder, "a.pem"));
    assert_string_equal(paths[1], in_folder(folder, "a.key"));
    free(paths);
}

// --- Reading again ---

static void read_again(struct folder *folder, struct bundle_pair *pair) {
    struct config *config;
    if (bundle_read_again(&folder->pair.files, NULL, pair, &config, error) != RESULT_OK) {
        fail_msg("%s", error);
    }
    assert_string_equal(config->path, config_path(folder));
    config_free(config);
}

static bool is_same(const struct folder *folder, const struct bundle_pair *pair) {
    return bundle_equal(&folder->pair.files, &pair->files) &&
           bundle_equal(&folder->pair.keys, &pair->keys);
}

static void close_pair(struct bundle_pair *pair) {
    bundle_close_pair(pair);
}

static void test_reading_again_finds_the_same(void **state) {
    struct folder *folder = *state;
    struct bundle_pair pair;
    read_well(folder);
    read_again(folder, &pair);
    assert_true(is_same(folder, &pair));
    close_pair(&pair);
}

static void test_reading_again_finds_other_content(void **state) {
    static const char *const names[] = {"a.pem", "a.key"};
    struct folder *folder = *state;
    struct bundle_pair pair;
    read_well(folder);
    for (size_t i = 0; i < 2; i++) {
        write_with_mode(folder, names[i], "of the same size", 0600);
        read_again(folder, &pair);
        assert_false(is_same(folder, &pair));
        assert_slice(bundle_file(i == 0 ? &pair.files : &pair.keys, in_folder(folder, names[i])),
                     "of the same size");
        close_pair(&pair);
        write_with_mode(folder, names[i], i == 0 ? "certificate of a" : "key of a", 0600);
    }
    write_with_mode(folder, "a.pem", "certificate of b", 0600);
    read_again(folder, &pair);
    assert_false(bundle_equal(&folder->pair.files, &pair.files));
    assert_true(bundle_equal(&folder->pair.keys, &pair.keys));
    close_pair(&pair);
}

// What is on disk as the config text by then does not matter.
static void test_reading_again_keeps_the_text(void **state) {
    struct folder *folder = *state;
    struct bundle_pair pair;
    read_well(folder);
    write_with_mode(folder, "r.conf", "nonsense {", 0644);
    read_again(folder, &pair);
    assert_true(is_same(folder, &pair));
    close_pair(&pair);
    assert_int_equal(unlink(config_path(folder)), 0);
    read_again(folder, &pair);
    assert_true(is_same(folder, &pair));
    close_pair(&pair);
}

static void test_reading_again_can_fail(void **state) {
    struct folder *folder = *state;
    struct bundle_pair pair;
    struct config *config;
    read_well(folder);
    assert_int_equal(unlink(in_folder(folder, "a.pem")), 0);
    size_t descriptors = count_descriptors();
    assert_int_equal(bundle_read_again(&folder->pair.files, NULL, &pair, &config, error),
                     RESULT_ERROR);
    assert_null(config);
    assert_int_equal(count_descriptors(), descriptors);
    assert_non_null(strstr(error, "r.conf:3: certificate '"));
    assert_non_null(strstr(error, "a.pem': No such file"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_a_config_that_is_wrong),
        TEST(test_a_config_that_cannot_be_read),
        TEST(test_a_config_that_is_too_large),
        TEST(test_files_that_cannot_be_used),
        TEST(test_all_missing_files_are_named_with_their_lines),
        TEST(test_keys_that_others_may_read_or_change),
        TEST(test_a_key_that_its_folder_protects),
        TEST(test_a_certificate_file_with_a_key_in_it),
        TEST(test_reading_again_finds_the_same),
        TEST(test_reading_again_finds_other_content),
        TEST(test_reading_again_keeps_the_text),
        TEST(test_reading_again_can_fail),
        TEST(test_all_paths_are_listed),
        TEST(test_every_kind_of_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
