// The authorities somebody trusts: names and keys, read from a PEM file.
//
// That a file of certificates is signed by weak means does not matter here: a root is trusted
// because it is in the file.
#ifndef RAVELIN_DOCTOR_TRUST_H
#define RAVELIN_DOCTOR_TRUST_H

#include "base/result.h"
#include "tls/certificate/x509.h"

#define TRUST_FILE_MAX ((size_t)16 * 1024 * 1024)

struct trust {
    struct x509 *anchors;
    size_t count;
    uint8_t *der; // what the anchors point to
};

// `path` NULL: the system's own file, where distributions keep it. RESULT_EOF: the system has none.
// RESULT_ERROR: `error` says what is wrong with the file.
#define TRUST_ERROR_SIZE 512
enum result trust_load(const char *path, struct trust *trust,
                       char error[TRUST_ERROR_SIZE]) MUST_CHECK;
void trust_free(struct trust *trust);

#endif
