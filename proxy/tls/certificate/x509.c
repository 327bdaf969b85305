#include "tls/certificate/x509.h"

#include "tls/certificate/der.h"

struct oid_name {
    struct slice oid; // the content
    int id;
};
#define OID(bytes)                                                                                 \
    { (bytes), sizeof(bytes) - 1 }

// The id of an OID; 0: not in the table.
static int find_oid(const struct oid_name *table, size_t count, struct slice oid) {
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(table[i].oid, oid)) {
            return table[i].id;
        }
    }
    return 0;
}
#define FIND_OID(table, oid) find_oid((table), sizeof(table) / sizeof((table)[0]), (oid))

// Enters an optional element. If it is missing, the cursor is empty.
static struct der enter_optional(struct der *der, uint8_t tag) {
    return der_peek(der) == tag ? der_enter(der, tag) : (struct der){.bad = der->bad};
}

static bool has_more(const struct der *der) {
    return !der->bad && der->rest.size > 0;
}

// A small INTEGER, 0 to 2^31-1; -1: another value.
static int64_t take_number(struct der *der) {
    struct slice number = der_take(der, DER_INTEGER);
    int64_t value = 0;
    if (number.size == 0 || number.size > 4 || (number.data[0] & 0x80) != 0) {
        return -1;
    }
    for (size_t i = 0; i < number.size; i++) {
        value = value << 8 | (uint8_t)number.data[i];
    }
    return value;
}

// An optional BOOLEAN with the default FALSE.
static bool take_flag(struct der *der) {
    if (der_peek(der) != DER_BOOLEAN) {
        return false;
    }
    struct slice value = der_take(der, DER_BOOLEAN);
    return value.size == 1 && value.data[0] != 0;
}

// A BIT STRING of whole bytes.
static struct slice take_bits(struct der *der) {
    struct slice bits = der_take(der, DER_BIT_STRING);
    if (bits.size == 0 || bits.data[0] != 0) {
        der->bad = true;
        return (struct slice){NULL, 0};
    }
    return (struct slice){bits.data + 1, bits.size - 1};
}

// --- Keys ---

static const struct {
    struct slice oid;
    enum key_curve curve;
    unsigned bits;
    const char *name;
} CURVES[] = {
    {OID("\x2a\x86\x48\xce\x3d\x03\x01\x07"), CURVE_P256, 256, "P-256"},
    {OID("\x2b\x81\x04\x00\x22"), CURVE_P384, 384, "P-384"},
    {OID("\x2b\x81\x04\x00\x23"), CURVE_P521, 521, "P-521"},
    {OID("\x2b\x81\x04\x00\x21"), CURVE_WEAK, 224, "P-224"},
    {OID("\x2a\x86\x48\xce\x3d\x03\x01\x01"), CURVE_WEAK, 192, "P-192"},
    {OID("\x2b\x81\x04\x00\x0a"), CURVE_OTHER, 256, "secp256k1"},
    {OID("\x2b\x24\x03\x03\x02\x08\x01\x01\x07"), CURVE_OTHER, 256, "brainpoolP256r1"},
    {OID("\x2b\x24\x03\x03\x02\x08\x01\x01\x0b"), CURVE_OTHER, 384, "brainpoolP384r1"},
    {OID("\x2b\x24\x03\x03\x02\x08\x01\x01\x0d"), CURVE_OTHER, 512, "brainpoolP512r1"},
};

static void read_curve(struct der *parameters, struct public_key *key) {
    struct slice oid = der_take(parameters, DER_OID);
    key->curve_name = "an unknown curve";
    for (size_t i = 0; i < sizeof(CURVES) / sizeof(CURVES[0]); i++) {
        if (slice_equal(oid, CURVES[i].oid)) {
            key->curve = CURVES[i].curve;
            key->bits = CURVES[i].bits;
            key->curve_name = CURVES[i].name;
        }
    }
}

static unsigned count_bits(struct slice number) {
    unsigned bits = (unsigned)number.size * 8;
    for (unsigned top = 0x80; number.size > 0 && top != 0 && ((uint8_t)number.data[0] & top) == 0;
         top >>= 1) {
        bits--;
    }
    return bits;
}

static enum result read_rsa(struct slice bits, struct public_key *key) {
    struct der outer = der_begin(bits);
    struct der numbers = der_enter(&outer, DER_SEQUENCE);
    key->modulus = der_unsigned(der_take(&numbers, DER_INTEGER));
    key->exponent = der_unsigned(der_take(&numbers, DER_INTEGER));
    key->bits = count_bits(key->modulus);
    return numbers.bad || key->modulus.size > RSA_MODULUS_SIZE_MAX ? RESULT_ERROR : RESULT_OK;
}

enum result x509_read_key(struct der info, struct public_key *key) {
    static const struct oid_name kinds[] = {
        {OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"), KEY_RSA},
        {OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"), KEY_RSA}, // for RSASSA-PSS only
        {OID("\x2a\x86\x48\xce\x3d\x02\x01"), KEY_EC},
        {OID("\x2b\x65\x70"), KEY_ED25519},
        {OID("\x2b\x65\x71"), KEY_ED448},
        {OID("\x2a\x86\x48\xce\x38\x04\x01"), KEY_DSA},
    };
    struct der algorithm = der_enter(&info, DER_SEQUENCE);
    struct slice oid = der_take(&algorithm, DER_OID);
    struct slice bits = take_bits(&info);
    *key = (struct public_key){.kind = (enum key_kind)FIND_OID(kinds, oid), .raw = bits};
    if (info.bad || algorithm.bad) {
        return RESULT_ERROR;
    }
    switch (key->kind) {
    case KEY_RSA:
        return read_rsa(bits, key);
    case KEY_EC:
        read_curve(&algorithm, key);
        return RESULT_OK;
    case KEY_ED25519:
        key->bits = 256;
        return RESULT_OK;
    case KEY_ED448:
        key->bits = 448;
        return RESULT_OK;
    default:
        return RESULT_OK;
    }
}

// --- Signatures ---

static const struct {
    struct slice oid;
    struct signature_method method;
} METHODS[] = {
    {OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x02"),
     {SIGNATURE_RSA_PKCS1, HASH_MD5, "RSA with MD2", 0}},
    {OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04"),
     {SIGNATURE_RSA_PKCS1, HASH_MD5, "RSA with MD5", 0}},
    {OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05"),
     {SIGNATURE_RSA_PKCS1, HASH_SHA1, "RSA with SHA-1", 0}},
    {OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0e"),
     {SIGNATURE_RSA_PKCS1, HASH_SHA224, "RSA with SHA-224", 0}},
    {OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"),
     {SIGNATURE_RSA_PKCS1, HASH_SHA256, "RSA with SHA-256", 0}},
    {OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c"),
     {SIGNATURE_RSA_PKCS1, HASH_SHA384, "RSA with SHA-384", 0}},
    {OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d"),
     {SIGNATURE_RSA_PKCS1, HASH_SHA512, "RSA with SHA-512", 0}},
    {OID("\x2a\x86\x48\xce\x3d\x04\x01"), {SIGNATURE_ECDSA, HASH_SHA1, "ECDSA with SHA-1", 0}},
    {OID("\x2a\x86\x48\xce\x3d\x04\x03\x01"),
     {SIGNATURE_ECDSA, HASH_SHA224, "ECDSA with SHA-224", 0}},
    {OID("\x2a\x86\x48\xce\x3d\x04\x03\x02"),
     {SIGNATURE_ECDSA, HASH_SHA256, "ECDSA with SHA-256", 0}},
    {OID("\x2a\x86\x48\xce\x3d\x04\x03\x03"),
     {SIGNATURE_ECDSA, HASH_SHA384, "ECDSA with SHA-384", 0}},
    {OID("\x2a\x86\x48\xce\x3d\x04\x03\x04"),
     {SIGNATURE_ECDSA, HASH_SHA512, "ECDSA with SHA-512", 0}},
    {OID("\x2b\x65\x70"), {SIGNATURE_ED25519, HASH_NONE, "Ed25519", 0}},
    {OID("\x2b\x65\x71"), {SIGNATURE_ED448, HASH_NONE, "Ed448", 0}},
};

// RSASSA-PSS-params (RFC 4055 3.1): the defaults are SHA-1 and a salt of 20 bytes.
static struct signature_method read_pss(struct der *algorithm) {
    static const struct oid_name hashes[] = {
        {OID("\x60\x86\x48\x01\x65\x03\x04\x02\x01"), HASH_SHA256},
        {OID("\x60\x86\x48\x01\x65\x03\x04\x02\x02"), HASH_SHA384},
        {OID("\x60\x86\x48\x01\x65\x03\x04\x02\x03"), HASH_SHA512},
    };
    static const char *const names[] = {
        [HASH_SHA256] = "RSA-PSS with SHA-256",
        [HASH_SHA384] = "RSA-PSS with SHA-384",
        [HASH_SHA512] = "RSA-PSS with SHA-512",
    };
    struct signature_method method = {SIGNATURE_RSA_PSS, HASH_SHA1, "RSA-PSS with SHA-1", 20};
    struct der parameters = der_enter(algorithm, DER_SEQUENCE);
    if (der_peek(&parameters) == DER_CONTEXT_CONSTRUCTED + 0) {
        struct der field = der_enter(&parameters, DER_CONTEXT_CONSTRUCTED + 0);
        struct der hash = der_enter(&field, DER_SEQUENCE);
        int found = FIND_OID(hashes, der_take(&hash, DER_OID));
        method.hash = found == 0 ? HASH_OTHER : (enum signature_hash)found;
        method.name = found == 0 ? "RSA-PSS" : names[found];
    }
    der_skip(&parameters, DER_CONTEXT_CONSTRUCTED + 1); // the mask's hash
    if (der_peek(&parameters) == DER_CONTEXT_CONSTRUCTED + 2) {
        struct der field = der_enter(&parameters, DER_CONTEXT_CONSTRUCTED + 2);
        int64_t size = take_number(&field);
        method.salt_size = size >= 0 && size < RSA_MODULUS_SIZE_MAX ? (int)size : 0;
    }
    return method;
}

struct signature_method x509_read_method(struct der *der) {
    return x509_method(der_take(der, DER_SEQUENCE));
}

struct signature_method x509_method(struct slice identifier) {
    static const struct oid_name pss[] = {{OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"), 1}};
    struct der algorithm = der_begin(identifier);
    struct slice oid = der_take(&algorithm, DER_OID);
    if (FIND_OID(pss, oid) != 0) {
        return read_pss(&algorithm);
    }
    for (size_t i = 0; i < sizeof(METHODS) / sizeof(METHODS[0]); i++) {
        if (slice_equal(METHODS[i].oid, oid)) {
            return METHODS[i].method;
        }
    }
    return (struct signature_method){SIGNATURE_OTHER, HASH_OTHER, "an unknown algorithm", 0};
}

// --- Extensions ---

enum extension {
    EXTENSION_UNKNOWN,
    EXTENSION_KEY_USAGE,
    EXTENSION_NAMES,
    EXTENSION_BASIC_CONSTRAINTS,
    EXTENSION_NAME_CONSTRAINTS,
    EXTENSION_PURPOSES,
    EXTENSION_TLS_FEATURE,
    EXTENSION_POLICY, // certificate policies and related extensions, which are ignored
};

static void read_purposes(struct der value, struct x509 *certificate) {
    enum { SERVER = 1, OCSP, ANY };
    static const struct oid_name purposes[] = {
        {OID("\x2b\x06\x01\x05\x05\x07\x03\x01"), SERVER},
        {OID("\x2b\x06\x01\x05\x05\x07\x03\x09"), OCSP},
        {OID("\x55\x1d\x25\x00"), ANY},
    };
    struct der list = der_enter(&value, DER_SEQUENCE);
    certificate->has_purposes = true;
    while (has_more(&list)) {
        int purpose = FIND_OID(purposes, der_take(&list, DER_OID));
        certificate->for_servers |= purpose == SERVER || purpose == ANY;
        certificate->for_ocsp |= purpose == OCSP;
    }
}

static void read_basic_constraints(struct der value, struct x509 *certificate) {
    struct der content = der_enter(&value, DER_SEQUENCE);
    certificate->is_ca = take_flag(&content);
    if (has_more(&content)) {
        int64_t limit = take_number(&content);
        certificate->path_length = limit >= 0 && limit < 255 ? (int)limit : 0;
    }
}

static void read_key_usage(struct der value, struct x509 *certificate) {
    // First byte: number of unused bits; then the bits.
    struct slice bits = der_take(&value, DER_BIT_STRING);
    certificate->has_key_usage = true;
    certificate->key_usage = bits.size > 1 ? (uint8_t)bits.data[1] : 0;
}

static void read_feature(struct der value, struct x509 *certificate) {
    enum { STATUS_REQUEST = 5 };
    struct der list = der_enter(&value, DER_SEQUENCE);
    while (has_more(&list)) {
        certificate->must_staple |= take_number(&list) == STATUS_REQUEST;
    }
}

static bool read_extension(struct der *extensions, struct x509 *certificate) {
    static const struct oid_name known[] = {
        {OID("\x55\x1d\x0f"), EXTENSION_KEY_USAGE},
        {OID("\x55\x1d\x11"), EXTENSION_NAMES},
        {OID("\x55\x1d\x13"), EXTENSION_BASIC_CONSTRAINTS},
        {OID("\x55\x1d\x1e"), EXTENSION_NAME_CONSTRAINTS},
        {OID("\x55\x1d\x25"), EXTENSION_PURPOSES},
        {OID("\x2b\x06\x01\x05\x05\x07\x01\x18"), EXTENSION_TLS_FEATURE},
        {OID("\x55\x1d\x20"), EXTENSION_POLICY},
        {OID("\x55\x1d\x21"), EXTENSION_POLICY},
        {OID("\x55\x1d\x24"), EXTENSION_POLICY},
        {OID("\x55\x1d\x36"), EXTENSION_POLICY},
    };
    struct der extension = der_enter(extensions, DER_SEQUENCE);
    int id = FIND_OID(known, der_take(&extension, DER_OID));
    bool is_critical = take_flag(&extension);
    struct der value = der_begin(der_take(&extension, DER_OCTET_STRING));
    switch ((enum extension)id) {
    case EXTENSION_KEY_USAGE:
        read_key_usage(value, certificate);
        break;
    case EXTENSION_NAMES:
        certificate->names = der_take(&value, DER_SEQUENCE);
        break;
    case EXTENSION_BASIC_CONSTRAINTS:
        read_basic_constraints(value, certificate);
        break;
    case EXTENSION_NAME_CONSTRAINTS:
        certificate->has_name_constraints = true;
        break;
    case EXTENSION_PURPOSES:
        read_purposes(value, certificate);
        break;
    case EXTENSION_TLS_FEATURE:
        read_feature(value, certificate);
        break;
    case EXTENSION_POLICY:
        break;
    case EXTENSION_UNKNOWN:
        certificate->has_unknown_critical |= is_critical;
        break;
    }
    return !extension.bad;
}

// --- The whole ---

static enum result read_body(struct der body, struct x509 *certificate) {
    der_skip(&body, DER_CONTEXT_CONSTRUCTED + 0); // version
    certificate->serial = der_take(&body, DER_INTEGER);
    (void)der_take(&body, DER_SEQUENCE); // signature: the same as outside
    (void)der_take_any(&body, &certificate->issuer);
    struct der validity = der_enter(&body, DER_SEQUENCE);
    certificate->not_before = der_take_time(&validity);
    certificate->not_after = der_take_time(&validity);
    (void)der_take_any(&body, &certificate->subject);
    struct der key_info = der_enter(&body, DER_SEQUENCE);
    if (body.bad || validity.bad || x509_read_key(key_info, &certificate->key) != RESULT_OK) {
        return RESULT_ERROR;
    }
    der_skip(&body, DER_CONTEXT + 1); // unique ids, unused
    der_skip(&body, DER_CONTEXT + 2);
    struct der outer = enter_optional(&body, DER_CONTEXT_CONSTRUCTED + 3);
    struct der extensions = enter_optional(&outer, DER_SEQUENCE);
    while (has_more(&extensions)) {
        if (!read_extension(&extensions, certificate)) {
            return RESULT_ERROR;
        }
    }
    return body.bad || outer.bad || extensions.bad ? RESULT_ERROR : RESULT_OK;
}

enum result x509_parse(struct slice bytes, struct x509 *certificate) {
    *certificate = (struct x509){.path_length = -1};
    struct der outer = der_begin(bytes);
    struct der content = der_begin(der_take_any(&outer, &certificate->whole));
    struct der body = der_begin(der_take_any(&content, &certificate->signed_part));
    certificate->method = x509_read_method(&content);
    certificate->signature = take_bits(&content);
    if (outer.bad || content.bad || bytes.data[0] != DER_SEQUENCE) {
        return RESULT_ERROR;
    }
    return read_body(body, certificate);
}
