// For tests that are to run with each library for AES-GCM that this build and this machine have.
#ifndef RAVELIN_TESTS_AEAD_LIBRARIES_H
#define RAVELIN_TESTS_AEAD_LIBRARIES_H

#include "tls/record/aead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

// The one to be asked of aead_engine_new(); NULL is wolfCrypt.
static const struct aead_gcm *library_under_test;
static const char *library_name; // NULL before the first

static inline bool has_ipsec_mb(void) {
    struct record_engine *engine = aead_engine_new(&aead_ipsec_mb);
    bool has = engine != NULL && strcmp(record_engine_name(engine), aead_ipsec_mb.name) == 0;
    record_engine_free(engine);
    return has;
}

// Turns to the next library, first to wolfCrypt. False after the last.
static inline bool next_library(void) {
    if (library_name == NULL) {
        library_name = "wolfCrypt";
        return true;
    }
    if (library_under_test == NULL && has_ipsec_mb()) {
        library_under_test = &aead_ipsec_mb;
        library_name = aead_ipsec_mb.name;
        return true;
    }
    return false;
}

#endif
