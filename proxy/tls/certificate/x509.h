// Reads one X.509 certificate (RFC 5280) with any signature and any key, for `ravelin doctor`. The
// wolfSSL of this build cannot read certificates that it cannot verify (SHA-1, small or rare keys),
// but the doctor must report about these. Ravelin itself uses certificate.h, which is strict. The
// table of signatures here serves both.
//
// Nothing in a certificate is verified: doctor/path.h checks chains. The slices point into the
// caller's bytes. No I/O, no allocation.
#ifndef RAVELIN_TLS_CERTIFICATE_X509_H
#define RAVELIN_TLS_CERTIFICATE_X509_H

#include "base/result.h"
#include "base/slice.h"
#include "tls/certificate/der.h"

#include <stdbool.h>
#include <stdint.h>

#define RSA_MODULUS_SIZE_MAX 2048 // bytes

enum key_kind { KEY_OTHER, KEY_RSA, KEY_EC, KEY_ED25519, KEY_ED448, KEY_DSA };
enum key_curve { CURVE_OTHER, CURVE_P256, CURVE_P384, CURVE_P521, CURVE_WEAK };

struct public_key {
    enum key_kind kind;
    enum key_curve curve;   // KEY_EC
    unsigned bits;          // of the modulus or the field; 0: unknown
    struct slice modulus;   // KEY_RSA
    struct slice exponent;  // KEY_RSA
    struct slice raw;       // content of the BIT STRING: a point, an Ed25519 key
    const char *curve_name; // KEY_EC: static
};

enum signature_kind {
    SIGNATURE_OTHER,
    SIGNATURE_RSA_PKCS1,
    SIGNATURE_RSA_PSS,
    SIGNATURE_ECDSA,
    SIGNATURE_ED25519,
    SIGNATURE_ED448,
};
enum signature_hash {
    HASH_NONE, // Ed25519 and Ed448, which have their own
    HASH_MD5,
    HASH_SHA1,
    HASH_SHA224,
    HASH_SHA256,
    HASH_SHA384,
    HASH_SHA512,
    HASH_OTHER,
};

struct signature_method {
    enum signature_kind kind;
    enum signature_hash hash;
    const char *name; // static: "ECDSA with SHA-256"
    int salt_size;    // RSA-PSS; 0: as long as the hash
};

// Bits of KeyUsage, as in its first byte.
#define KEY_USAGE_DIGITAL_SIGNATURE 0x80
#define KEY_USAGE_CERT_SIGN 0x04
#define KEY_USAGE_CRL_SIGN 0x02

struct x509 {
    struct slice whole;
    struct slice signed_part; // tbsCertificate
    struct slice serial;      // content of the INTEGER
    struct slice issuer;      // Name, whole
    struct slice subject;     // Name, whole
    int64_t not_before;       // seconds since 1970
    int64_t not_after;
    struct public_key key;
    struct signature_method method;
    struct slice signature;
    struct slice names; // content of SubjectAltName, a list of GeneralName; empty: none
    bool is_ca;         // basicConstraints
    int path_length;    // -1: no limit
    bool has_key_usage; //
    uint8_t key_usage;  // KEY_USAGE_...
    bool has_purposes;  // extendedKeyUsage
    bool for_servers;   // extendedKeyUsage has serverAuth or anyExtendedKeyUsage
    bool for_ocsp;      // extendedKeyUsage has OCSPSigning
    bool must_staple;   // TLS feature status_request, RFC 7633
    bool has_name_constraints;
    bool has_unknown_critical;
};

// Reads a certificate. RESULT_ERROR: malformed.
enum result x509_parse(struct slice der, struct x509 *certificate) MUST_CHECK;

// Reads the content of a SubjectPublicKeyInfo.
enum result x509_read_key(struct der info, struct public_key *key) MUST_CHECK;
// Reads an AlgorithmIdentifier of a signature.
struct signature_method x509_read_method(struct der *der);
// The same from the content of an AlgorithmIdentifier.
struct signature_method x509_method(struct slice identifier);

// True if the certificate covers the host name (the case of letters does not matter) or the IPv4 or
// IPv6 address (4 or 16 bytes). RFC 6125: the common name does not count, and a wildcard is the
// whole first label.
bool x509_is_for_name(const struct x509 *certificate, struct slice name);
bool x509_is_for_address(const struct x509 *certificate, struct slice address);

#define X509_TEXT_SIZE 128
// Writes a name as "CN=..., O=...", in printable ASCII, for display. A long text is cut.
void x509_name_text(struct slice name, char text[X509_TEXT_SIZE]);
// Writes "RSA 2048", "ECDSA P-256".
void x509_key_text(const struct public_key *key, char text[X509_TEXT_SIZE]);
// Writes the first names that the certificate covers.
void x509_names_text(const struct x509 *certificate, char text[X509_TEXT_SIZE]);

#endif
