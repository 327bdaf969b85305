// A bundle: what it holds, that no process can change it, and which ones are refused.
#include "bundle_folder.h"
#include "config/bundle_format.h"
#include "config/resolv_conf.h"
#include "smaps.h"

#include <errno.h>
#include <sys/mman.h>

static void test_the_config_and_what_it_names(void **state) {
    struct folder *folder = *state;
    read_well(folder);
    assert_slice(bundle_config_text(&folder->pair.files), TEXT);
    assert_slice(bundle_config_path(&folder->pair.files), config_path(folder));
    const struct config_certificate *entry = &folder->config->sites[0].certificates[0];
    assert_slice(bundle_file(&folder->pair.files, entry->certificate_path), "certificate of a");
    assert_slice(bundle_file(&folder->pair.keys, entry->key_path), "key of a");
}

static void test_keys_are_in_the_bundle_of_keys_only(void **state) {
    struct folder *folder = *state;
    read_well(folder);
    const struct bundle *files = &folder->pair.files;
    const struct bundle *keys = &folder->pair.keys;
    const struct config_certificate *entry = &folder->config->sites[0].certificates[0];
    assert_null(bundle_file(files, entry->key_path).data);
    assert_null(memmem(files->data, files->size, "key of a", 8));
    assert_null(bundle_file(keys, entry->certificate_path).data);
    assert_null(bundle_config_text(keys).data);
    assert_null(bundle_config_path(keys).data);
    assert_null(bundle_config(keys, NULL, error));
    assert_string_equal(error, "the bundle holds no configuration");
    assert_null(bundle_file(files, "/nowhere").data);
    assert_null(bundle_file(files, config_path(folder)).data);
}

// Wherever the system has one that can be used.
static void test_the_resolvers_of_the_system(void **state) {
    struct folder *folder = *state;
    write_with_mode(folder, "r.conf",
                    LISTEN "site a.test {\ncertificate a.pem { key = a.key }\n"
                           "route / { backend = b }\n}\nbackend b { server app.test:80 {} }\n",
                    0644);
    if (bundle_read(config_path(folder), &folder->pair, &folder->config, error) != RESULT_OK) {
        assert_non_null(strstr(error, RESOLV_CONF_PATH));
        skip();
    }
    struct address servers[RESOLV_CONF_SERVERS_MAX];
    struct slice text = bundle_file(&folder->pair.files, RESOLV_CONF_PATH);
    assert_true(resolv_conf_parse(text, servers) > 0);
}

static void test_files_by_position(void **state) {
    struct folder *folder = *state;
    struct slice path;
    struct slice content;
    read_well(folder);
    assert_true(bundle_file_at(&folder->pair.keys, 0, &path, &content));
    assert_slice(path, folder->config->sites[0].certificates[0].key_path);
    assert_int_equal(path.data[path.size], '\0');
    assert_slice(content, "key of a");
    assert_false(bundle_file_at(&folder->pair.keys, 1, &path, &content));
    // The config's text and image come first.
    assert_true(bundle_file_at(&folder->pair.files, 2, &path, &content));
    assert_slice(content, "certificate of a");
    assert_false(bundle_file_at(&folder->pair.files, 3, &path, &content));
    struct bundle closed = {.fd = -1};
    assert_false(bundle_file_at(&closed, 0, &path, &content));
    assert_null(bundle_file(&closed, "/x").data);
}

static void test_a_file_named_twice_is_there_once(void **state) {
    struct folder *folder = *state;
    struct slice path;
    struct slice content;
    write_with_mode(folder, "r.conf",
                    LISTEN
                    "site b.test { certificate a.pem { key = a.key } route / { backend = b } }\n"
                    "site c.test { certificate b.pem { key = a.key } route / { backend = b } }\n"
                    "site a.test { certificate ./a.pem { key = a.key }" REST,
                    0644);
    write_with_mode(folder, "b.pem", "certificate of b", 0644);
    read_well(folder);
    assert_true(bundle_file_at(&folder->pair.keys, 0, &path, &content));
    assert_false(bundle_file_at(&folder->pair.keys, 1, &path, &content));
    assert_true(bundle_file_at(&folder->pair.files, 3, &path, &content));
    assert_false(bundle_file_at(&folder->pair.files, 4, &path, &content));
    assert_slice(bundle_file(&folder->pair.files, in_folder(folder, "b.pem")), "certificate of b");
}

static void test_a_relative_path_is_made_absolute(void **state) {
    struct folder *folder = *state;
    char working[4096];
    assert_non_null(getcwd(working, sizeof(working)));
    assert_int_equal(chdir(folder->path), 0);
    enum result result = bundle_read("r.conf", &folder->pair, &folder->config, error);
    assert_int_equal(chdir(working), 0);
    assert_int_equal(result, RESULT_OK);
    assert_slice(bundle_config_path(&folder->pair.files), config_path(folder));
    assert_string_equal(folder->config->path, "r.conf");
}

static void test_another_process_gets_the_same_config(void **state) {
    struct folder *folder = *state;
    struct bundle bundle;
    read_well(folder);
    assert_int_equal(bundle_open(dup(folder->pair.files.fd), &bundle), RESULT_OK);
    struct config *config = bundle_config(&bundle, NULL, error);
    assert_non_null(config);
    assert_string_equal(error, "");
    assert_string_equal(config->path, config_path(folder));
    const char *path = config->sites[0].certificates[0].certificate_path;
    assert_string_equal(path, folder->config->sites[0].certificates[0].certificate_path);
    assert_slice(bundle_file(&bundle, path), "certificate of a");
    config_free(config);
    bundle_close(&bundle);
    bundle_close(&bundle);
}

static void test_nobody_can_change_a_bundle(void **state) {
    struct folder *folder = *state;
    read_well(folder);
    const int fds[] = {folder->pair.files.fd, folder->pair.keys.fd};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        assert_true((fcntl(fds[i], F_GETFD) & FD_CLOEXEC) != 0);
        assert_int_equal(pwrite(fds[i], "x", 1, 0), -1);
        assert_int_equal(errno, EPERM);
        assert_int_equal(ftruncate(fds[i], 0), -1);
        assert_int_equal(ftruncate(fds[i], 1 << 20), -1);
        assert_int_equal(fcntl(fds[i], F_ADD_SEALS, F_SEAL_GROW), -1);
        assert_ptr_equal(mmap(NULL, 1, PROT_WRITE, MAP_SHARED, fds[i], 0), MAP_FAILED);
    }
}

static void test_mapped_keys_stay_where_they_are(void **state) {
    struct folder *folder = *state;
    read_well(folder);
    assert_true(mapping_has_flag(folder->pair.keys.data, "dd"));
    assert_true(mapping_has_flag(folder->pair.keys.data, "dc"));
    assert_false(mapping_has_flag(folder->pair.files.data, "dc"));
}

// --- Damage ---

// A memfd with these bytes, sealed or not.
static int memfd_of(const void *data, size_t size, bool sealed) {
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), size);
    if (sealed) {
        assert_int_equal(fcntl(fd, F_ADD_SEALS, BUNDLE_SEALS), 0);
    }
    return fd;
}

// A copy that is exactly as long as the bundle, so that a sanitizer sees an overrun.
static char *copy_of(const struct bundle *bundle) {
    char *copy = malloc(bundle->size);
    assert_non_null(copy);
    return memcpy(copy, bundle->data, bundle->size);
}

static void test_what_is_not_sealed_is_no_bundle(void **state) {
    struct folder *folder = *state;
    struct bundle bundle;
    read_well(folder);
    char *copy = copy_of(&folder->pair.files);
    size_t size = folder->pair.files.size;
    size_t descriptors = count_descriptors();
    assert_int_equal(bundle_open(memfd_of(copy, size, false), &bundle), RESULT_ERROR);
    assert_int_equal(bundle.fd, -1);
    assert_int_equal(bundle_open(open("/dev/null", O_RDONLY | O_CLOEXEC), &bundle), RESULT_ERROR);
    assert_int_equal(bundle_open(-1, &bundle), RESULT_ERROR);
    assert_int_equal(count_descriptors(), descriptors); // closed on failure too
    assert_int_equal(bundle_open(memfd_of(copy, size, true), &bundle), RESULT_OK);
    bundle_close(&bundle);
    free(copy);
}

static void test_damaged_bundles_are_refused(void **state) {
    struct folder *folder = *state;
    struct bundle bundle;
    read_well(folder);
    char *copy = copy_of(&folder->pair.files);
    size_t size = folder->pair.files.size;
    for (size_t cut = 0; cut < size; cut++) {
        assert_int_equal(bundle_open(memfd_of(copy, cut, true), &bundle), RESULT_ERROR);
    }
    char *longer = calloc(1, size + 1);
    assert_non_null(longer);
    memcpy(longer, copy, size);
    assert_int_equal(bundle_open(memfd_of(longer, size + 1, true), &bundle), RESULT_ERROR);
    free(longer);
    const size_t entry = sizeof(struct bundle_head);
    const size_t places[] = {0, offsetof(struct bundle_head, count),
                             entry + offsetof(struct bundle_entry, path_size),
                             entry + offsetof(struct bundle_entry, content_size)};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        static const uint64_t bad[] = {0, 1, UINT32_MAX, UINT64_MAX, UINT64_MAX - 64};
        for (size_t j = 0; j < sizeof(bad) / sizeof(bad[0]); j++) {
            char *damaged = copy_of(&folder->pair.files);
            memcpy(damaged + places[i], &bad[j], sizeof(bad[j]));
            assert_int_equal(bundle_open(memfd_of(damaged, size, true), &bundle), RESULT_ERROR);
            free(damaged);
        }
    }
    free(copy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_the_config_and_what_it_names),
        TEST(test_keys_are_in_the_bundle_of_keys_only),
        TEST(test_the_resolvers_of_the_system),
        TEST(test_files_by_position),
        TEST(test_a_file_named_twice_is_there_once),
        TEST(test_a_relative_path_is_made_absolute),
        TEST(test_another_process_gets_the_same_config),
        TEST(test_nobody_can_change_a_bundle),
        TEST(test_mapped_keys_stay_where_they_are),
        TEST(test_what_is_not_sealed_is_no_bundle),
        TEST(test_damaged_bundles_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
