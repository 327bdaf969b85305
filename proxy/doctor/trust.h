// The trusted CAs: names and keys, read from a PEM file.
//
// The signatures of the certificates in the file are not checked, because a root is trusted by
// being in the file.
#ifndef RAVELIN_DOCTOR_TRUST_H
#define RAVELIN_DOCTOR_TRUST_H

#include "base/result.h"
#include "tls/certificate/x509.h"

#define TRUST_FILE_MAX ((size_t)16 * 1024 * 1024)

struct trust {
    struct x509 *anchors;
    size_t count;
    uint8_t *der; // DER of the anchors
};

// Reads the file. `path` NULL: the system's file, at the place where distributions store it.
// RESULT_EOF: the system has none. RESULT_ERROR: `error` has the problem.
#define TRUST_ERROR_SIZE 512
enum result trust_load(const char *path, struct trust *trust,
                       char error[TRUST_ERROR_SIZE]) MUST_CHECK;
void trust_free(struct trust *trust);

#endif
