#include "tls/certificate/pem_certificate.h"

#include "tls/certificate/der.h"

#include <stdio.h>

static enum result refuse_settings(const struct pem_block *block, char why[PEM_WHY_SIZE]) {
    (void)snprintf(why, PEM_WHY_SIZE,
                   "line %u: a TRUSTED CERTIFICATE with purposes that Ravelin does not apply; "
                   "convert it with 'openssl x509 -in FILE -out NEW'",
                   block->line);
    return RESULT_ERROR;
}

// Removes CertAux, which OpenSSL appends to the certificate of a TRUSTED CERTIFICATE: trusted
// purposes, rejected purposes, an alias, an identifier of the key.
static enum result cut_settings(struct pem_block *block, enum pem_use use, char why[PEM_WHY_SIZE]) {
    struct der all = der_begin(block->der);
    struct slice certificate;
    (void)der_take_any(&all, &certificate);
    if (all.bad) {
        return RESULT_OK; // the code that parses the certificate reports the fault
    }
    if (all.rest.size > 0) {
        struct der settings = der_enter(&all, DER_SEQUENCE);
        uint8_t first = der_peek(&settings);
        if (all.bad || all.rest.size > 0) {
            (void)snprintf(why, PEM_WHY_SIZE, "line %u: bytes follow the TRUSTED CERTIFICATE",
                           block->line);
            return RESULT_ERROR;
        }
        if (use == PEM_USE_ANCHOR &&
            (first == DER_SEQUENCE || first == DER_CONTEXT_CONSTRUCTED + 0)) {
            return refuse_settings(block, why);
        }
    }
    block->der = certificate;
    return RESULT_OK;
}

enum result pem_next_certificate(struct pem *pem, enum pem_use use, struct pem_block *block,
                                 uint8_t *output, size_t capacity, char why[PEM_WHY_SIZE]) {
    enum result result;
    do {
        result = pem_next(pem, block, output, capacity, why);
    } while (result == RESULT_OK && pem_is_parameters(block));
    if (result != RESULT_OK || pem_is(block, "CERTIFICATE") || pem_is(block, "X509 CERTIFICATE")) {
        return result;
    }
    if (pem_is(block, "TRUSTED CERTIFICATE")) {
        return cut_settings(block, use, why);
    }
    if (pem_is(block, "PKCS7") || pem_is(block, "CMS")) {
        (void)snprintf(why, PEM_WHY_SIZE,
                       "line %u: '%s' is not a certificate; convert it with 'openssl pkcs7 "
                       "-print_certs'",
                       block->line, block->label);
    } else {
        pem_refuse_label(block, "a certificate", why);
    }
    return RESULT_ERROR;
}
