#include "tls/certificate/issue.h"

#include "base/secret.h"
#include "tls/certificate/der_write.h"
#include "tls/certificate/issue_key.h"
#include "tls/certificate/pem.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/coding.h>
#include <wolfssl/wolfcrypt/random.h>

enum { DER_MAX = 1400, SERIAL_SIZE = 16, DAY_S = 86400 };

static const char OWN_ISSUER[] = "Ravelin: no certificate yet";

struct maker {
    struct issue_key key;
    WC_RNG rng;
    const char *host;
    int64_t now_s;
};

// --- What is signed ---

// The list of extensions: subjectAltName, which is critical because there is no subject.
static void put_extensions(struct builder *builder, const struct maker *maker) {
    static const uint8_t yes = 0xff;
    size_t list = der_start(builder, DER_SEQUENCE);
    size_t extension = der_start(builder, DER_SEQUENCE);
    DER_PUT_OID(builder, 0x55, 0x1d, 0x11); // 2.5.29.17
    der_put(builder, DER_BOOLEAN, &yes, 1);
    size_t value = der_start(builder, DER_OCTET_STRING);
    size_t names = der_start(builder, DER_SEQUENCE);
    der_put(builder, DER_CONTEXT + 2, maker->host, strlen(maker->host)); // dNSName
    der_end(builder, names);
    der_end(builder, value);
    der_end(builder, extension);
    der_end(builder, list);
}

// RFC 5280 4.1.2.5: two digits of the year before 2050.
static void put_time(struct builder *builder, int64_t at_s) {
    char text[40];
    time_t at = (time_t)at_s;
    struct tm parts;
    if (gmtime_r(&at, &parts) == NULL || parts.tm_year < 50 || parts.tm_year >= 8100) {
        builder->overflow = true;
        return;
    }
    bool is_short = parts.tm_year < 150;
    int size = snprintf(text, sizeof(text), "%04d%02d%02d%02d%02d%02dZ", parts.tm_year + 1900,
                        parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
    size_t skip = is_short ? 2 : 0;
    der_put(builder, is_short ? DER_UTC_TIME : DER_GENERALIZED_TIME, text + skip,
            (size_t)size - skip);
}

static bool put_request_body(struct builder *builder, struct maker *maker) {
    static const uint8_t version = 0;
    size_t body = der_start(builder, DER_SEQUENCE);
    der_put(builder, DER_INTEGER, &version, 1);
    der_put(builder, DER_SEQUENCE, "", 0); // subject
    bool ok = issue_key_put_public(builder, &maker->key);
    size_t attributes = der_start(builder, DER_CONTEXT_CONSTRUCTED + 0);
    size_t attribute = der_start(builder, DER_SEQUENCE);
    DER_PUT_OID(builder, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14); // extensionRequest
    size_t values = der_start(builder, DER_SET);
    put_extensions(builder, maker);
    der_end(builder, values);
    der_end(builder, attribute);
    der_end(builder, attributes);
    der_end(builder, body);
    return ok && !builder->overflow;
}

static bool put_serial(struct builder *builder, struct maker *maker) {
    uint8_t serial[SERIAL_SIZE];
    if (wc_RNG_GenerateBlock(&maker->rng, serial, sizeof(serial)) != 0) {
        return false;
    }
    serial[0] = (serial[0] & 0x3f) | 0x40; // positive, and no leading zero byte
    der_put(builder, DER_INTEGER, serial, sizeof(serial));
    return true;
}

static bool put_certificate_body(struct builder *builder, struct maker *maker) {
    static const uint8_t version = 2;
    size_t body = der_start(builder, DER_SEQUENCE);
    size_t tagged = der_start(builder, DER_CONTEXT_CONSTRUCTED + 0);
    der_put(builder, DER_INTEGER, &version, 1);
    der_end(builder, tagged);
    if (!put_serial(builder, maker)) {
        return false;
    }
    issue_key_put_algorithm(builder, &maker->key);
    size_t issuer = der_start(builder, DER_SEQUENCE);
    size_t set = der_start(builder, DER_SET);
    size_t pair = der_start(builder, DER_SEQUENCE);
    DER_PUT_OID(builder, 0x55, 4, 3); // 2.5.4.3, commonName
    der_put(builder, DER_UTF8_STRING, OWN_ISSUER, sizeof(OWN_ISSUER) - 1);
    der_end(builder, pair);
    der_end(builder, set);
    der_end(builder, issuer);
    size_t validity = der_start(builder, DER_SEQUENCE);
    put_time(builder, maker->now_s - DAY_S);
    put_time(builder, maker->now_s + (int64_t)ISSUE_DAYS * DAY_S);
    der_end(builder, validity);
    der_put(builder, DER_SEQUENCE, "", 0); // subject
    bool ok = issue_key_put_public(builder, &maker->key);
    size_t extensions = der_start(builder, DER_CONTEXT_CONSTRUCTED + 3);
    put_extensions(builder, maker);
    der_end(builder, extensions);
    der_end(builder, body);
    return ok && !builder->overflow;
}

// --- Signatures and texts ---

static bool write_pem(const char *label, const uint8_t *der, size_t size, char *pem) {
    uint8_t base64[ISSUE_PEM_SIZE];
    word32 length = sizeof(base64);
    if (Base64_Encode(der, (word32)size, base64, &length) != 0) {
        return false;
    }
    int written = snprintf(pem, ISSUE_PEM_SIZE, "-----BEGIN %s-----\n%.*s-----END %s-----\n", label,
                           (int)length, (const char *)base64, label);
    secret_wipe(base64, sizeof(base64));
    return written > 0 && written < ISSUE_PEM_SIZE;
}

// Writes a body, with the algorithm and the signature behind it, in PEM.
static bool write_signed(struct maker *maker, const char *label,
                         bool (*put_body)(struct builder *builder, struct maker *maker),
                         char *pem) {
    uint8_t der[DER_MAX];
    uint8_t signature[ISSUE_SIGNATURE_MAX];
    size_t signature_size = sizeof(signature);
    struct builder builder = builder_over(der, sizeof(der));
    size_t whole = der_start(&builder, DER_SEQUENCE);
    if (!put_body(&builder, maker) || builder.overflow ||
        !issue_key_sign(&maker->key, der + whole, builder.size - whole, signature,
                        &signature_size)) {
        return false;
    }
    issue_key_put_algorithm(&builder, &maker->key);
    der_put_bits(&builder, signature, signature_size);
    der_end(&builder, whole);
    return !builder.overflow && write_pem(label, der, builder.size, pem);
}

static bool write_key(struct maker *maker, char *pem) {
    uint8_t der[DER_MAX];
    struct builder builder = builder_over(der, sizeof(der));
    bool ok = issue_key_put(&builder, &maker->key) &&
              write_pem(issue_key_label(&maker->key), der, builder.size, pem);
    secret_wipe(der, sizeof(der));
    return ok;
}

static bool make_all(struct maker *maker, struct issue *issue) {
    return write_key(maker, issue->key) &&
           write_signed(maker, "CERTIFICATE REQUEST", put_request_body, issue->request) &&
           write_signed(maker, "CERTIFICATE", put_certificate_body, issue->certificate);
}

enum result issue_make(enum issue_kind kind, const char *host, int64_t now_s, struct issue *issue) {
    struct maker maker = {.host = host, .now_s = now_s};
    memset(issue, 0, sizeof(*issue));
    if (wc_InitRng(&maker.rng) != 0) {
        return RESULT_ERROR;
    }
    bool ok = issue_key_make(&maker.key, kind, &maker.rng);
    if (ok) {
        ok = make_all(&maker, issue);
        issue_key_free(&maker.key);
    }
    (void)wc_FreeRng(&maker.rng);
    if (!ok) {
        secret_wipe(issue, sizeof(*issue));
    }
    return ok ? RESULT_OK : RESULT_ERROR;
}

bool issue_is_own(const struct certificate *certificate) {
    return memmem(certificate->issuer.data, certificate->issuer.size, OWN_ISSUER,
                  sizeof(OWN_ISSUER) - 1) != NULL;
}

struct slice issue_request_key(struct slice pem, uint8_t *room, size_t capacity) {
    struct pem text = pem_begin(pem);
    struct pem_block block;
    struct slice key;
    char why[PEM_WHY_SIZE];
    if (pem_next(&text, &block, room, capacity, why) != RESULT_OK ||
        !pem_is(&block, "CERTIFICATE REQUEST")) {
        return SLICE("");
    }
    struct der outer = der_begin(block.der);
    struct der request = der_enter(&outer, DER_SEQUENCE);
    struct der body = der_enter(&request, DER_SEQUENCE);
    (void)der_take(&body, DER_INTEGER);
    (void)der_take(&body, DER_SEQUENCE); // subject
    (void)der_take_any(&body, &key);
    return outer.bad || request.bad || body.bad ? SLICE("") : key;
}
