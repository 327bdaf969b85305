#include "doctor/staple.h"

#include "base/clock.h"

#include <stdio.h>

enum { RESPONSES_MAX = 64 };
// Allowed difference of clocks.
enum { TOLERANCE_S = 300 };

static bool has_more(const struct der *der) {
    return !der->bad && der->rest.size > 0;
}

enum result staple_parse(struct slice response, struct staple *staple) {
    static const struct slice basic = {"\x2b\x06\x01\x05\x05\x07\x30\x01\x01", 9};
    *staple = (struct staple){0};
    struct der outer = der_begin(response);
    struct der whole = der_enter(&outer, DER_SEQUENCE);
    struct slice status = der_take(&whole, DER_ENUMERATED);
    if (whole.bad || status.size != 1) {
        return RESULT_ERROR;
    }
    staple->response_status = (uint8_t)status.data[0];
    if (staple->response_status != 0) {
        return RESULT_OK;
    }
    struct der explicit_bytes = der_enter(&whole, DER_CONTEXT_CONSTRUCTED + 0);
    struct der bytes = der_enter(&explicit_bytes, DER_SEQUENCE);
    if (!slice_equal(der_take(&bytes, DER_OID), basic)) {
        return RESULT_ERROR;
    }
    struct der inner = der_begin(der_take(&bytes, DER_OCTET_STRING));
    struct der body = der_enter(&inner, DER_SEQUENCE);
    if (inner.bad || ocsp_signature_read(body, &staple->signature) != RESULT_OK) {
        return RESULT_ERROR;
    }
    struct der data = der_enter(&body, DER_SEQUENCE);
    der_skip(&data, DER_CONTEXT_CONSTRUCTED + 0); // version
    (void)der_take_any(&data, NULL);              // responder id: the signature shows the signer
    (void)der_take(&data, DER_GENERALIZED_TIME);  // producedAt
    staple->responses = der_take(&data, DER_SEQUENCE);
    return data.bad ? RESULT_ERROR : RESULT_OK;
}

static enum staple_status status_of(uint8_t tag) {
    switch (tag) {
    case DER_CONTEXT + 0:
        return STAPLE_GOOD;
    case DER_CONTEXT_CONSTRUCTED + 1:
        return STAPLE_REVOKED;
    default:
        return STAPLE_UNKNOWN;
    }
}

enum result staple_find(const struct staple *staple, struct slice serial,
                        struct staple_entry *entry) {
    struct der list = der_begin(staple->responses);
    for (unsigned i = 0; i < RESPONSES_MAX && has_more(&list); i++) {
        struct der single = der_enter(&list, DER_SEQUENCE);
        struct der id = der_enter(&single, DER_SEQUENCE);
        (void)der_take(&id, DER_SEQUENCE);     // the hash's algorithm
        (void)der_take(&id, DER_OCTET_STRING); // of the issuer's name, often with SHA-1: its
        (void)der_take(&id, DER_OCTET_STRING); // the signature shows more
        struct slice number = der_take(&id, DER_INTEGER);
        entry->status = status_of(der_peek(&single));
        (void)der_take_any(&single, NULL);
        entry->this_update = der_take_time(&single);
        entry->next_update = INT64_MAX;
        if (der_peek(&single) == DER_CONTEXT_CONSTRUCTED + 0) {
            struct der next = der_enter(&single, DER_CONTEXT_CONSTRUCTED + 0);
            entry->next_update = der_take_time(&next);
            single.bad |= next.bad;
        }
        if (single.bad || id.bad) {
            return RESULT_ERROR;
        }
        if (slice_equal(number, serial)) {
            return RESULT_OK;
        }
    }
    return list.bad ? RESULT_ERROR : RESULT_EOF;
}

static const char *say(char text[STAPLE_TEXT_SIZE], const char *what) {
    (void)snprintf(text, STAPLE_TEXT_SIZE, "%s", what);
    return text;
}

static const char *judge_entry(const struct staple_entry *entry, int64_t now,
                               char text[STAPLE_TEXT_SIZE]) {
    char date[CLOCK_ISO_SIZE];
    if (entry->status != STAPLE_GOOD) {
        return say(text, entry->status == STAPLE_REVOKED
                             ? "it says that the certificate is revoked"
                             : "it says that the certificate is not known");
    }
    if (entry->this_update > now + TOLERANCE_S) {
        return say(text, "it is from the future");
    }
    if (entry->next_update < now - TOLERANCE_S) {
        clock_format_iso(entry->next_update * 1000000, date);
        (void)snprintf(text, STAPLE_TEXT_SIZE, "it was good until %s", date);
        return text;
    }
    return NULL;
}

const char *staple_judge(struct slice response, const struct x509 *leaf, const struct x509 *issuer,
                         int64_t now, char text[STAPLE_TEXT_SIZE]) {
    struct staple staple;
    struct staple_entry entry;
    int64_t signer_terms[2];
    if (staple_parse(response, &staple) != RESULT_OK) {
        return say(text, "it is malformed");
    }
    if (staple.response_status != 0) {
        (void)snprintf(text, STAPLE_TEXT_SIZE, "it is no answer but an error (%u)",
                       staple.response_status);
        return text;
    }
    enum result found = staple_find(&staple, leaf->serial, &entry);
    if (found != RESULT_OK) {
        return say(text,
                   found == RESULT_EOF ? "it is about another certificate" : "it is malformed");
    }
    if (ocsp_signature_verify(&staple.signature, issuer, text) != VERDICT_GOOD) {
        return text;
    }
    ocsp_signature_terms(&staple.signature, signer_terms);
    return now < signer_terms[0] || now > signer_terms[1]
               ? say(text, "the certificate of its signer is not valid now")
               : judge_entry(&entry, now, text);
}
