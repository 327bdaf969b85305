#include "tls/certificate/crl.h"

#include "tls/certificate/der.h"
#include "tls/certificate/pem.h"
#include "tls/certificate/verify.h"
#include "tls/certificate/x509.h"

#include <stdio.h>
#include <stdlib.h>

struct crl {
    struct slice issuer;      // the content of the Name
    struct slice signed_part; // tbsCertList
    struct signature_method method;
    struct slice signature;
    int64_t from;
    int64_t until;
    struct slice *serials; // sorted
    size_t count;
};

struct crls {
    struct crl *lists;
    size_t count;
    uint8_t *der; // memory of the slices
};

// --- Reading ---

static int compare_serials(const void *left, const void *right) {
    const struct slice *a = left;
    const struct slice *b = right;
    if (a->size != b->size) {
        return a->size < b->size ? -1 : 1;
    }
    return a->size == 0 ? 0 : memcmp(a->data, b->data, a->size);
}

// Whether the extension limits the list to some certificates, or to changes. RFC 5280 5.2 requires
// it to be critical; its meaning is the same if it is not.
static bool makes_partial(struct slice oid) {
    static const struct slice partial[] = {SLICE("\x55\x1d\x1b"),  // deltaCRLIndicator
                                           SLICE("\x55\x1d\x1c")}; // issuingDistributionPoint
    return slice_equal(oid, partial[0]) || slice_equal(oid, partial[1]);
}

enum extensions { EXTENSIONS_PLAIN, EXTENSIONS_PARTIAL, EXTENSIONS_CRITICAL };

// The extensions of a list, or of its entries (RFC 5280 5.2, 5.3). Damaged ones count as critical.
static enum extensions judge_extensions(struct der outer) {
    struct der list = der_enter(&outer, DER_SEQUENCE);
    enum extensions answer = EXTENSIONS_PLAIN;
    while (!list.bad && list.rest.size > 0) {
        struct der extension = der_enter(&list, DER_SEQUENCE);
        if (makes_partial(der_take(&extension, DER_OID)) && answer == EXTENSIONS_PLAIN) {
            answer = EXTENSIONS_PARTIAL;
        }
        if (der_peek(&extension) == DER_BOOLEAN) {
            struct slice value = der_take(&extension, DER_BOOLEAN);
            answer = value.size == 1 && value.data[0] != 0 ? EXTENSIONS_CRITICAL : answer;
        }
        list.bad = list.bad || extension.bad;
    }
    return list.bad || outer.bad ? EXTENSIONS_CRITICAL : answer;
}

static size_t count_entries(struct slice revoked) {
    struct der entries = der_begin(revoked);
    size_t count = 0;
    while (!entries.bad && entries.rest.size > 0) {
        (void)der_take(&entries, DER_SEQUENCE);
        count++;
    }
    return entries.bad ? SIZE_MAX : count;
}

// Reads a revoked certificate. NULL, or the problem.
static const char *read_entry(struct der entry, struct slice *serial) {
    *serial = der_take(&entry, DER_INTEGER);
    if (entry.bad) {
        return "its revoked certificates cannot be read";
    }
    (void)der_take_any(&entry, NULL); // when
    return entry.rest.size > 0 && judge_extensions(entry) != EXTENSIONS_PLAIN
               ? "an entry has a critical extension, and only plain entries are taken"
               : NULL;
}

// Reads the revoked certificates. NULL, or the problem.
static const char *read_entries(struct crl *crl, struct slice revoked) {
    size_t count = count_entries(revoked);
    if (count == SIZE_MAX) {
        return "its revoked certificates cannot be read";
    }
    crl->serials = calloc(count + 1, sizeof(*crl->serials));
    if (crl->serials == NULL) {
        return "out of memory";
    }
    struct der entries = der_begin(revoked);
    while (crl->count < count) {
        const char *why =
            read_entry(der_enter(&entries, DER_SEQUENCE), &crl->serials[crl->count++]);
        if (why != NULL) {
            return why;
        }
    }
    qsort(crl->serials, crl->count, sizeof(*crl->serials), compare_serials);
    return NULL;
}

// Finds the parts around tbsCertList (5.1). NULL, or the problem. *algorithm: content of the
// AlgorithmIdentifier.
static const char *read_frame(struct crl *crl, struct slice der, struct slice *algorithm) {
    struct der outer = der_begin(der);
    struct der whole = der_enter(&outer, DER_SEQUENCE);
    bool is_sequence = der_peek(&whole) == DER_SEQUENCE;
    (void)der_take_any(&whole, &crl->signed_part);
    *algorithm = der_take(&whole, DER_SEQUENCE);
    crl->method = x509_method(*algorithm);
    struct slice bits = der_take(&whole, DER_BIT_STRING);
    if (outer.bad) {
        return "it is cut short, or its DER is damaged";
    }
    if (outer.rest.size > 0) {
        return "bytes follow the list; a file holds one list in DER, or several in PEM";
    }
    if (!is_sequence || whole.bad || whole.rest.size > 0 || bits.size < 2 || bits.data[0] != 0) {
        return "it is not a revocation list: its parts are not those of RFC 5280";
    }
    crl->signature = (struct slice){bits.data + 1, bits.size - 1};
    return NULL;
}

// Reads the dates of a list. NULL, or the problem.
static const char *read_dates(struct crl *crl, struct der *body) {
    crl->from = der_take_time(body);
    if (body->bad) {
        return "its thisUpdate is not a valid date";
    }
    if (der_peek(body) != DER_UTC_TIME && der_peek(body) != DER_GENERALIZED_TIME) {
        return "it has no nextUpdate";
    }
    crl->until = der_take_time(body);
    return body->bad ? "its nextUpdate is not a valid date" : NULL;
}

// Finds the parts of tbsCertList. NULL, or the problem.
static const char *read_body(struct crl *crl, struct slice algorithm) {
    struct der whole = der_begin(crl->signed_part);
    struct der body = der_enter(&whole, DER_SEQUENCE);
    der_skip(&body, DER_INTEGER); // version
    bool is_same = slice_equal(der_take(&body, DER_SEQUENCE), algorithm);
    crl->issuer = der_take(&body, DER_SEQUENCE);
    if (body.bad || !is_same) {
        return body.bad ? "its fields are damaged" : "its two signature algorithms differ";
    }
    const char *why = read_dates(crl, &body);
    if (why != NULL) {
        return why;
    }
    struct slice revoked = {NULL, 0};
    if (der_peek(&body) == DER_SEQUENCE) {
        revoked = der_take(&body, DER_SEQUENCE);
    }
    bool has_extensions = der_peek(&body) == DER_CONTEXT_CONSTRUCTED + 0;
    struct der extensions = has_extensions ? der_enter(&body, DER_CONTEXT_CONSTRUCTED + 0) : body;
    if (body.bad || body.rest.size > 0) {
        return "its fields are damaged";
    }
    enum extensions kind = has_extensions ? judge_extensions(extensions) : EXTENSIONS_PLAIN;
    if (kind != EXTENSIONS_PLAIN) {
        return kind == EXTENSIONS_CRITICAL
                   ? "it has a critical extension, and only plain, complete lists are taken"
                   : "it is about a part of the certificates, and only plain, complete lists are "
                     "taken";
    }
    return read_entries(crl, revoked);
}

static const char *read_list(struct crl *crl, struct slice der, char text[CRL_ERROR_SIZE]) {
    struct slice algorithm;
    const char *shown;
    const char *why = read_frame(crl, der, &algorithm);
    if (why == NULL) {
        why = read_body(crl, algorithm);
    }
    if (why == NULL && certificate_signature_hash(algorithm, &shown) == NULL) {
        (void)snprintf(text, CRL_ERROR_SIZE, "it is signed with %s", shown);
        return text;
    }
    return why;
}

static enum result add_list(struct crls *crls, struct slice der, char why[CRL_ERROR_SIZE]) {
    char text[CRL_ERROR_SIZE];
    char name[NAME_TEXT_SIZE];
    if (crls->count == CRLS_MAX) {
        (void)snprintf(why, CRL_ERROR_SIZE, "more than %d revocation lists in it", CRLS_MAX);
        return RESULT_ERROR;
    }
    struct crl *crl = &crls->lists[crls->count++];
    const char *reason = read_list(crl, der, text);
    if (reason == NULL) {
        return RESULT_OK;
    }
    (void)snprintf(why, CRL_ERROR_SIZE, "revocation list %zu (of %s): %.100s", crls->count,
                   name_for_message(crl->issuer, name), reason);
    return RESULT_ERROR;
}

static enum result read_pem(struct crls *crls, struct slice text, char why[CRL_ERROR_SIZE]) {
    size_t used = 0;
    struct pem pem = pem_begin(text);
    for (;;) {
        struct pem_block block;
        enum result result = pem_next(&pem, &block, crls->der + used, text.size - used, why);
        if (result == RESULT_EOF) {
            (void)snprintf(why, CRL_ERROR_SIZE, "no revocation list in it, neither DER nor PEM");
            return crls->count > 0 ? RESULT_OK : RESULT_ERROR;
        }
        if (result == RESULT_OK && !pem_is(&block, "X509 CRL")) {
            pem_refuse_label(&block, "a revocation list (X509 CRL)", why);
            return RESULT_ERROR;
        }
        if (result != RESULT_OK || add_list(crls, block.der, why) != RESULT_OK) {
            return RESULT_ERROR;
        }
        used += block.der.size;
    }
}

static enum result read_all(struct crls *crls, struct slice file, char why[CRL_ERROR_SIZE]) {
    if (pem_is_der(file)) {
        memcpy(crls->der, file.data, file.size);
        return add_list(crls, (struct slice){(const char *)crls->der, file.size}, why);
    }
    return read_pem(crls, file, why);
}

struct crls *crls_new(struct slice file, char why[CRL_ERROR_SIZE]) {
    struct crls *crls = calloc(1, sizeof(*crls));
    (void)snprintf(why, CRL_ERROR_SIZE, "out of memory");
    if (crls == NULL) {
        return NULL;
    }
    crls->lists = calloc(CRLS_MAX, sizeof(*crls->lists));
    crls->der = malloc(file.size + 1);
    if (crls->lists == NULL || crls->der == NULL || read_all(crls, file, why) != RESULT_OK) {
        crls_free(crls);
        return NULL;
    }
    return crls;
}

void crls_free(struct crls *crls) {
    if (crls == NULL) {
        return;
    }
    for (size_t i = 0; i < crls->count; i++) {
        free(crls->lists[i].serials);
    }
    free(crls->lists);
    free(crls->der);
    free(crls);
}

// --- Verifying ---

enum signer { SIGNER_NONE, SIGNER_NOT_ALLOWED, SIGNER_GOOD };

static enum signer judge_signer(const struct crl *crl, const struct certificate *authority) {
    struct x509 signer;
    if (!slice_equal(authority->subject, crl->issuer) ||
        x509_parse(authority->der, &signer) != RESULT_OK ||
        verify_signature(&signer.key, crl->method, crl->signed_part, crl->signature) !=
            VERDICT_GOOD) {
        return SIGNER_NONE;
    }
    return signer.has_key_usage && (signer.key_usage & KEY_USAGE_CRL_SIGN) == 0 ? SIGNER_NOT_ALLOWED
                                                                                : SIGNER_GOOD;
}

// NULL, or the fault of the list.
static const char *judge_signature(const struct crl *crl, const struct certificate *authorities,
                                   size_t count) {
    const char *why = "no authority of client-ca has signed it";
    for (size_t i = 0; i < count; i++) {
        enum signer signer = judge_signer(crl, &authorities[i]);
        if (signer == SIGNER_GOOD) {
            return NULL;
        }
        if (signer == SIGNER_NOT_ALLOWED) {
            why = "the keyUsage of its authority does not allow cRLSign";
        }
    }
    return why;
}

enum result crls_verify(const struct crls *crls, const struct certificate *authorities,
                        size_t count, char why[CRL_ERROR_SIZE]) {
    for (size_t i = 0; i < crls->count; i++) {
        const char *reason = judge_signature(&crls->lists[i], authorities, count);
        if (reason != NULL) {
            char name[NAME_TEXT_SIZE];
            (void)snprintf(why, CRL_ERROR_SIZE, "revocation list %zu (of %s): %s", i + 1,
                           name_for_message(crls->lists[i].issuer, name), reason);
            return RESULT_ERROR;
        }
    }
    return RESULT_OK;
}

// --- Looking up ---

void crls_terms(const struct crls *crls, struct term *term) {
    for (size_t i = 0; i < crls->count; i++) {
        term_add(term, 0, crls->lists[i].from, crls->lists[i].until);
    }
}

bool crls_cover(const struct crls *crls, struct slice issuer) {
    for (size_t i = 0; i < crls->count; i++) {
        if (slice_equal(crls->lists[i].issuer, issuer)) {
            return true;
        }
    }
    return false;
}

enum crl_answer crls_look_up(const struct crls *crls, struct slice issuer, struct slice serial,
                             int64_t now) {
    enum crl_answer answer = CRL_NONE;
    for (size_t i = 0; i < crls->count; i++) {
        const struct crl *crl = &crls->lists[i];
        if (!slice_equal(crl->issuer, issuer)) {
            continue;
        }
        if (bsearch(&serial, crl->serials, crl->count, sizeof(serial), compare_serials) != NULL) {
            return CRL_REVOKED;
        }
        bool fresh = now >= crl->from && now <= crl->until;
        answer = !fresh ? CRL_STALE : answer == CRL_NONE ? CRL_CLEAR : answer;
    }
    return answer;
}
