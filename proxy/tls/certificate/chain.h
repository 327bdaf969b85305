// The certificate chain of a PEM file: read in any order, put in order, judged.
//
// In order means: the leaf first, then its issuer, and so on. The leaf is the certificate that
// issued no other of the file. Every certificate must have its place; a root at the end is kept and
// sent, as some clients pin it. What does not fit is an error that names the certificate by its
// number in the file and its subject: one that is there twice, one that belongs to no chain or
// comes after a gap, more than CHAIN_MAX.
//
// Owner: the caller; chain_free() releases the DER that the certificates point into.
#ifndef RAVELIN_TLS_CERTIFICATE_CHAIN_H
#define RAVELIN_TLS_CERTIFICATE_CHAIN_H

#include "tls/certificate/certificate.h"
#include "tls/certificate/name.h"

#define CHAIN_MAX 8 // certificates; the library sends at most 9
#define CHAIN_ERROR_SIZE (2 * NAME_TEXT_SIZE + 256)

struct chain {
    struct certificate certificates[CHAIN_MAX]; // leaf first
    uint8_t numbers[CHAIN_MAX];                 // where each was in the file, from 1
    size_t count;
    uint8_t *der; // all of them, in the order of the file
};

// Reads and puts in order. On failure nothing is left to free, and `why` says what is wrong.
enum result chain_read(struct slice pem, struct chain *chain,
                       char why[CHAIN_ERROR_SIZE]) MUST_CHECK;
// Whether every key and every signature in it is good enough (see certificate.h), but for the
// signature of a root.
enum result chain_judge(const struct chain *chain, char why[CHAIN_ERROR_SIZE]) MUST_CHECK;
void chain_free(struct chain *chain);

#endif
