#include "tls/certificate/ocsp_signature.h"

#include <stdio.h>

enum { SIGNERS_MAX = 4 }; // each may cost two verifications

static bool has_more(const struct der *der) {
    return !der->bad && der->rest.size > 0;
}

enum result ocsp_signature_read(struct der basic, struct ocsp_signature *signature) {
    *signature = (struct ocsp_signature){.certificates = {NULL, 0}};
    (void)der_take_any(&basic, &signature->signed_part);
    signature->method = x509_read_method(&basic);
    struct slice bits = der_take(&basic, DER_BIT_STRING);
    if (basic.bad || bits.size < 1 || bits.data[0] != 0) {
        return RESULT_ERROR;
    }
    signature->signature = (struct slice){bits.data + 1, bits.size - 1};
    if (has_more(&basic)) {
        struct der certificates = der_enter(&basic, DER_CONTEXT_CONSTRUCTED + 0);
        signature->certificates = der_take(&certificates, DER_SEQUENCE);
        basic.bad = basic.bad || certificates.bad;
    }
    return basic.bad ? RESULT_ERROR : RESULT_OK;
}

// The next certificate that can be read. False at the end.
static bool next_signer(struct der *list, unsigned *number, struct x509 *signer) {
    while (has_more(list) && *number < SIGNERS_MAX) {
        struct slice whole;
        (void)der_take_any(list, &whole);
        *number += 1;
        if (!list->bad && x509_parse(whole, signer) == RESULT_OK) {
            return true;
        }
    }
    return false;
}

void ocsp_signature_terms(const struct ocsp_signature *signature, int64_t terms[2]) {
    struct der list = der_begin(signature->certificates);
    struct x509 signer;
    unsigned number = 0;
    terms[0] = INT64_MIN;
    terms[1] = INT64_MAX;
    while (next_signer(&list, &number, &signer)) {
        if (signer.for_ocsp) {
            terms[0] = signer.not_before > terms[0] ? signer.not_before : terms[0];
            terms[1] = signer.not_after < terms[1] ? signer.not_after : terms[1];
        }
    }
}

// Checks a signer whose key verifies the response. NULL, or the reason why it may not sign.
static const char *judge_signer(const struct x509 *signer, const struct x509 *issuer) {
    if (!slice_equal(signer->issuer, issuer->subject) ||
        verify_signature(&issuer->key, signer->method, signer->signed_part, signer->signature) !=
            VERDICT_GOOD) {
        return "it is signed neither by the issuer of the certificate nor by one with a "
               "certificate of that issuer";
    }
    return signer->for_ocsp ? NULL
                            : "the certificate of its signer is not for signing OCSP responses "
                              "(id-kp-OCSPSigning)";
}

enum verdict ocsp_signature_verify(const struct ocsp_signature *signature,
                                   const struct x509 *issuer, char why[OCSP_SIGNATURE_WHY_SIZE]) {
    enum verdict verdict = verify_signature(&issuer->key, signature->method, signature->signed_part,
                                            signature->signature);
    const char *reason = "its signature is wrong, or not by the issuer of the certificate";
    struct der list = der_begin(signature->certificates);
    struct x509 signer;
    unsigned number = 0;
    while (verdict != VERDICT_GOOD && next_signer(&list, &number, &signer)) {
        verdict = verify_signature(&signer.key, signature->method, signature->signed_part,
                                   signature->signature);
        if (verdict == VERDICT_GOOD) {
            const char *fault = judge_signer(&signer, issuer);
            verdict = fault == NULL ? VERDICT_GOOD : VERDICT_BAD;
            reason = fault == NULL ? reason : fault;
        }
    }
    if (verdict == VERDICT_UNKNOWN) {
        (void)snprintf(why, OCSP_SIGNATURE_WHY_SIZE,
                       "its signature (%.64s) cannot be verified by this build",
                       signature->method.name);
    } else if (verdict == VERDICT_BAD) {
        (void)snprintf(why, OCSP_SIGNATURE_WHY_SIZE, "%s", reason);
    }
    return verdict;
}
