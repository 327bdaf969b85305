#include "tls/certificate/issue.h"

#include "base/builder.h"
#include "base/secret.h"
#include "tls/certificate/der.h"
#include "tls/certificate/pem.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/coding.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/sha256.h>

enum { POINT_SIZE = 65, SCALAR_SIZE = 32, DER_MAX = 1024, SERIAL_SIZE = 16, DAY_S = 86400 };

static const char OWN_ISSUER[] = "Ravelin: no certificate yet";

struct maker {
    ecc_key key;
    WC_RNG rng;
    uint8_t point[POINT_SIZE];
    const char *host;
    int64_t now_s;
};

// --- DER ---

// A length of two bytes everywhere would not be minimal, so an element is moved when its size is
// known.
static size_t begin(struct builder *builder, uint8_t tag) {
    builder_put(builder, tag, 1);
    return builder->size;
}

static void end(struct builder *builder, size_t start) {
    size_t size = builder->size - start;
    size_t length = size < 0x80 ? 1 : size < 0x100 ? 2 : 3;
    if (!builder_has_room(builder, length)) {
        return;
    }
    memmove(builder->data + start + length, builder->data + start, size);
    builder->size = start;
    if (length > 1) {
        builder_put(builder, 0x80 + length - 1, 1);
    }
    builder_put(builder, size, length == 3 ? 2 : 1);
    builder->size += size;
}

static void put_element(struct builder *builder, uint8_t tag, const void *content, size_t size) {
    size_t start = begin(builder, tag);
    builder_put_bytes(builder, content, size);
    end(builder, start);
}

#define PUT_OID(builder, ...)                                                                      \
    do {                                                                                           \
        static const uint8_t oid[] = {__VA_ARGS__};                                                \
        put_element(builder, DER_OID, oid, sizeof(oid));                                           \
    } while (0)

// 1.2.840.10045.4.3.2, ecdsa-with-SHA256
static void put_algorithm(struct builder *builder) {
    size_t start = begin(builder, DER_SEQUENCE);
    PUT_OID(builder, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2);
    end(builder, start);
}

static void put_bit_string(struct builder *builder, const uint8_t *bytes, size_t size) {
    size_t start = begin(builder, DER_BIT_STRING);
    builder_put(builder, 0, 1); // no unused bits
    builder_put_bytes(builder, bytes, size);
    end(builder, start);
}

static void put_curve(struct builder *builder) {
    PUT_OID(builder, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7); // 1.2.840.10045.3.1.7, P-256
}

static void put_public_key(struct builder *builder, const struct maker *maker) {
    size_t whole = begin(builder, DER_SEQUENCE);
    size_t algorithm = begin(builder, DER_SEQUENCE);
    PUT_OID(builder, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1); // 1.2.840.10045.2.1, ecPublicKey
    put_curve(builder);
    end(builder, algorithm);
    put_bit_string(builder, maker->point, POINT_SIZE);
    end(builder, whole);
}

// The list of extensions: subjectAltName, which is critical because there is no subject.
static void put_extensions(struct builder *builder, const struct maker *maker) {
    static const uint8_t yes = 0xff;
    size_t list = begin(builder, DER_SEQUENCE);
    size_t extension = begin(builder, DER_SEQUENCE);
    PUT_OID(builder, 0x55, 0x1d, 0x11); // 2.5.29.17
    put_element(builder, DER_BOOLEAN, &yes, 1);
    size_t value = begin(builder, DER_OCTET_STRING);
    size_t names = begin(builder, DER_SEQUENCE);
    put_element(builder, DER_CONTEXT + 2, maker->host, strlen(maker->host)); // dNSName
    end(builder, names);
    end(builder, value);
    end(builder, extension);
    end(builder, list);
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
    put_element(builder, is_short ? DER_UTC_TIME : DER_GENERALIZED_TIME, text + skip,
                (size_t)size - skip);
}

// --- What is signed ---

static bool put_request_body(struct builder *builder, struct maker *maker) {
    static const uint8_t version = 0;
    size_t body = begin(builder, DER_SEQUENCE);
    put_element(builder, DER_INTEGER, &version, 1);
    put_element(builder, DER_SEQUENCE, "", 0); // subject
    put_public_key(builder, maker);
    size_t attributes = begin(builder, DER_CONTEXT_CONSTRUCTED + 0);
    size_t attribute = begin(builder, DER_SEQUENCE);
    PUT_OID(builder, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14); // extensionRequest
    size_t values = begin(builder, DER_SET);
    put_extensions(builder, maker);
    end(builder, values);
    end(builder, attribute);
    end(builder, attributes);
    end(builder, body);
    return !builder->overflow;
}

static bool put_serial(struct builder *builder, struct maker *maker) {
    uint8_t serial[SERIAL_SIZE];
    if (wc_RNG_GenerateBlock(&maker->rng, serial, sizeof(serial)) != 0) {
        return false;
    }
    serial[0] = (serial[0] & 0x3f) | 0x40; // positive, and no leading zero byte
    put_element(builder, DER_INTEGER, serial, sizeof(serial));
    return true;
}

static bool put_certificate_body(struct builder *builder, struct maker *maker) {
    static const uint8_t version = 2;
    size_t body = begin(builder, DER_SEQUENCE);
    size_t tagged = begin(builder, DER_CONTEXT_CONSTRUCTED + 0);
    put_element(builder, DER_INTEGER, &version, 1);
    end(builder, tagged);
    if (!put_serial(builder, maker)) {
        return false;
    }
    put_algorithm(builder);
    size_t issuer = begin(builder, DER_SEQUENCE);
    size_t set = begin(builder, DER_SET);
    size_t pair = begin(builder, DER_SEQUENCE);
    PUT_OID(builder, 0x55, 4, 3); // 2.5.4.3, commonName
    put_element(builder, DER_UTF8_STRING, OWN_ISSUER, sizeof(OWN_ISSUER) - 1);
    end(builder, pair);
    end(builder, set);
    end(builder, issuer);
    size_t validity = begin(builder, DER_SEQUENCE);
    put_time(builder, maker->now_s - DAY_S);
    put_time(builder, maker->now_s + (int64_t)ISSUE_DAYS * DAY_S);
    end(builder, validity);
    put_element(builder, DER_SEQUENCE, "", 0); // subject
    put_public_key(builder, maker);
    size_t extensions = begin(builder, DER_CONTEXT_CONSTRUCTED + 3);
    put_extensions(builder, maker);
    end(builder, extensions);
    end(builder, body);
    return !builder->overflow;
}

// --- Signatures and texts ---

static bool sign(struct maker *maker, const uint8_t *body, size_t size, uint8_t *signature,
                 word32 *signature_size) {
    uint8_t digest[WC_SHA256_DIGEST_SIZE];
    return wc_Sha256Hash(body, (word32)size, digest) == 0 &&
           wc_ecc_sign_hash(digest, sizeof(digest), signature, signature_size, &maker->rng,
                            &maker->key) == 0;
}

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

// A body, with the algorithm and the signature behind it, in PEM.
static bool write_signed(struct maker *maker, const char *label,
                         bool (*put_body)(struct builder *builder, struct maker *maker),
                         char *pem) {
    uint8_t der[DER_MAX];
    uint8_t signature[ECC_MAX_SIG_SIZE];
    word32 signature_size = sizeof(signature);
    struct builder builder = builder_over(der, sizeof(der));
    size_t whole = begin(&builder, DER_SEQUENCE);
    if (!put_body(&builder, maker) || builder.overflow ||
        !sign(maker, der + whole, builder.size - whole, signature, &signature_size)) {
        return false;
    }
    put_algorithm(&builder);
    put_bit_string(&builder, signature, signature_size);
    end(&builder, whole);
    return !builder.overflow && write_pem(label, der, builder.size, pem);
}

// RFC 5915.
static bool write_key(struct maker *maker, char *pem) {
    static const uint8_t version = 1;
    uint8_t scalar[SCALAR_SIZE];
    uint8_t der[DER_MAX];
    word32 size = sizeof(scalar);
    struct builder builder = builder_over(der, sizeof(der));
    if (wc_ecc_export_private_only(&maker->key, scalar, &size) != 0) {
        return false;
    }
    size_t whole = begin(&builder, DER_SEQUENCE);
    put_element(&builder, DER_INTEGER, &version, 1);
    put_element(&builder, DER_OCTET_STRING, scalar, size);
    size_t curve = begin(&builder, DER_CONTEXT_CONSTRUCTED + 0);
    put_curve(&builder);
    end(&builder, curve);
    size_t point = begin(&builder, DER_CONTEXT_CONSTRUCTED + 1);
    put_bit_string(&builder, maker->point, POINT_SIZE);
    end(&builder, point);
    end(&builder, whole);
    bool ok = !builder.overflow && write_pem("EC PRIVATE KEY", der, builder.size, pem);
    secret_wipe(scalar, sizeof(scalar));
    secret_wipe(der, sizeof(der));
    return ok;
}

static bool make_all(struct maker *maker, struct issue *issue) {
    word32 size = sizeof(maker->point);
    return wc_ecc_make_key_ex(&maker->rng, SCALAR_SIZE, &maker->key, ECC_SECP256R1) == 0 &&
           wc_ecc_export_x963(&maker->key, maker->point, &size) == 0 && size == POINT_SIZE &&
           write_key(maker, issue->key) &&
           write_signed(maker, "CERTIFICATE REQUEST", put_request_body, issue->request) &&
           write_signed(maker, "CERTIFICATE", put_certificate_body, issue->certificate);
}

enum result issue_make(const char *host, int64_t now_s, struct issue *issue) {
    struct maker maker = {.host = host, .now_s = now_s};
    memset(issue, 0, sizeof(*issue));
    if (wc_InitRng(&maker.rng) != 0) {
        return RESULT_ERROR;
    }
    bool ok = wc_ecc_init(&maker.key) == 0;
    if (ok) {
        ok = wc_ecc_set_rng(&maker.key, &maker.rng) == 0 && make_all(&maker, issue);
        (void)wc_ecc_free(&maker.key);
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
