// Keys and self-signed certificates of every kind the proxy takes, made by openssl in a folder of
// the test's own, and the config and bundles that go with them. No key lies in the tree.
#ifndef RAVELIN_TESTS_CERTIFICATES_H
#define RAVELIN_TESTS_CERTIFICATES_H

#include "config/bundle.h"
#include "tls/certificate/pem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

// The DER of the first block of a PEM text.
static inline size_t first_der(struct slice text, uint8_t *der, size_t capacity) {
    struct pem pem = pem_begin(text);
    struct pem_block block;
    char why[PEM_WHY_SIZE];
    if (pem_next(&pem, &block, der, capacity, why) != RESULT_OK) {
        fail_msg("%s", why);
    }
    return block.der.size;
}

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

// Runs a program; its exit status. What it says goes to the file `log` in the folder.
static inline int run_program(const struct folder *folder, const char *const *arguments) {
    posix_spawn_file_actions_t actions;
    extern char **environ;
    pid_t child;
    int status;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, 1, in_folder(folder, "log"),
                                                      O_WRONLY | O_CREAT | O_TRUNC, 0600),
                     0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, 1, 2), 0);
    assert_int_equal(posix_spawnp(&child, arguments[0], &actions, NULL,
                                  (char *const *)(uintptr_t)arguments, environ),
                     0);
    (void)posix_spawn_file_actions_destroy(&actions);
    while (waitpid(child, &status, 0) < 0) {
        assert_int_equal(errno, EINTR);
    }
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

#define RUN(folder, ...) run_program(folder, (const char *[]){__VA_ARGS__, NULL})

// `algorithm` is what openssl's -newkey takes: "rsa:2048", "ed25519", or "ec" with a curve. Makes
// NAME.pem and NAME.key.
static inline void make_certificate(const struct folder *folder, const char *name,
                                    const char *algorithm, const char *curve) {
    char certificate[64], key[64], option[64];
    (void)snprintf(certificate, sizeof(certificate), "%s.pem", name);
    (void)snprintf(key, sizeof(key), "%s.key", name);
    (void)snprintf(option, sizeof(option), "ec_paramgen_curve:%s", curve == NULL ? "" : curve);
    const char *arguments[24] = {
        "openssl", "req",
        "-x509",   "-nodes",
        "-days",   "3",
        "-subj",   "/CN=test",
        "-addext", "subjectAltName=DNS:a.test,DNS:b.test",
        "-keyout", in_folder(folder, key),
        "-out",    in_folder(folder, certificate),
        "-newkey", algorithm,
    };
    if (curve != NULL) {
        arguments[16] = "-pkeyopt";
        arguments[17] = option;
    }
    if (run_program(folder, arguments) != 0) {
        char text[2000] = "";
        (void)read_file(folder, "log", text, sizeof(text) - 1);
        fail_msg("openssl: %s", text);
    }
    assert_int_equal(chmod(in_folder(folder, key), 0600), 0);
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
    bundle_close(&folder->pair.files);
    bundle_close(&folder->pair.keys);
    config_free(folder->config);
    DIR *list = opendir(folder->path);
    for (struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        (void)unlinkat(dirfd(list), entry->d_name, 0);
    }
    (void)closedir(list);
    (void)rmdir(folder->path);
}

#endif
