// Keys and self-signed certificates of every kind the proxy takes, made by openssl in a folder of
// the test's own. No key lies in the tree.
#ifndef RAVELIN_TESTS_CERTIFICATES_H
#define RAVELIN_TESTS_CERTIFICATES_H

#include "folder.h"
#include "tls/certificate/pem.h"

#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>

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

// One of each kind: p256, p384, ed and rsa.
static inline void make_each_kind(const struct folder *folder) {
    make_certificate(folder, "p256", "ec", "P-256");
    make_certificate(folder, "p384", "ec", "P-384");
    make_certificate(folder, "ed", "ed25519", NULL);
    make_certificate(folder, "rsa", "rsa:2048", NULL);
}

#endif
