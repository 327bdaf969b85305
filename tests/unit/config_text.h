// The smallest right configuration in pieces, one line each, and what tests of the configuration do
// with texts.
#ifndef RAVELIN_TESTS_CONFIG_TEXT_H
#define RAVELIN_TESTS_CONFIG_TEXT_H

#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LISTEN "listen 127.0.0.1:8443 {}\n"
#define SITE "site a.test { certificate a.pem { key = a.key } route / { backend = b } }\n"
#define BACKEND "backend b { server 127.0.0.1:9000 {} }\n"
#define REST LISTEN SITE BACKEND

// Loads a text that must be right.
static inline struct config *load_bytes(const char *text, size_t size) {
    char error[CONFIG_ERROR_SIZE];
    struct config *config = config_load("/etc/t.conf", text, size, error);
    if (config == NULL) {
        fail_msg("%s", error);
    }
    assert_string_equal(error, "");
    return config;
}

static inline struct config *load(const char *text) {
    return load_bytes(text, strlen(text));
}

static inline void assert_accepted(const char *text) {
    config_free(load(text));
}

// All the lines of the error.
static inline void assert_refused_bytes(const char *text, size_t size, const char *expected) {
    char error[CONFIG_ERROR_SIZE];
    struct config *config = config_load("t.conf", text, size, error);
    if (config != NULL) {
        config_free(config);
        fail_msg("accepted, instead of: %s", expected);
    }
    assert_string_equal(error, expected);
}

static inline void assert_refused(const char *text, const char *expected) {
    assert_refused_bytes(text, strlen(text), expected);
}

// A file of the checkout; tests run in its top folder. The caller frees it.
static inline char *read_text(const char *path) {
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fail_msg("cannot open %s", path);
    }
    char *text = calloc(1, 1 << 17);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 17) - 1, file) < (1 << 17) - 1);
    (void)fclose(file);
    return text;
}

#endif
