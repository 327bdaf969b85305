// PEM (RFC 7468): base64 between "-----BEGIN label-----" and "-----END label-----". Whatever stands
// outside of such blocks is a comment, and blocks with another label are passed over. No
// allocation.
#ifndef RAVELIN_TLS_PEM_H
#define RAVELIN_TLS_PEM_H

#include "base/result.h"
#include "base/slice.h"

// Decodes the next block with this label in *text to `output`, and moves *text past it. *size: in,
// how much fits; out, the size of the DER. Three quarters of the text's size always suffice.
// RESULT_EOF: there is none. RESULT_ERROR: it is damaged.
enum result pem_next(struct slice *text, const char *label, uint8_t *output,
                     size_t *size) MUST_CHECK;

#endif
