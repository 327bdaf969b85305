#include "tls/certificate/ocsp.h"

#include "tls/certificate/der.h"
#include "tls/certificate/ocsp_signature.h"

#include <stdio.h>
#include <stdlib.h>

// RFC 6960 4.2.1.
static const char *const failures[] = {
    [1] = "it says malformedRequest, not successful", [2] = "it says internalError, not successful",
    [3] = "it says tryLater, not successful",         [5] = "it says sigRequired, not successful",
    [6] = "it says unauthorized, not successful",
};

static const char no_response[] = "no OCSP response in it, neither DER nor PEM";

// Reads a SingleResponse. False: it is about another certificate.
static bool read_answer(struct der answer, const struct certificate *certificate, struct ocsp *ocsp,
                        bool *bad) {
    struct der id = der_enter(&answer, DER_SEQUENCE);
    (void)der_take(&id, DER_SEQUENCE);     // the hash
    (void)der_take(&id, DER_OCTET_STRING); // of the issuer's name
    (void)der_take(&id, DER_OCTET_STRING); // of its key
    struct slice serial = der_take(&id, DER_INTEGER);
    uint8_t status = der_peek(&answer);
    (void)der_take_any(&answer, NULL);
    ocsp->status = status == DER_CONTEXT + 0               ? OCSP_GOOD
                   : status == DER_CONTEXT_CONSTRUCTED + 1 ? OCSP_REVOKED
                                                           : OCSP_UNKNOWN;
    ocsp->from = der_take_time(&answer);
    ocsp->until = INT64_MAX;
    if (der_peek(&answer) == DER_CONTEXT_CONSTRUCTED + 0) {
        struct der next = der_enter(&answer, DER_CONTEXT_CONSTRUCTED + 0);
        ocsp->until = der_take_time(&next);
        answer.bad = answer.bad || next.bad;
    }
    *bad = id.bad || answer.bad;
    return !*bad && slice_equal(serial, certificate->serial);
}

// Reads a BasicOCSPResponse. NULL, or the problem.
static const char *read_basic(struct der basic, const struct certificate *certificate,
                              struct ocsp *ocsp) {
    struct der body = der_enter(&basic, DER_SEQUENCE);
    der_skip(&body, DER_CONTEXT_CONSTRUCTED + 0); // version
    (void)der_take_any(&body, NULL);              // responderID
    (void)der_take_time(&body);                   // producedAt
    struct der answers = der_enter(&body, DER_SEQUENCE);
    while (!answers.bad && answers.rest.size > 0) {
        bool bad = false;
        struct der answer = der_enter(&answers, DER_SEQUENCE);
        if (read_answer(answer, certificate, ocsp, &bad)) {
            return NULL;
        }
        answers.bad = answers.bad || bad;
    }
    return answers.bad ? "an answer in the response is damaged, or a date in it is not valid"
                       : "it is about another certificate";
}

// Finds the content of the BasicOCSPResponse in an OCSPResponse. NULL, or the problem.
static const char *open_response(const struct ocsp *ocsp, struct der *basic) {
    struct der outer = der_begin((struct slice){(const char *)ocsp->der, ocsp->size});
    struct der response = der_enter(&outer, DER_SEQUENCE);
    struct slice status = der_take(&response, DER_ENUMERATED);
    if (outer.bad) {
        return "the OCSP response is cut short, or its DER is damaged";
    }
    if (status.size != 1) {
        return no_response;
    }
    if (outer.rest.size > 0) {
        return "bytes follow the OCSP response";
    }
    size_t code = (uint8_t)status.data[0];
    if (code != 0) {
        const char *failure = code < sizeof(failures) / sizeof(failures[0]) ? failures[code] : NULL;
        return failure == NULL ? "it has a status that RFC 6960 does not define" : failure;
    }
    struct der bytes = der_enter(&response, DER_CONTEXT_CONSTRUCTED + 0);
    struct der typed = der_enter(&bytes, DER_SEQUENCE);
    bool is_basic =
        slice_equal(der_take(&typed, DER_OID), SLICE("\x2b\x06\x01\x05\x05\x07\x30\x01\x01"));
    struct der content = der_begin(der_take(&typed, DER_OCTET_STRING));
    *basic = der_enter(&content, DER_SEQUENCE);
    return is_basic ? NULL : no_response;
}

// Reads the status and its validity. NULL, or the problem.
static const char *read_response(const struct certificate *certificate, struct ocsp *ocsp) {
    struct der basic;
    struct ocsp_signature signature;
    int64_t terms[2];
    const char *why = open_response(ocsp, &basic);
    if (why == NULL) {
        why = read_basic(basic, certificate, ocsp);
    }
    if (why == NULL && ocsp_signature_read(basic, &signature) != RESULT_OK) {
        why = "its signature, or a list of certificates behind it, is damaged";
    }
    if (why == NULL) {
        ocsp_signature_terms(&signature, terms);
        ocsp->from = terms[0] > ocsp->from ? terms[0] : ocsp->from;
        ocsp->until = terms[1] < ocsp->until ? terms[1] : ocsp->until;
    }
    return why;
}

// The one block of a PEM file.
static enum result take_pem(struct slice file, struct ocsp *ocsp, char why[PEM_WHY_SIZE]) {
    struct pem pem = pem_begin(file);
    struct pem_block block;
    uint8_t ignored[16];
    enum result result = pem_next(&pem, &block, ocsp->der, file.size, why);
    if (result == RESULT_EOF) {
        (void)snprintf(why, PEM_WHY_SIZE, "%s", no_response);
        return RESULT_ERROR;
    }
    if (result == RESULT_OK && !pem_is(&block, "OCSP RESPONSE")) {
        pem_refuse_label(&block, "an OCSP RESPONSE", why);
        return RESULT_ERROR;
    }
    if (result != RESULT_OK) {
        return RESULT_ERROR;
    }
    ocsp->size = block.der.size;
    unsigned line = block.line;
    if (pem_next(&pem, &block, ignored, sizeof(ignored), why) != RESULT_EOF) {
        (void)snprintf(why, PEM_WHY_SIZE, "something follows the OCSP RESPONSE of line %u", line);
        return RESULT_ERROR;
    }
    return RESULT_OK;
}

static enum result take_file(struct slice file, struct ocsp *ocsp, char why[PEM_WHY_SIZE]) {
    if (pem_is_der(file)) {
        ocsp->size = file.size;
        memcpy(ocsp->der, file.data, file.size);
        return RESULT_OK;
    }
    return take_pem(file, ocsp, why);
}

enum result ocsp_read(struct slice file, const struct certificate *certificate, struct ocsp *ocsp,
                      char why[PEM_WHY_SIZE]) {
    *ocsp = (struct ocsp){.der = malloc(file.size + 1)};
    (void)snprintf(why, PEM_WHY_SIZE, "out of memory");
    enum result result = ocsp->der == NULL ? RESULT_ERROR : take_file(file, ocsp, why);
    if (result == RESULT_OK) {
        const char *reason =
            ocsp->size > OCSP_SIZE_MAX ? "larger than 16 KiB" : read_response(certificate, ocsp);
        if (reason != NULL) {
            (void)snprintf(why, PEM_WHY_SIZE, "%s", reason);
            result = RESULT_ERROR;
        }
    }
    if (result != RESULT_OK) {
        ocsp_free(ocsp);
    }
    return result;
}

enum result ocsp_verify(const struct ocsp *ocsp, const struct certificate *issuer,
                        char why[PEM_WHY_SIZE]) {
    struct der basic;
    struct ocsp_signature signature;
    struct x509 authority;
    if (open_response(ocsp, &basic) != NULL ||
        ocsp_signature_read(basic, &signature) != RESULT_OK ||
        x509_parse(issuer->der, &authority) != RESULT_OK) {
        (void)snprintf(why, PEM_WHY_SIZE, "its signature cannot be read");
        return RESULT_ERROR;
    }
    return ocsp_signature_verify(&signature, &authority, why) == VERDICT_GOOD ? RESULT_OK
                                                                              : RESULT_ERROR;
}

void ocsp_free(struct ocsp *ocsp) {
    free(ocsp->der);
    *ocsp = (struct ocsp){.der = NULL};
}
