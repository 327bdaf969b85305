#include "config/bundle.h"

#include "config/bundle_format.h"
#include "config/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LISTEN "listen 127.0.0.1:8443 {}\n"
#define REST "route / { backend = b }\n}\nbackend b { server 127.0.0.1:9000 {} }\n"
#define TEXT LISTEN "site a.test {\ncertificate a.pem { key = a.key }\n" REST

// A folder of its own for each test.
struct folder {
    char path[32];
    char config[64];
    char error[CONFIG_ERROR_SIZE];
    struct bundle_pair pair;
    struct config *loaded;
};

static const char *in(const struct folder *folder, const char *name) {
    static char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", folder->path, name);
    return path;
}

static void write_file(const struct folder *folder, const char *name, const void *data, size_t size,
                       mode_t mode) {
    int fd = open(in(folder, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), size);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static void write_text(const struct folder *folder, const char *name, const char *text,
                       mode_t mode) {
    write_file(folder, name, text, strlen(text), mode);
}

static int set_up(void **state) {
    struct folder *folder = calloc(1, sizeof(*folder));
    assert_non_null(folder);
    (void)snprintf(folder->path, sizeof(folder->path), "/tmp/ravelin-bundle-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    (void)snprintf(folder->config, sizeof(folder->config), "%s/r.conf", folder->path);
    folder->pair.files.fd = folder->pair.keys.fd = -1;
    write_text(folder, "r.conf", TEXT, 0644);
    write_text(folder, "a.pem", "certificate of a", 0644);
    write_text(folder, "a.key", "key of a", 0600);
    *state = folder;
    return 0;
}

static int tear_down(void **state) {
    struct folder *folder = *state;
    bundle_close(&folder->pair.files);
    bundle_close(&folder->pair.keys);
    config_free(folder->loaded);
    DIR *list = opendir(folder->path);
    for (struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        (void)unlinkat(dirfd(list), entry->d_name, entry->d_type == DT_DIR ? AT_REMOVEDIR : 0);
    }
    (void)closedir(list);
    (void)rmdir(folder->path);
    free(folder);
    return 0;
}

static void read_well(struct folder *folder) {
    if (bundle_read(folder->config, &folder->pair, &folder->loaded, folder->error) != RESULT_OK) {
        fail_msg("%s", folder->error);
    }
    assert_string_equal(folder->error, "");
}

static int count_descriptors(void) {
    int count = 0;
    DIR *list = opendir("/proc/self/fd");
    assert_non_null(list);
    while (readdir(list) != NULL) {
        count++;
    }
    (void)closedir(list);
    return count;
}

// Refused, with `expected` after the path of the config file.
static void assert_refused(struct folder *folder, const char *expected) {
    int descriptors = count_descriptors();
    struct bundle_pair pair;
    struct config *config;
    assert_int_equal(bundle_read(folder->config, &pair, &config, folder->error), RESULT_ERROR);
    assert_null(config);
    assert_int_equal(pair.files.fd, -1);
    assert_int_equal(pair.keys.fd, -1);
    assert_null(pair.files.data);
    assert_int_equal(count_descriptors(), descriptors);
    char text[CONFIG_ERROR_SIZE];
    (void)snprintf(text, sizeof(text), "%s%s", folder->config, expected);
    assert_string_equal(folder->error, text);
}

static void assert_slice(struct slice slice, const char *expected) {
    assert_non_null(slice.data);
    assert_int_equal(slice.size, strlen(expected));
    assert_memory_equal(slice.data, expected, slice.size);
}

static void test_the_config_and_what_it_names(void **state) {
    struct folder *folder = *state;
    read_well(folder);
    assert_slice(bundle_config_text(&folder->pair.files), TEXT);
    assert_slice(bundle_config_path(&folder->pair.files), folder->config);
    const struct config_certificate *entry = &folder->loaded->sites[0].certificates[0];
    assert_slice(bundle_file(&folder->pair.files, entry->certificate_path), "certificate of a");
    assert_slice(bundle_file(&folder->pair.keys, entry->key_path), "key of a");
}

static void test_keys_are_in_the_bundle_of_keys_only(void **state) {
    struct folder *folder = *state;
    read_well(folder);
    const struct bundle *files = &folder->pair.files;
    const struct bundle *keys = &folder->pair.keys;
    const struct config_certificate *entry = &folder->loaded->sites[0].certificates[0];
    assert_null(bundle_file(files, entry->key_path).data);
    assert_null(memmem(files->data, files->size, "key of a", 8));
    assert_null(bundle_file(keys, entry->certificate_path).data);
    assert_null(bundle_config_text(keys).data);
    assert_null(bundle_config_path(keys).data);
    assert_null(bundle_config(keys, NULL, folder->error));
    assert_string_equal(folder->error, "the bundle holds no configuration");
    assert_null(bundle_file(files, "/nowhere").data);
    assert_null(bundle_file(files, folder->config).data);
}

static void test_files_by_position(void **state) {
    struct folder *folder = *state;
    struct slice path;
    struct slice content;
    read_well(folder);
    assert_true(bundle_file_at(&folder->pair.keys, 0, &path, &content));
    assert_slice(path, folder->loaded->sites[0].certificates[0].key_path);
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
    write_text(folder, "r.conf",
               LISTEN "site b.test { certificate a.pem { key = a.key } route / { backend = b } }\n"
                      "site c.test { certificate b.pem { key = a.key } route / { backend = b } }\n"
                      "site a.test { certificate ./a.pem { key = a.key }" REST,
               0644);
    write_text(folder, "b.pem", "certificate of b", 0644);
    read_well(folder);
    assert_true(bundle_file_at(&folder->pair.keys, 0, &path, &content));
    assert_false(bundle_file_at(&folder->pair.keys, 1, &path, &content));
    assert_true(bundle_file_at(&folder->pair.files, 3, &path, &content));
    assert_false(bundle_file_at(&folder->pair.files, 4, &path, &content));
    assert_slice(bundle_file(&folder->pair.files, in(folder, "b.pem")), "certificate of b");
}

static void test_a_relative_path_is_made_absolute(void **state) {
    struct folder *folder = *state;
    char working[4096];
    assert_non_null(getcwd(working, sizeof(working)));
    assert_int_equal(chdir(folder->path), 0);
    enum result result = bundle_read("r.conf", &folder->pair, &folder->loaded, folder->error);
    assert_int_equal(chdir(working), 0);
    assert_int_equal(result, RESULT_OK);
    assert_slice(bundle_config_path(&folder->pair.files), folder->config);
    assert_string_equal(folder->loaded->path, "r.conf");
}

static void test_another_process_gets_the_same_config(void **state) {
    struct folder *folder = *state;
    struct bundle bundle;
    read_well(folder);
    assert_int_equal(bundle_open(dup(folder->pair.files.fd), &bundle), RESULT_OK);
    struct config *config = bundle_config(&bundle, NULL, folder->error);
    assert_non_null(config);
    assert_string_equal(folder->error, "");
    assert_string_equal(config->path, folder->config);
    const char *path = config->sites[0].certificates[0].certificate_path;
    assert_string_equal(path, folder->loaded->sites[0].certificates[0].certificate_path);
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

// Whether the mapping has all the flags ("dd": not dumped, "dc": not copied on fork).
static bool has_flags(const void *data, const char *flags) {
    char line[256];
    char start[32];
    bool found = false;
    bool here = false;
    (void)snprintf(start, sizeof(start), "%lx-", (unsigned long)(uintptr_t)data);
    FILE *maps = fopen("/proc/self/smaps", "re");
    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps) != NULL) {
        here = here || strncmp(line, start, strlen(start)) == 0;
        if (here && strncmp(line, "VmFlags:", 8) == 0) {
            found = strstr(line, flags) != NULL;
            break;
        }
    }
    (void)fclose(maps);
    return found;
}

static void test_mapped_keys_stay_where_they_are(void **state) {
    struct folder *folder = *state;
    read_well(folder);
    assert_true(has_flags(folder->pair.keys.data, " dd"));
    assert_true(has_flags(folder->pair.keys.data, " dc"));
    assert_false(has_flags(folder->pair.files.data, " dc"));
}

static void test_a_config_that_is_wrong(void **state) {
    struct folder *folder = *state;
    write_text(folder, "r.conf", "\nwroker = 1\n", 0644);
    assert_refused(folder, ":2: unknown option 'wroker'; did you mean 'workers'?");
}

static void test_a_config_that_cannot_be_read(void **state) {
    struct folder *folder = *state;
    assert_int_equal(unlink(folder->config), 0);
    assert_refused(folder, ": No such file or directory");
    assert_int_equal(mkdir(folder->config, 0700), 0);
    assert_refused(folder, ": not a regular file");
    assert_int_equal(rmdir(folder->config), 0);
    assert_int_equal(mkfifo(folder->config, 0600), 0);
    assert_refused(folder, ": not a regular file"); // and does not wait for a writer
    assert_int_equal(unlink(folder->config), 0);
    write_text(folder, "r.conf", "", 0600);
    assert_refused(folder, ": the file is empty");
}

static void test_a_config_that_is_too_large(void **state) {
    struct folder *folder = *state;
    char *text = malloc(CONFIG_TEXT_MAX + 1);
    assert_non_null(text);
    memset(text, '\n', CONFIG_TEXT_MAX + 1);
    memcpy(text, TEXT, sizeof(TEXT) - 1);
    write_file(folder, "r.conf", text, CONFIG_TEXT_MAX + 1, 0644);
    assert_refused(folder, ": larger than 4 MiB");
    write_file(folder, "r.conf", text, CONFIG_TEXT_MAX, 0644);
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
    write_file(folder, "a.pem", large, BUNDLE_FILE_MAX + 1, 0644);
    assert_file_refused(folder, "certificate", "a.pem", "larger than 1 MiB");
    write_text(folder, "a.pem", "", 0644);
    assert_file_refused(folder, "certificate", "a.pem", "the file is empty");
    assert_int_equal(unlink(in(folder, "a.pem")), 0);
    assert_file_refused(folder, "certificate", "a.pem", "No such file or directory");
    assert_int_equal(mkdir(in(folder, "a.pem"), 0700), 0);
    assert_file_refused(folder, "certificate", "a.pem", "not a regular file");
    assert_int_equal(rmdir(in(folder, "a.pem")), 0);
    write_file(folder, "a.pem", large, BUNDLE_FILE_MAX, 0644);
    free(large);
    read_well(folder);
}

static void test_all_missing_files_are_named_with_their_lines(void **state) {
    struct folder *folder = *state;
    char expected[512];
    write_text(folder, "r.conf", LISTEN "site a.test {\ncertificate x.pem {\nkey = x.key }\n" REST,
               0644);
    (void)snprintf(expected, sizeof(expected),
                   ":3: certificate '%s/x.pem': No such file or directory\n"
                   "%s:4: key '%s/x.key': No such file or directory",
                   folder->path, folder->config, folder->path);
    assert_refused(folder, expected);
}

static void accept_key(struct folder *folder, mode_t mode, const char *warning) {
    assert_int_equal(chmod(in(folder, "a.key"), mode), 0);
    read_well(folder);
    assert_string_equal(folder->pair.warnings, warning);
    bundle_close(&folder->pair.files);
    bundle_close(&folder->pair.keys);
    config_free(folder->loaded);
    folder->loaded = NULL;
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
        assert_int_equal(chmod(in(folder, "a.key"), modes[i]), 0);
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
        folder->config, folder->path, folder->path);
    assert_int_equal(chmod(folder->path, 0700), 0);
    accept_key(folder, 0644, warning);
}

static void test_a_certificate_file_with_a_key_in_it(void **state) {
    struct folder *folder = *state;
    write_text(folder, "a.pem", "certificate\n-----BEGIN EC PRIVATE KEY-----\n", 0600);
    assert_file_refused(folder, "certificate", "a.pem",
                        "it holds a private key, which belongs in a file of its own");
}

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
    int descriptors = count_descriptors();
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

// --- Reading again ---

static void read_again(struct folder *folder, struct bundle_pair *pair) {
    struct config *config;
    if (bundle_read_again(&folder->pair.files, pair, &config, folder->error) != RESULT_OK) {
        fail_msg("%s", folder->error);
    }
    assert_string_equal(config->path, folder->config);
    config_free(config);
}

static bool is_same(const struct folder *folder, const struct bundle_pair *pair) {
    return bundle_equal(&folder->pair.files, &pair->files) &&
           bundle_equal(&folder->pair.keys, &pair->keys);
}

static void close_pair(struct bundle_pair *pair) {
    bundle_close(&pair->files);
    bundle_close(&pair->keys);
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
        write_text(folder, names[i], "of the same size", 0600);
        read_again(folder, &pair);
        assert_false(is_same(folder, &pair));
        assert_slice(bundle_file(i == 0 ? &pair.files : &pair.keys, in(folder, names[i])),
                     "of the same size");
        close_pair(&pair);
        write_text(folder, names[i], i == 0 ? "certificate of a" : "key of a", 0600);
    }
    write_text(folder, "a.pem", "certificate of b", 0600);
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
    write_text(folder, "r.conf", "nonsense {", 0644);
    read_again(folder, &pair);
    assert_true(is_same(folder, &pair));
    close_pair(&pair);
    assert_int_equal(unlink(folder->config), 0);
    read_again(folder, &pair);
    assert_true(is_same(folder, &pair));
    close_pair(&pair);
}

static void test_reading_again_can_fail(void **state) {
    struct folder *folder = *state;
    struct bundle_pair pair;
    struct config *config;
    read_well(folder);
    assert_int_equal(unlink(in(folder, "a.pem")), 0);
    int descriptors = count_descriptors();
    assert_int_equal(bundle_read_again(&folder->pair.files, &pair, &config, folder->error),
                     RESULT_ERROR);
    assert_null(config);
    assert_int_equal(count_descriptors(), descriptors);
    assert_non_null(strstr(folder->error, "r.conf:3: certificate '"));
    assert_non_null(strstr(folder->error, "a.pem': No such file"));
}

#define EVERY_KIND                                                                                 \
    LISTEN "site a.test {\ncertificate a.pem { key = a.key\nocsp = a.ocsp }\n"                     \
           "client-ca = ca.pem\nclient-crl = ca.crl\n" REST

static void test_every_kind_of_file(void **state) {
    struct folder *folder = *state;
    static const char *const names[] = {"a.ocsp", "ca.pem", "ca.crl"};
    static const char *const options[] = {":4: ocsp", ":5: client-ca", ":6: client-crl"};
    write_text(folder, "r.conf", EVERY_KIND, 0644);
    for (size_t i = 0; i < 3; i++) {
        write_text(folder, names[i], names[i], 0644);
    }
    read_well(folder);
    for (size_t i = 0; i < 3; i++) {
        assert_true(slice_equal(bundle_file(&folder->pair.files, in(folder, names[i])),
                                slice_from(names[i])));
    }
    size_t count;
    const char **paths = bundle_list_paths(folder->loaded, &count);
    assert_non_null(paths);
    assert_int_equal(count, 5);
    for (size_t i = 0; i < 3; i++) {
        bool listed = false;
        for (size_t j = 0; j < count; j++) {
            listed = listed || strcmp(paths[j], in(folder, names[i])) == 0;
        }
        assert_true(listed);
    }
    free(paths);
    // They go to workers, so no key may be among them.
    for (size_t i = 0; i < 3; i++) {
        write_text(folder, names[i], "-----BEGIN PRIVATE KEY-----", 0644);
        char expected[256];
        (void)snprintf(expected, sizeof(expected),
                       "%s '%s': it holds a private key, which belongs in a file of its own",
                       options[i], in(folder, names[i]));
        assert_refused(folder, expected);
        write_text(folder, names[i], names[i], 0644);
    }
}

static void test_all_paths_are_listed(void **state) {
    struct folder *folder = *state;
    size_t count;
    read_well(folder);
    const char **paths = bundle_list_paths(folder->loaded, &count);
    assert_non_null(paths);
    assert_int_equal(count, 2);
    assert_string_equal(paths[0], in(folder, "a.pem"));
    assert_string_equal(paths[1], in(folder, "a.key"));
    free(paths);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_the_config_and_what_it_names),
        TEST(test_keys_are_in_the_bundle_of_keys_only),
        TEST(test_files_by_position),
        TEST(test_a_file_named_twice_is_there_once),
        TEST(test_a_relative_path_is_made_absolute),
        TEST(test_another_process_gets_the_same_config),
        TEST(test_nobody_can_change_a_bundle),
        TEST(test_mapped_keys_stay_where_they_are),
        TEST(test_a_config_that_is_wrong),
        TEST(test_a_config_that_cannot_be_read),
        TEST(test_a_config_that_is_too_large),
        TEST(test_files_that_cannot_be_used),
        TEST(test_all_missing_files_are_named_with_their_lines),
        TEST(test_keys_that_others_may_read_or_change),
        TEST(test_a_key_that_its_folder_protects),
        TEST(test_a_certificate_file_with_a_key_in_it),
        TEST(test_what_is_not_sealed_is_no_bundle),
        TEST(test_damaged_bundles_are_refused),
        TEST(test_reading_again_finds_the_same),
        TEST(test_reading_again_finds_other_content),
        TEST(test_reading_again_keeps_the_text),
        TEST(test_reading_again_can_fail),
        TEST(test_all_paths_are_listed),
        TEST(test_every_kind_of_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
