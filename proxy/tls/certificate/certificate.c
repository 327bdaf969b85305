#include "tls/certificate/certificate.h"

#include "tls/certificate/der.h"
#include "tls/certificate/x509.h"

#include <arpa/inet.h>
#include <stdio.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 4096, RSA_EXPONENT_BITS_MAX = 32 };

#define OID(bytes)                                                                                 \
    { bytes, sizeof(bytes) - 1 }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// --- Reading ---

const char *certificate_signature_hash(struct slice algorithm, const char **shown) {
    static const char *const hashes[] = {
        [HASH_SHA256] = "SHA-256", [HASH_SHA384] = "SHA-384", [HASH_SHA512] = "SHA-512"};
    struct signature_method method = x509_method(algorithm);
    if (method.kind == SIGNATURE_ED25519) {
        *shown = "Ed25519";
        return "";
    }
    if (method.hash == HASH_SHA256 || method.hash == HASH_SHA384 || method.hash == HASH_SHA512) {
        *shown = hashes[method.hash];
        return *shown;
    }
    static const char with[] = " with ";
    const char *name = strstr(method.name, with);
    *shown = method.kind == SIGNATURE_RSA_PSS
                 ? "RSA-PSS with a hash that is none of SHA-256, SHA-384 and SHA-512"
             : name == NULL ? method.name
                            : name + sizeof(with) - 1;
    return NULL;
}

static uint32_t bit_count(struct slice number) {
    if (number.size == 0 || number.size > 4096) {
        return 0;
    }
    uint32_t bits = (uint32_t)number.size * 8;
    for (uint8_t mask = 0x80; mask != 0 && ((uint8_t)number.data[0] & mask) == 0; mask >>= 1) {
        bits--;
    }
    return bits;
}

// 0: no RSA exponent. With 1 a signature would be its own digest.
static uint32_t exponent_bits(struct slice exponent) {
    while (exponent.size > 1 && exponent.data[0] == 0) {
        exponent = (struct slice){exponent.data + 1, exponent.size - 1};
    }
    uint32_t bits = bit_count(exponent);
    return bits > 1 && ((uint8_t)exponent.data[exponent.size - 1] & 1) != 0 ? bits : 0;
}

static enum certificate_key key_on_curve(struct slice curve) {
    static const struct {
        struct slice oid;
        enum certificate_key key;
    } curves[] = {
        {OID("\x2a\x86\x48\xce\x3d\x03\x01\x07"), CERTIFICATE_KEY_P256},
        {OID("\x2b\x81\x04\x00\x22"), CERTIFICATE_KEY_P384},
        {OID("\x2b\x81\x04\x00\x23"), CERTIFICATE_KEY_P521},
    };
    for (size_t i = 0; i < COUNT(curves); i++) {
        if (slice_equal(curves[i].oid, curve)) {
            return curves[i].key;
        }
    }
    return CERTIFICATE_KEY_OTHER;
}

static void read_rsa_numbers(struct certificate *certificate) {
    struct der outer = der_begin(certificate->public_key);
    struct der numbers = der_enter(&outer, DER_SEQUENCE);
    certificate->key_bits = bit_count(der_unsigned(der_take(&numbers, DER_INTEGER)));
    certificate->exponent_bits = exponent_bits(der_unsigned(der_take(&numbers, DER_INTEGER)));
}

static void read_key(struct der key_info, struct certificate *certificate) {
    static const struct slice rsa = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01");
    static const struct slice rsa_pss = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a");
    static const struct slice ed25519 = OID("\x2b\x65\x70");
    static const struct slice ec = OID("\x2a\x86\x48\xce\x3d\x02\x01");
    struct der algorithm = der_enter(&key_info, DER_SEQUENCE);
    struct slice oid = der_take(&algorithm, DER_OID);
    struct slice bits = der_take(&key_info, DER_BIT_STRING);
    certificate->key = CERTIFICATE_KEY_OTHER;
    if (key_info.bad || bits.size < 2 || bits.data[0] != 0) {
        return;
    }
    certificate->public_key = (struct slice){bits.data + 1, bits.size - 1};
    if (slice_equal(oid, rsa) || slice_equal(oid, rsa_pss)) {
        certificate->key = slice_equal(oid, rsa) ? CERTIFICATE_KEY_RSA : CERTIFICATE_KEY_RSA_PSS;
        read_rsa_numbers(certificate);
    } else if (slice_equal(oid, ed25519)) {
        certificate->key = CERTIFICATE_KEY_ED25519;
    } else if (slice_equal(oid, ec)) {
        certificate->key = key_on_curve(der_take(&algorithm, DER_OID));
    }
}

// Finds the parts. False: they are not at the places of RFC 5280 4.1.
static bool read_pieces(struct certificate *certificate) {
    struct der outer = der_begin(certificate->der);
    struct der whole = der_enter(&outer, DER_SEQUENCE);
    struct der body = der_enter(&whole, DER_SEQUENCE);
    der_skip(&body, DER_CONTEXT_CONSTRUCTED + 0); // version
    certificate->serial = der_take(&body, DER_INTEGER);
    struct slice algorithm = der_take(&body, DER_SEQUENCE);
    certificate->signature_hash =
        certificate_signature_hash(algorithm, &certificate->signature_shown);
    certificate->issuer = der_take(&body, DER_SEQUENCE);
    struct der validity = der_enter(&body, DER_SEQUENCE);
    certificate->not_before = der_take_time(&validity);
    certificate->not_after = der_take_time(&validity);
    certificate->subject = der_take(&body, DER_SEQUENCE);
    struct slice key_info = der_take_any(&body, &certificate->key_info);
    read_key(der_begin(key_info), certificate);
    certificate->is_self_issued = slice_equal(certificate->issuer, certificate->subject);
    // wolfSSL is not strict about parts that are not signed.
    bool same = slice_equal(der_take(&whole, DER_SEQUENCE), algorithm);
    struct slice signature = der_take(&whole, DER_BIT_STRING);
    same = same && signature.size > 1 && signature.data[0] == 0; // whole bytes
    return same && whole.rest.size == 0 && outer.rest.size == 0 && !whole.bad && !body.bad &&
           !validity.bad;
}

static void read_extensions(const struct DecodedCert *parsed, struct certificate *certificate) {
    certificate->is_authority = parsed->isCA != 0;
    certificate->path_length = parsed->pathLengthSet ? parsed->pathLength : UINT32_MAX;
    certificate->may_sign_certificates =
        !parsed->extKeyUsageSet || (parsed->extKeyUsage & KEYUSE_KEY_CERT_SIGN) != 0;
    certificate->may_sign_data =
        !parsed->extKeyUsageSet || (parsed->extKeyUsage & KEYUSE_DIGITAL_SIG) != 0;
    certificate->constrains_names = parsed->extNameConstraintSet != 0;
    certificate->is_for_clients =
        !parsed->extExtKeyUsageSet ||
        (parsed->extExtKeyUsage & (EXTKEYUSE_ANY | EXTKEYUSE_CLIENT_AUTH)) != 0;
    static_assert(sizeof(parsed->extSubjKeyId) == CERTIFICATE_KEY_ID_SIZE, "as the library has it");
    certificate->has_subject_key_id = parsed->extSubjKeyIdSet && parsed->extSubjKeyIdSz > 0;
    certificate->has_authority_key_id = parsed->extAuthKeyIdSet && parsed->extAuthKeyIdSz > 0;
    memcpy(certificate->subject_key_id, parsed->extSubjKeyId, CERTIFICATE_KEY_ID_SIZE);
    memcpy(certificate->authority_key_id, parsed->extAuthKeyId, CERTIFICATE_KEY_ID_SIZE);
}

enum result certificate_read(struct slice der, struct certificate *certificate) {
    struct DecodedCert parsed;
    *certificate = (struct certificate){.der = der};
    wc_InitDecodedCert(&parsed, (const byte *)der.data, (word32)der.size, NULL);
    int failed = wc_ParseCert(&parsed, CERT_TYPE, NO_VERIFY, NULL);
    if (failed == 0) {
        read_extensions(&parsed, certificate);
    }
    wc_FreeDecodedCert(&parsed);
    return failed == 0 && read_pieces(certificate) ? RESULT_OK : RESULT_ERROR;
}

// --- Judging ---

// A large exponent makes each verification slow, and no issuer of certificates uses one.
static enum result judge_exponent(const struct certificate *certificate,
                                  char why[CERTIFICATE_WHY_SIZE]) {
    if (certificate->exponent_bits == 0) {
        (void)snprintf(why, CERTIFICATE_WHY_SIZE, "the exponent of its RSA key is even or 1");
        return RESULT_ERROR;
    }
    if (certificate->exponent_bits > RSA_EXPONENT_BITS_MAX) {
        (void)snprintf(why, CERTIFICATE_WHY_SIZE,
                       "the exponent of its RSA key has %u bits, and at most %d are allowed",
                       certificate->exponent_bits, RSA_EXPONENT_BITS_MAX);
        return RESULT_ERROR;
    }
    return RESULT_OK;
}

enum result certificate_judge_key(const struct certificate *certificate, bool is_ours,
                                  char why[CERTIFICATE_WHY_SIZE]) {
    bool is_rsa = certificate->key == CERTIFICATE_KEY_RSA ||
                  (certificate->key == CERTIFICATE_KEY_RSA_PSS && !is_ours);
    bool is_size_allowed =
        certificate->key_bits >= RSA_BITS_MIN && certificate->key_bits <= RSA_BITS_MAX;
    if (is_rsa && is_size_allowed) {
        return judge_exponent(certificate, why);
    }
    if (is_rsa) {
        (void)snprintf(why, CERTIFICATE_WHY_SIZE,
                       "its RSA key has %u bits, and %d to %d are allowed", certificate->key_bits,
                       RSA_BITS_MIN, RSA_BITS_MAX);
        return RESULT_ERROR;
    }
    if (certificate->key == CERTIFICATE_KEY_P256 || certificate->key == CERTIFICATE_KEY_P384 ||
        certificate->key == CERTIFICATE_KEY_ED25519 ||
        (certificate->key == CERTIFICATE_KEY_P521 && !is_ours)) {
        return RESULT_OK;
    }
    (void)snprintf(why, CERTIFICATE_WHY_SIZE,
                   "its key is none of ECDSA P-256, ECDSA P-384, %sEd25519, RSA of %d to %d bits",
                   is_ours ? "" : "ECDSA P-521, ", RSA_BITS_MIN, RSA_BITS_MAX);
    return RESULT_ERROR;
}

enum result certificate_judge_signature(const struct certificate *certificate,
                                        char why[CERTIFICATE_WHY_SIZE]) {
    if (certificate->signature_hash != NULL) {
        return RESULT_OK;
    }
    (void)snprintf(why, CERTIFICATE_WHY_SIZE, "it is signed with %s", certificate->signature_shown);
    return RESULT_ERROR;
}

static bool signature_verifies(const struct certificate *issuer,
                               const struct certificate *certificate) {
    WOLFSSL_CERT_MANAGER *manager = wolfSSL_CertManagerNew();
    int verified = WOLFSSL_FAILURE;
    if (manager != NULL &&
        wolfSSL_CertManagerLoadCABuffer_ex(manager, (const byte *)issuer->der.data,
                                           (long)issuer->der.size, WOLFSSL_FILETYPE_ASN1, 0,
                                           WOLFSSL_LOAD_FLAG_DATE_ERR_OKAY) == WOLFSSL_SUCCESS) {
        verified =
            wolfSSL_CertManagerVerifyBuffer(manager, (const byte *)certificate->der.data,
                                            (long)certificate->der.size, WOLFSSL_FILETYPE_ASN1);
    }
    wolfSSL_CertManagerFree(manager);
    return verified == WOLFSSL_SUCCESS || verified == ASN_AFTER_DATE_E ||
           // Other code checks the dates; the signature was verified after them.
           verified == ASN_BEFORE_DATE_E;
}

bool certificate_may_have_issued(const struct certificate *issuer,
                                 const struct certificate *certificate) {
    return slice_equal(issuer->subject, certificate->issuer) &&
           (!issuer->has_subject_key_id || !certificate->has_authority_key_id ||
            memcmp(issuer->subject_key_id, certificate->authority_key_id,
                   CERTIFICATE_KEY_ID_SIZE) == 0);
}

uint32_t certificate_verification_cost(const struct certificate *issuer) {
    // Measured with this build of wolfSSL. RSA: the square of the size for each bit of the
    // exponent.
    switch (issuer->key) {
    case CERTIFICATE_KEY_ED25519:
        return 50;
    case CERTIFICATE_KEY_P256:
        return 100;
    case CERTIFICATE_KEY_P384:
        return 350;
    case CERTIFICATE_KEY_RSA:
    case CERTIFICATE_KEY_RSA_PSS: {
        uint64_t cost =
            ((uint64_t)issuer->key_bits * issuer->key_bits >> 20) * (issuer->exponent_bits + 1) / 2;
        return cost < UINT32_MAX ? (uint32_t)cost + 1 : UINT32_MAX;
    }
    default:
        return 850; // P-521, and keys that wolfSSL does not verify with
    }
}

bool certificate_issued(const struct certificate *issuer, const struct certificate *certificate) {
    if (!certificate_may_have_issued(issuer, certificate)) {
        return false;
    }
    // A signature with a method that is too weak cannot be verified; other code reports it.
    return certificate->has_authority_key_id || certificate->signature_hash == NULL ||
           signature_verifies(issuer, certificate);
}

bool certificate_verifies(const struct certificate *issuer, const struct certificate *certificate) {
    return certificate_may_have_issued(issuer, certificate) &&
           signature_verifies(issuer, certificate);
}

// --- Names ---

static bool name_matches(struct slice pattern, struct slice host) {
    if (slice_equal_nocase(pattern, host)) {
        return true;
    }
    // "*.example.com" matches one label (RFC 9525 6.3).
    const char *dot = memchr(host.data, '.', host.size);
    if (dot == NULL || host.data[0] == '*' || pattern.size < 3 || pattern.data[0] != '*') {
        return false;
    }
    size_t label = (size_t)(dot - host.data);
    return slice_equal_nocase((struct slice){pattern.data + 1, pattern.size - 1},
                              (struct slice){dot, host.size - label});
}

// The bytes of an IP address; 0 when `host` is a name.
static size_t address_bytes(const char *host, uint8_t bytes[16]) {
    char bare[64];
    size_t size = strlen(host);
    if (inet_pton(AF_INET, host, bytes) == 1) {
        return 4;
    }
    if (size < 3 || size - 2 >= sizeof(bare) || host[0] != '[') {
        return 0;
    }
    memcpy(bare, host + 1, size - 2);
    bare[size - 2] = '\0';
    return inet_pton(AF_INET6, bare, bytes) == 1 ? 16 : 0;
}

bool certificate_covers(const struct certificate *certificate, const char *host) {
    uint8_t address[16];
    size_t address_size = address_bytes(host, address);
    struct slice wanted =
        address_size > 0 ? (struct slice){(const char *)address, address_size} : slice_from(host);
    struct DecodedCert parsed;
    bool found = false;
    wc_InitDecodedCert(&parsed, (const byte *)certificate->der.data, (word32)certificate->der.size,
                       NULL);
    if (wc_ParseCert(&parsed, CERT_TYPE, NO_VERIFY, NULL) == 0) {
        for (const DNS_entry *entry = parsed.altNames; !found && entry != NULL;
             entry = entry->next) {
            struct slice name = {entry->name, entry->len < 0 ? 0 : (size_t)entry->len};
            found =
                (address_size > 0 && entry->type == ASN_IP_TYPE && slice_equal(name, wanted)) ||
                (address_size == 0 && entry->type == ASN_DNS_TYPE && name_matches(name, wanted));
        }
    }
    wc_FreeDecodedCert(&parsed);
    return found;
}
