// PEM (RFC 7468): base64 between "-----BEGIN label-----" and "-----END label-----". No allocation.
//
// No part of a block is ignored. Errors, with their line: a boundary line with a mistake, a block
// without its end, base64 outside of a block, and bytes that are not text. Other lines outside of
// blocks are comments, such as those of `openssl x509 -text`. Every line that begins with '#' is a
// comment.
//
// Accepted, because only one reading exists: a byte order mark at the beginning of a line, blanks
// around a line, line ends LF, CR LF and CR, header lines of RFC 1421.
#ifndef RAVELIN_TLS_CERTIFICATE_PEM_H
#define RAVELIN_TLS_CERTIFICATE_PEM_H

#include "base/result.h"
#include "base/slice.h"

#define PEM_WHY_SIZE 192
#define PEM_LABEL_MAX 40

// A cursor over a text.
struct pem {
    struct slice rest;
    unsigned line; // of the line before `rest`, from 1
};

struct pem_block {
    char label[PEM_LABEL_MAX + 1]; // "CERTIFICATE"
    unsigned line;                 // of the BEGIN line
    bool is_encrypted;             // by its header; `der` is then not DER
    struct slice der;              // points into `output`
};

static inline struct pem pem_begin(struct slice text) {
    return (struct pem){text, 0};
}

// True if a file contains DER (a SEQUENCE) and not text. A text may begin with '0', too, so the
// second byte must not be a character, or must be the size of the rest of the file.
static inline bool pem_is_der(struct slice file) {
    uint8_t size = file.size > 1 ? (uint8_t)file.data[1] : 0;
    return file.size > 1 && file.data[0] == 0x30 &&
           (size >= 0x80 || size < '\t' || file.size == 2 + (size_t)size);
}

// Decodes the next block, of any label.
//   output  [capacity]; three quarters of the text's size always suffice
//   why     out, with ERROR: "line 12: problem"
//   EOF     no more blocks
//   ERROR   a line is wrong; *pem is behind this line, so that the caller can continue
enum result pem_next(struct pem *pem, struct pem_block *block, uint8_t *output, size_t capacity,
                     char why[PEM_WHY_SIZE]) MUST_CHECK;

static inline bool pem_is(const struct pem_block *block, const char *label) {
    return strcmp(block->label, label) == 0;
}
// True for blocks that may be in files of certificates and keys but have no use in TLS 1.3: EC
// PARAMETERS, DH PARAMETERS.
bool pem_is_parameters(const struct pem_block *block);
// Writes into `why` that this block is not expected here, and what to do.
void pem_refuse_label(const struct pem_block *block, const char *expected, char why[PEM_WHY_SIZE]);

#endif
