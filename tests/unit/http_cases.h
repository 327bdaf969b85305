// What the tests of http/ share: heads as literals (with any byte in them), parsed from a block of
// exactly their size, so that a sanitizer sees every look beyond them.
#ifndef RAVELIN_TESTS_HTTP_CASES_H
#define RAVELIN_TESTS_HTTP_CASES_H

#include "http/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka.h wants the three above first.
#include <cmocka.h>

#define FIELDS_MAX 100

// A copy of the text in a block of its own; free(copy.data) it.
static inline struct slice copy_of(struct slice text) {
    char *bytes = malloc(text.size == 0 ? 1 : text.size);
    assert_non_null(bytes);
    memcpy(bytes, text.data, text.size);
    return (struct slice){bytes, text.size};
}

// Writes the text at `at`; returns where the next would go.
static inline char *put(char *at, struct slice text) {
    for (size_t i = 0; i < text.size; i++) {
        at[i] = text.data[i];
    }
    return at + text.size;
}

#define assert_slice(actual, wanted) check_slice((actual), (wanted), __FILE__, __LINE__)

static inline void check_slice(struct slice actual, const char *wanted, const char *file,
                               int line) {
    if (!slice_equal(actual, slice_from(wanted))) {
        print_error("got \"%.*s\", want \"%s\"\n", (int)actual.size, actual.data, wanted);
        _fail(file, line);
    }
}

#endif
