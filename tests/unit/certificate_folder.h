// For the tests of certificates: a folder of keys and certificates that all tests of a program
// share, and what is in it as PEM or DER.
#ifndef RAVELIN_TESTS_CERTIFICATE_FOLDER_H
#define RAVELIN_TESTS_CERTIFICATE_FOLDER_H

#include "issue.h"

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

static struct folder folder;

// Set-up and tear-down of the group.
static inline int open_certificate_folder(void **state) {
    (void)state;
    assert_int_equal(wolfSSL_Init(), WOLFSSL_SUCCESS);
    folder_make(&folder);
    return 0;
}

static inline int close_certificate_folder(void **state) {
    (void)state;
    folder_free(&folder);
    wolfSSL_Cleanup();
    return 0;
}

// The text of a file, in the caller's buffer.
static inline struct slice load_text(const char *name, void *buffer, size_t capacity) {
    return (struct slice){buffer, read_file(&folder, name, buffer, capacity)};
}

// The DER of the first block of a file, in the caller's buffer.
static inline struct slice load_der(const char *name, uint8_t *buffer, size_t capacity) {
    char text[16384];
    size_t size = first_der(load_text(name, text, sizeof(text)), buffer, capacity);
    return (struct slice){(const char *)buffer, size};
}

#endif
