#include "tls/certificate/client_auth.h"

#include "tls/alert.h"
#include "tls/certificate/certificate_faults.h"
#include "tls/certificate/constraints.h"
#include "tls/certificate/crl.h"
#include "tls/certificate/pem_certificate.h"

#include <stdio.h>
#include <stdlib.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/hash.h>

struct client_auth {
    struct certificate *authorities;
    size_t count;
    uint8_t *der;      // memory of the slices
    struct crls *crls; // NULL: revocation is not checked
};

// --- Reading the authorities ---

static const char *judge_authority(const struct certificate *certificate,
                                   char why[CERTIFICATE_WHY_SIZE]) {
    if (!certificate->is_authority || !certificate->may_sign_certificates) {
        return "it is not the certificate of an authority";
    }
    if (certificate_judge_key(certificate, false, why) != RESULT_OK ||
        (!certificate->is_self_issued &&
         certificate_judge_signature(certificate, why) != RESULT_OK)) {
        return why;
    }
    return NULL;
}

static enum result add_authority(struct client_auth *auth, const struct pem_block *block,
                                 char why[CLIENT_AUTH_ERROR_SIZE]) {
    struct certificate *certificate = &auth->authorities[auth->count];
    char text[CERTIFICATE_WHY_SIZE];
    char name[NAME_TEXT_SIZE];
    size_t number = auth->count + 1;
    if (certificate_read(block->der, certificate) != RESULT_OK) {
        char fault[CERTIFICATE_FAULT_SIZE];
        (void)snprintf(why, CLIENT_AUTH_ERROR_SIZE, "line %u: certificate %zu: %s", block->line,
                       number, certificate_fault(block->der, fault));
        return RESULT_ERROR;
    }
    const char *reason = judge_authority(certificate, text);
    if (reason != NULL) {
        (void)snprintf(why, CLIENT_AUTH_ERROR_SIZE, "certificate %zu (%s): %s", number,
                       name_for_message(certificate->subject, name), reason);
        return RESULT_ERROR;
    }
    auth->count++;
    return RESULT_OK;
}

static enum result read_authorities(struct client_auth *auth, struct slice text,
                                    char why[CLIENT_AUTH_ERROR_SIZE]) {
    size_t used = 0;
    struct pem pem = pem_begin(text);
    for (;;) {
        struct pem_block block;
        enum result result = pem_next_certificate(&pem, PEM_USE_ANCHOR, &block, auth->der + used,
                                                  text.size - used, why);
        if (result == RESULT_EOF) {
            (void)snprintf(why, CLIENT_AUTH_ERROR_SIZE, "no PEM certificate in it");
            return auth->count > 0 ? RESULT_OK : RESULT_ERROR;
        }
        if (result == RESULT_OK && auth->count == CLIENT_AUTHORITIES_MAX) {
            (void)snprintf(why, CLIENT_AUTH_ERROR_SIZE, "more than %d certificates in it",
                           CLIENT_AUTHORITIES_MAX);
            return RESULT_ERROR;
        }
        if (result != RESULT_OK || add_authority(auth, &block, why) != RESULT_OK) {
            return RESULT_ERROR;
        }
        used += block.der.size;
    }
}

struct client_auth *client_auth_new(struct slice authorities, struct slice crl,
                                    char why[CLIENT_AUTH_ERROR_SIZE], bool *in_crl) {
    struct client_auth *auth = calloc(1, sizeof(*auth));
    (void)snprintf(why, CLIENT_AUTH_ERROR_SIZE, "out of memory");
    *in_crl = false;
    if (auth == NULL) {
        return NULL;
    }
    auth->authorities = calloc(CLIENT_AUTHORITIES_MAX, sizeof(*auth->authorities));
    auth->der = malloc(authorities.size + 1);
    bool ok = auth->authorities != NULL && auth->der != NULL &&
              read_authorities(auth, authorities, why) == RESULT_OK;
    if (ok) { // most have one or two
        struct certificate *fitting =
            reallocarray(auth->authorities, auth->count, sizeof(*auth->authorities));
        if (fitting != NULL) {
            auth->authorities = fitting;
        }
    }
    if (ok && crl.data != NULL) {
        *in_crl = true;
        auth->crls = crls_new(crl, why);
        ok = auth->crls != NULL;
    }
    if (!ok) {
        client_auth_free(auth);
        return NULL;
    }
    return auth;
}

struct client_auth *client_auth_open(const struct config_site *site, const struct bundle *files,
                                     char why[CLIENT_AUTH_ERROR_SIZE], bool *in_crl) {
    struct slice crl = {NULL, 0};
    if (site->client_crl_path != NULL) {
        crl = bundle_file(files, site->client_crl_path);
    }
    return client_auth_new(bundle_file(files, site->client_ca_path), crl, why, in_crl);
}

void client_auth_free(struct client_auth *auth) {
    if (auth != NULL) {
        crls_free(auth->crls);
        free(auth->authorities);
        free(auth->der);
        free(auth);
    }
}

// --- What is to be said about the files ---

enum result client_auth_verify_crls(const struct client_auth *auth,
                                    char why[CLIENT_AUTH_ERROR_SIZE]) {
    return auth->crls == NULL ? RESULT_OK
                              : crls_verify(auth->crls, auth->authorities, auth->count, why);
}

void client_auth_terms(const struct client_auth *auth, struct term *authorities,
                       struct term *crls) {
    for (size_t i = 0; i < auth->count; i++) {
        term_add(authorities, 0, auth->authorities[i].not_before, auth->authorities[i].not_after);
    }
    if (auth->crls != NULL) {
        crls_terms(auth->crls, crls);
    }
}

const char *client_auth_without_crl(const struct client_auth *auth, char text[NAME_TEXT_SIZE]) {
    for (size_t i = 0; auth->crls != NULL && i < auth->count; i++) {
        if (!crls_cover(auth->crls, auth->authorities[i].subject)) {
            return name_for_message(auth->authorities[i].subject, text);
        }
    }
    return NULL;
}

// --- Judging ---

static struct client_verdict refuse(uint8_t alert, const char *why) {
    return (struct client_verdict){alert, why};
}

static struct client_verdict refuse_path(enum client_path_end end) {
    switch (end) {
    case CLIENT_PATH_FALSE:
        return refuse(ALERT_BAD_CERTIFICATE,
                      "a signature on the client's certificates does not verify");
    case CLIENT_PATH_COSTLY:
        return refuse(ALERT_CERTIFICATE_UNKNOWN,
                      "the client's certificates need too much work to verify");
    case CLIENT_PATH_TOO_LONG:
        return refuse(ALERT_CERTIFICATE_UNKNOWN, "the path to the client's authority is too long");
    default:
        return refuse(ALERT_UNKNOWN_CA, "the client's certificate is of an unknown authority");
    }
}

// Path length: number of CAs between this one, at `index`, and the client, without self-issued
// ones.
static bool is_short_enough(const struct client_path *path, size_t index) {
    uint32_t between = 0;
    for (size_t i = 1; i < index; i++) {
        between += path->items[i]->is_self_issued ? 0 : 1;
    }
    return between <= path->items[index]->path_length;
}

// Name constraints apply to all certificates below. RFC 5280 6.1.3 exempts self-issued authorities,
// which changed their keys; Ravelin does not, as wolfSSL does not either.
static bool may_vouch_for(const struct client_path *path, size_t index) {
    for (size_t i = 0; i < index; i++) {
        if (!constraints_allow(path->items[index]->der, path->items[i]->der)) {
            return false;
        }
    }
    return true;
}

static struct client_verdict judge_authority_in_path(const struct client_path *path, size_t index) {
    const struct certificate *certificate = path->items[index];
    if (!certificate->is_authority || !certificate->may_sign_certificates ||
        !is_short_enough(path, index)) {
        return refuse(ALERT_BAD_CERTIFICATE,
                      "the client's certificate was issued by one that must not issue it");
    }
    return certificate->constrains_names && !may_vouch_for(path, index)
               ? refuse(ALERT_BAD_CERTIFICATE,
                        "a name in the client's certificates is none its authority may vouch for")
               : (struct client_verdict){0};
}

static struct client_verdict judge_revocation(const struct client_auth *auth,
                                              const struct certificate *certificate, int64_t now) {
    switch (crls_look_up(auth->crls, certificate->issuer, certificate->serial, now)) {
    case CRL_CLEAR:
        return (struct client_verdict){0};
    case CRL_REVOKED:
        return refuse(ALERT_CERTIFICATE_REVOKED, "the client's certificate was revoked");
    case CRL_STALE:
        return refuse(ALERT_CERTIFICATE_UNKNOWN,
                      "the revocation list of the client's authority is stale");
    case CRL_NONE:
    default:
        return refuse(ALERT_CERTIFICATE_UNKNOWN,
                      "there is no revocation list of the client's authority");
    }
}

static struct client_verdict judge_one(const struct client_auth *auth,
                                       const struct client_path *path, size_t index, int64_t now) {
    const struct certificate *certificate = path->items[index];
    bool is_last = index + 1 == path->count; // the last one is trusted by itself
    char ignored[CERTIFICATE_WHY_SIZE];
    if (certificate_judge_key(certificate, false, ignored) != RESULT_OK) {
        return refuse(ALERT_BAD_CERTIFICATE, "a key in the client's certificates is too weak");
    }
    if (!is_last && certificate_judge_signature(certificate, ignored) != RESULT_OK) {
        return refuse(ALERT_BAD_CERTIFICATE,
                      "a signature on the client's certificates is too weak");
    }
    if (now < certificate->not_before || now > certificate->not_after) {
        return refuse(ALERT_CERTIFICATE_EXPIRED,
                      index == 0 ? "the client's certificate has expired or is not valid yet"
                                 : "an authority of the client has expired or is not valid yet");
    }
    if (!certificate->is_for_clients || (index == 0 && !certificate->may_sign_data)) {
        return refuse(ALERT_UNSUPPORTED_CERTIFICATE, "the client's certificate is not for clients");
    }
    if (index > 0) {
        struct client_verdict verdict = judge_authority_in_path(path, index);
        if (verdict.alert != 0) {
            return verdict;
        }
    }
    if (is_last || auth->crls == NULL) {
        return (struct client_verdict){0};
    }
    return judge_revocation(auth, certificate, now);
}

static bool identify(const struct certificate *certificate, struct client_identity *identity) {
    static const char digits[] = "0123456789abcdef";
    uint8_t hash[WC_SHA256_DIGEST_SIZE];
    if (wc_Sha256Hash((const byte *)certificate->der.data, (word32)certificate->der.size, hash) !=
        0) {
        return false;
    }
    for (size_t i = 0; i < sizeof(hash); i++) {
        identity->fingerprint[2 * i] = digits[hash[i] >> 4];
        identity->fingerprint[2 * i + 1] = digits[hash[i] & 15];
    }
    identity->fingerprint[2 * sizeof(hash)] = '\0';
    identity->key = certificate->key;
    return name_to_text(certificate->subject, identity->subject) == RESULT_OK;
}

struct client_verdict client_auth_judge(const struct client_auth *auth,
                                        const struct slice *presented, size_t count, int64_t now,
                                        struct client_identity *identity) {
    struct certificate certificates[CLIENT_PRESENTED_MAX];
    struct client_path path;
    char ignored[CERTIFICATE_WHY_SIZE];
    if (count == 0 || count > CLIENT_PRESENTED_MAX) {
        return refuse(ALERT_BAD_CERTIFICATE, "the client sent too many certificates");
    }
    for (size_t i = 0; i < count; i++) {
        if (certificate_read(presented[i], &certificates[i]) != RESULT_OK) {
            return refuse(ALERT_BAD_CERTIFICATE, "a certificate of the client cannot be read");
        }
    }
    // wolfSSL does not verify such signatures, so the result would be a wrong signature.
    if (certificate_judge_signature(&certificates[0], ignored) != RESULT_OK) {
        return refuse(ALERT_BAD_CERTIFICATE,
                      "a signature on the client's certificates is too weak");
    }
    enum client_path_end end =
        client_path_find(auth->authorities, auth->count, certificates, count, &path);
    if (end != CLIENT_PATH_TRUSTED) {
        return refuse_path(end);
    }
    for (size_t i = 0; i < path.count; i++) {
        struct client_verdict verdict = judge_one(auth, &path, i, now);
        if (verdict.alert != 0) {
            return verdict;
        }
    }
    if (!identify(&certificates[0], identity)) {
        return refuse(ALERT_CERTIFICATE_UNKNOWN,
                      "the subject of the client's certificate is too long");
    }
    return (struct client_verdict){0};
}

bool client_auth_scheme_fits(enum certificate_key key, uint16_t scheme) {
    switch (scheme) {
    case 0x0403:
        return key == CERTIFICATE_KEY_P256;
    case 0x0503:
        return key == CERTIFICATE_KEY_P384;
    case 0x0603:
        return key == CERTIFICATE_KEY_P521;
    case 0x0807:
        return key == CERTIFICATE_KEY_ED25519;
    case 0x0804:
    case 0x0805:
    case 0x0806:
        return key == CERTIFICATE_KEY_RSA;
    case 0x0809:
    case 0x080a:
    case 0x080b:
        return key == CERTIFICATE_KEY_RSA_PSS;
    default:
        return false;
    }
}
