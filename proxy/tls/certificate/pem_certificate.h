// The certificates of a PEM file, under each of their labels: CERTIFICATE, X509 CERTIFICATE and
// TRUSTED CERTIFICATE, which is a certificate with settings of OpenSSL behind it. Any other block
// is an error, except parameters (pem.h).
#ifndef RAVELIN_TLS_CERTIFICATE_PEM_CERTIFICATE_H
#define RAVELIN_TLS_CERTIFICATE_PEM_CERTIFICATE_H

#include "tls/certificate/pem.h"

enum pem_use {
    PEM_USE_CHAIN,  // the certificates are shown to others: settings of OpenSSL do not matter
    PEM_USE_ANCHOR, // the certificates are trusted: a setting that limits the trust is an error
};

// Decodes the next certificate. `block`, `output`, `capacity`, `why` and the results are those of
// pem_next(); block->der is the certificate alone.
enum result pem_next_certificate(struct pem *pem, enum pem_use use, struct pem_block *block,
                                 uint8_t *output, size_t capacity,
                                 char why[PEM_WHY_SIZE]) MUST_CHECK;

#endif
