// The certificate chain of a PEM file: reads it, sorts it and checks its strength.
//
// Order: the leaf first, then its issuer, and so on. The leaf is the certificate that issued no
// other certificate of the file. A root at the end is kept and sent, because some clients pin it.
// Errors: a certificate that is in the file twice, that is not part of the chain, or that follows a
// gap; more than CHAIN_MAX certificates. A message names a certificate by its number in the file
// and its subject.
//
// Owner: the caller. chain_free() releases the DER to which the certificates point.
#ifndef RAVELIN_TLS_CERTIFICATE_CHAIN_H
#define RAVELIN_TLS_CERTIFICATE_CHAIN_H

#include "tls/certificate/certificate.h"
#include "tls/certificate/name.h"

#define CHAIN_MAX 8 // certificates; wolfSSL sends at most 9
#define CHAIN_ERROR_SIZE (2 * NAME_TEXT_SIZE + 256)

struct chain {
    struct certificate certificates[CHAIN_MAX]; // leaf first
    uint8_t numbers[CHAIN_MAX];                 // position of each in the file, from 1
    size_t count;
    uint8_t *der; // of all certificates, in the order of the file
};

// Reads and sorts. RESULT_ERROR: nothing is left to free, and `why` has the problem.
enum result chain_read(struct slice pem, struct chain *chain,
                       char why[CHAIN_ERROR_SIZE]) MUST_CHECK;
// RESULT_OK: every key and every signature is accepted (certificate.h), except that the signature
// of a root is not checked. RESULT_ERROR: `why` has the problem.
enum result chain_judge(const struct chain *chain, char why[CHAIN_ERROR_SIZE]) MUST_CHECK;
void chain_free(struct chain *chain);

#endif
