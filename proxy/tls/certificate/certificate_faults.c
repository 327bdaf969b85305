#include "tls/certificate/certificate_faults.h"

#include "base/utf8.h"
#include "tls/certificate/der.h"
#include "tls/certificate/x509.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn.h>

enum { SERIAL_SIZE_MAX = 20, EXTENSIONS_MAX = 64, OID_TEXT_SIZE = 80 };

struct fault {
    char *text;        // [CERTIFICATE_FAULT_SIZE]
    bool is_tolerated; // also check faults that wolfSSL may accept
};

// Always false, so that a check can return it.
static bool fail(const struct fault *fault, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool fail(const struct fault *fault, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(fault->text, CERTIFICATE_FAULT_SIZE, format, arguments);
    va_end(arguments);
    return false;
}

// --- The fields, in their order. Each returns false with a text if its field is wrong ---

static bool check_frame(const struct fault *fault, struct slice bytes, struct der *content) {
    struct der outer = der_begin(bytes);
    if (der_peek(&outer) != DER_SEQUENCE) {
        return fail(fault, "it is not a certificate: its DER does not begin with a SEQUENCE");
    }
    *content = der_enter(&outer, DER_SEQUENCE);
    if (outer.bad) {
        return fail(fault, "it is cut short, or its DER is damaged");
    }
    return outer.rest.size == 0 || fail(fault, "%zu byte%s after the end of the certificate",
                                        outer.rest.size, outer.rest.size == 1 ? "" : "s");
}

static bool check_version(const struct fault *fault, struct der *body, unsigned *shown) {
    *shown = 1;
    if (der_peek(body) != DER_CONTEXT_CONSTRUCTED + 0) {
        return true;
    }
    struct der field = der_enter(body, DER_CONTEXT_CONSTRUCTED + 0);
    struct slice version = der_take(&field, DER_INTEGER);
    if (version.size != 1 || (uint8_t)version.data[0] > 2) {
        return fail(fault, "its version is none of 1, 2 and 3");
    }
    *shown = (uint8_t)version.data[0] + 1U;
    return true;
}

static bool check_serial(const struct fault *fault, struct der *body) {
    struct slice serial = der_take(body, DER_INTEGER);
    size_t zeros = 0;
    while (zeros < serial.size && serial.data[zeros] == 0) {
        zeros++;
    }
    if (serial.size == 0) {
        return fail(fault, "it has no serial number");
    }
    if (zeros == serial.size) {
        return fail(fault, "its serial number is 0");
    }
    if (!fault->is_tolerated) {
        return true;
    }
    if ((serial.data[0] & 0x80) != 0) {
        return fail(fault, "its serial number is negative");
    }
    if (serial.size > SERIAL_SIZE_MAX + 1 || serial.size - zeros > SERIAL_SIZE_MAX) {
        return fail(fault, "its serial number has %zu bytes, and at most %d are allowed",
                    serial.size - zeros, SERIAL_SIZE_MAX);
    }
    return zeros == 0 || (zeros == 1 && (serial.data[1] & 0x80) != 0) ||
           fail(fault, "its serial number has needless leading zeros");
}

static bool check_algorithms(const struct fault *fault, struct slice inner, struct slice outer) {
    if (inner.size == 0 || outer.size == 0) {
        return fail(fault, "its signature algorithm is damaged");
    }
    if (!slice_equal(inner, outer)) {
        return fail(fault, "its two signature algorithms differ (%s, %s)", x509_method(inner).name,
                    x509_method(outer).name);
    }
    struct signature_method method = x509_method(inner);
    bool is_strong = method.hash == HASH_SHA256 || method.hash == HASH_SHA384 ||
                     method.hash == HASH_SHA512 || method.kind == SIGNATURE_ED25519;
    return is_strong || !fault->is_tolerated ||
           fail(fault, "it is signed with %s, which is not supported", method.name);
}

static bool is_valid_utf8(struct slice text) {
    const uint8_t *at = (const uint8_t *)text.data;
    size_t left = text.size;
    while (left > 0) {
        uint32_t code;
        bool is_c1 = left > 1 && at[0] == 0xc2 && (at[1] & 0xe0) == 0x80; // valid, if not wise
        size_t size = at[0] < 0x80 ? 1 : is_c1 ? 2 : utf8_read(at, left, &code);
        if (size == 0) {
            return false;
        }
        at += size;
        left -= size;
    }
    return true;
}

static bool check_name(const struct fault *fault, struct der *body, const char *what) {
    struct der name = der_enter(body, DER_SEQUENCE);
    while (!name.bad && name.rest.size > 0) {
        struct der set = der_enter(&name, DER_SET);
        while (!set.bad && set.rest.size > 0) {
            struct der pair = der_enter(&set, DER_SEQUENCE);
            (void)der_take(&pair, DER_OID);
            bool is_utf8 = der_peek(&pair) == DER_UTF8_STRING;
            struct slice value = der_take_any(&pair, NULL);
            set.bad = pair.bad || pair.rest.size > 0;
            if (fault->is_tolerated && is_utf8 && !is_valid_utf8(value)) {
                return fail(fault, "its %s has a text that is not UTF-8", what);
            }
        }
        name.bad = name.bad || set.bad;
    }
    return (!name.bad && !body->bad) || fail(fault, "its %s is not a valid name", what);
}

static bool check_date(const struct fault *fault, struct der *validity, const char *what,
                       int64_t *date) {
    struct der copy = *validity;
    struct slice text = der_take_any(&copy, NULL);
    char shown[24];
    size_t size = text.size < sizeof(shown) - 1 ? text.size : sizeof(shown) - 1;
    for (size_t i = 0; i < size; i++) {
        shown[i] = text.data[i] > ' ' && text.data[i] <= '~' ? text.data[i] : '?';
    }
    shown[size] = '\0';
    *date = der_take_time(validity);
    return !validity->bad || fail(fault, "its %s '%s' is not a valid date", what, shown);
}

static bool check_validity(const struct fault *fault, struct der *body) {
    int64_t from = 0;
    int64_t until = 0;
    struct der validity = der_enter(body, DER_SEQUENCE);
    return check_date(fault, &validity, "notBefore", &from) &&
           check_date(fault, &validity, "notAfter", &until) &&
           (from <= until || fail(fault, "its notAfter is before its notBefore"));
}

static bool check_key(const struct fault *fault, struct der *body) {
    struct public_key key;
    char text[X509_TEXT_SIZE];
    struct der info = der_enter(body, DER_SEQUENCE);
    if (body->bad || x509_read_key(info, &key) != RESULT_OK) {
        return fail(fault, "its public key is damaged");
    }
    x509_key_text(&key, text);
    bool is_curve = key.curve == CURVE_P256 || key.curve == CURVE_P384 || key.curve == CURVE_P521;
    bool is_supported =
        key.kind == KEY_RSA || key.kind == KEY_ED25519 || (key.kind == KEY_EC && is_curve);
    return is_supported || fail(fault, "its key (%s) is of a kind that is not supported", text);
}

// --- Extensions ---

// "2.5.29.19": the first byte holds the first two numbers.
static void write_oid(struct slice oid, char text[OID_TEXT_SIZE]) {
    size_t used = 0;
    uint64_t number = 0;
    bool is_first = true;
    text[0] = '\0';
    for (size_t i = 0; i < oid.size && used < OID_TEXT_SIZE - 24; i++) {
        number = (number & (UINT64_MAX >> 8)) << 7 | ((uint8_t)oid.data[i] & 0x7f);
        if ((oid.data[i] & 0x80) == 0) {
            uint64_t top = number < 80 ? number / 40 : 2;
            used += (size_t)(is_first ? snprintf(text + used, OID_TEXT_SIZE - used,
                                                 "%" PRIu64 ".%" PRIu64, top, number - 40 * top)
                                      : snprintf(text + used, OID_TEXT_SIZE - used, ".%" PRIu64,
                                                 number));
            is_first = false;
            number = 0;
        }
    }
}

static bool is_known(struct slice oid) {
    static const struct slice known[] = {
        SLICE("\x55\x1d\x0e"),                     // subjectKeyIdentifier
        SLICE("\x55\x1d\x0f"),                     // keyUsage
        SLICE("\x55\x1d\x11"),                     // subjectAltName
        SLICE("\x55\x1d\x13"),                     // basicConstraints
        SLICE("\x55\x1d\x1e"),                     // nameConstraints
        SLICE("\x55\x1d\x1f"),                     // cRLDistributionPoints
        SLICE("\x55\x1d\x20"),                     // certificatePolicies
        SLICE("\x55\x1d\x23"),                     // authorityKeyIdentifier
        SLICE("\x55\x1d\x24"),                     // policyConstraints
        SLICE("\x55\x1d\x25"),                     // extendedKeyUsage
        SLICE("\x55\x1d\x36"),                     // inhibitAnyPolicy
        SLICE("\x2b\x06\x01\x05\x05\x07\x01\x01"), // authorityInfoAccess
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (slice_equal(oid, known[i])) {
            return true;
        }
    }
    return false;
}

static bool check_extension(const struct fault *fault, struct der *extensions, struct slice *oid) {
    char text[OID_TEXT_SIZE];
    bool is_critical = false;
    struct der extension = der_enter(extensions, DER_SEQUENCE);
    *oid = der_take(&extension, DER_OID);
    if (der_peek(&extension) == DER_BOOLEAN) {
        struct slice flag = der_take(&extension, DER_BOOLEAN);
        is_critical = flag.size == 1 && flag.data[0] != 0;
    }
    struct der value = der_begin(der_take(&extension, DER_OCTET_STRING));
    write_oid(*oid, text);
    if (extensions->bad || extension.bad || extension.rest.size > 0) {
        return fail(fault, "its extension %s is damaged", text[0] == '\0' ? "list" : text);
    }
    if (is_critical && !is_known(*oid)) {
        return fail(fault, "its critical extension %s is not supported", text);
    }
    (void)der_take_any(&value, NULL);
    return !is_known(*oid) || (!value.bad && value.rest.size == 0) ||
           fail(fault, "the content of its extension %s is damaged", text);
}

static bool check_extensions(const struct fault *fault, struct der *body, unsigned version) {
    struct slice seen[EXTENSIONS_MAX];
    size_t count = 0;
    der_skip(body, DER_CONTEXT + 1); // unique identifiers
    der_skip(body, DER_CONTEXT + 2);
    if (der_peek(body) != DER_CONTEXT_CONSTRUCTED + 3) {
        return (!body->bad && body->rest.size == 0) || fail(fault, "its fields are damaged");
    }
    struct der field = der_enter(body, DER_CONTEXT_CONSTRUCTED + 3);
    struct der list = der_enter(&field, DER_SEQUENCE);
    if (body->bad || body->rest.size > 0 || field.bad || field.rest.size > 0) {
        return fail(fault, "its extension list is damaged");
    }
    if (fault->is_tolerated && version != 3) {
        return fail(fault, "it has extensions, but its version is %u and not 3", version);
    }
    for (; list.rest.size > 0; count++) {
        if (count == EXTENSIONS_MAX) {
            return fail(fault, "it has more than %d extensions", EXTENSIONS_MAX);
        }
        if (!check_extension(fault, &list, &seen[count])) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            char text[OID_TEXT_SIZE];
            write_oid(seen[i], text);
            if (slice_equal(seen[i], seen[count])) {
                return fail(fault, "it has the extension %s twice", text);
            }
        }
    }
    return true;
}

// --- The whole ---

static bool check_certificate(const struct fault *fault, struct slice bytes) {
    struct der content;
    if (!check_frame(fault, bytes, &content)) {
        return false;
    }
    struct der body = der_enter(&content, DER_SEQUENCE);
    struct slice outer = der_take(&content, DER_SEQUENCE);
    struct slice signature = der_take(&content, DER_BIT_STRING);
    if (content.bad || content.rest.size > 0) {
        return fail(fault, "it is not a certificate: its parts are not those of RFC 5280");
    }
    unsigned version;
    if (!check_version(fault, &body, &version) || !check_serial(fault, &body) ||
        !check_algorithms(fault, der_take(&body, DER_SEQUENCE), outer) ||
        !check_name(fault, &body, "issuer") || !check_validity(fault, &body) ||
        !check_name(fault, &body, "subject") || !check_key(fault, &body) ||
        !check_extensions(fault, &body, version)) {
        return false;
    }
    return (signature.size > 1 && signature.data[0] == 0) ||
           fail(fault, "its signature is not a string of whole bytes");
}

const char *certificate_fault(struct slice der, char text[CERTIFICATE_FAULT_SIZE]) {
    const struct fault fault = {text, false};
    const struct fault tolerated = {text, true};
    struct DecodedCert parsed;
    if (!check_certificate(&fault, der) || !check_certificate(&tolerated, der)) {
        return text;
    }
    wc_InitDecodedCert(&parsed, (const byte *)der.data, (word32)der.size, NULL);
    int failed = wc_ParseCert(&parsed, CERT_TYPE, NO_VERIFY, NULL);
    wc_FreeDecodedCert(&parsed);
    (void)fail(&fault, "it cannot be read (wolfSSL: %s)",
               failed == 0 ? "no error" : wolfSSL_ERR_reason_error_string((unsigned long)failed));
    return text;
}
