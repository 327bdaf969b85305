// A folder of a test's own, gone after it: files in it, and a configuration with the bundles made
// from it.
#ifndef RAVELIN_TESTS_FOLDER_H
#define RAVELIN_TESTS_FOLDER_H

#include "config/bundle.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct folder {
    char path[40];
    struct bundle_pair pair;
    struct config *config;
};

// In a ring of a few texts, so that one command can have several.
static inline char *in_folder(const struct folder *folder, const char *name) {
    static char texts[16][160];
    static unsigned next;
    char *text = texts[next++ % 16];
    int size = snprintf(text, sizeof(texts[0]), "%s/%s", folder->path, name);
    assert_in_range(size, 1, sizeof(texts[0]) - 1);
    return text;
}

static inline void write_file(const struct folder *folder, const char *name, const void *data,
                              size_t size) {
    int fd = open(in_folder(folder, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), size);
    assert_int_equal(close(fd), 0);
}

static inline size_t read_file(const struct folder *folder, const char *name, void *data,
                               size_t capacity) {
    int fd = open(in_folder(folder, name), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t size = read(fd, data, capacity);
    assert_in_range(size, 0, capacity - 1);
    (void)close(fd);
    return (size_t)size;
}

static inline void folder_make(struct folder *folder) {
    *folder = (struct folder){.pair = {.files.fd = -1, .keys.fd = -1}};
    (void)snprintf(folder->path, sizeof(folder->path), "/tmp/ravelin-unit-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
}

// Reads this configuration and all it names.
static inline void folder_load(struct folder *folder, const char *text) {
    char error[CONFIG_ERROR_SIZE];
    write_file(folder, "r.conf", text, strlen(text));
    if (bundle_read(in_folder(folder, "r.conf"), &folder->pair, &folder->config, error) !=
        RESULT_OK) {
        fail_msg("%s", error);
    }
}

static inline void folder_free(struct folder *folder) {
    bundle_close_pair(&folder->pair);
    config_free(folder->config);
    DIR *list = opendir(folder->path);
    for (struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        (void)unlinkat(dirfd(list), entry->d_name, entry->d_type == DT_DIR ? AT_REMOVEDIR : 0);
    }
    (void)closedir(list);
    (void)rmdir(folder->path);
}

#endif
