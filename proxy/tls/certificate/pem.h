// PEM (RFC 7468): base64 between "-----BEGIN label-----" and "-----END label-----". No allocation.
//
// Nothing that looks like part of a block is passed over in silence: a boundary line with a mistake
// in it, a block without its end, base64 outside of a block and bytes that are no text are errors
// with their line. Other lines outside of blocks are comments, as `openssl x509 -text` writes them.
// Lines that begin with '#' are comments whatever follows.
//
// Accepted, because only one reading exists: a byte order mark at the beginning of a line, blanks
// around a line, line ends LF, CR LF and CR, header lines of RFC 1421.
#ifndef RAVELIN_TLS_CERTIFICATE_PEM_H
#define RAVELIN_TLS_CERTIFICATE_PEM_H

#include "base/result.h"
#include "base/slice.h"

#define PEM_WHY_SIZE 192
#define PEM_LABEL_MAX 40

// A text that is being read.
struct pem {
    struct slice rest;
    unsigned line; // of the line before `rest`, from 1
};

struct pem_block {
    char label[PEM_LABEL_MAX + 1]; // "CERTIFICATE"
    unsigned line;                 // of its BEGIN
    bool is_encrypted;             // a header says so: the bytes mean nothing
    struct slice der;              // in `output`
};

static inline struct pem pem_begin(struct slice text) {
    return (struct pem){text, 0};
}

// Whether a file holds DER (a SEQUENCE) and not text, which may begin with '0' too: the size of the
// SEQUENCE is no character, or it is that of the file.
static inline bool pem_is_der(struct slice file) {
    uint8_t size = file.size > 1 ? (uint8_t)file.data[1] : 0;
    return file.size > 1 && file.data[0] == 0x30 &&
           (size >= 0x80 || size < '\t' || file.size == 2 + (size_t)size);
}

// Decodes the next block, whatever its label.
//   output  [capacity]; three quarters of the text's size always suffice
//   why     out, with RESULT_ERROR: "line 12: what is wrong"
// RESULT_EOF: there is no further block. RESULT_ERROR: a line is not understood; *pem is behind it,
// so that the caller may read on.
enum result pem_next(struct pem *pem, struct pem_block *block, uint8_t *output, size_t capacity,
                     char why[PEM_WHY_SIZE]) MUST_CHECK;

static inline bool pem_is(const struct pem_block *block, const char *label) {
    return strcmp(block->label, label) == 0;
}
// Whether this is a block that stands beside certificates and keys and that TLS 1.3 has no use for:
// EC PARAMETERS, DH PARAMETERS.
bool pem_is_parameters(const struct pem_block *block);
// Writes that a block with this label is not expected here, and what to do.
void pem_refuse_label(const struct pem_block *block, const char *expected, char why[PEM_WHY_SIZE]);

#endif
