// Reads one X.509 certificate (RFC 5280) and checks whether it is strong enough.
//
// wolfSSL parses the certificate strictly; then this module finds the parts that Ravelin needs. The
// struct owns nothing: its slices point into the DER. Only certificate_issued() and
// certificate_verifies() verify signatures.
//
// Accepted keys: ECDSA P-256 and P-384, Ed25519, RSA of 2048 to 4096 bits; of authorities and
// clients also ECDSA P-521 and RSA-PSS. Accepted signatures: with SHA-256, SHA-384, SHA-512 or
// Ed25519. No option allows more.
#ifndef RAVELIN_TLS_CERTIFICATE_CERTIFICATE_H
#define RAVELIN_TLS_CERTIFICATE_CERTIFICATE_H

#include "base/result.h"
#include "base/slice.h"

enum certificate_key {
    CERTIFICATE_KEY_OTHER,
    CERTIFICATE_KEY_P256,
    CERTIFICATE_KEY_P384,
    CERTIFICATE_KEY_P521,
    CERTIFICATE_KEY_ED25519,
    CERTIFICATE_KEY_RSA,
    CERTIFICATE_KEY_RSA_PSS, // an RSA key for RSASSA-PSS only
};

#define CERTIFICATE_KEY_ID_SIZE 32
#define CERTIFICATE_WHY_SIZE 128

struct certificate {
    struct slice der; // the whole certificate
    struct slice serial;
    struct slice issuer;     // the content of the Name
    struct slice subject;    // the content of the Name
    struct slice key_info;   // SubjectPublicKeyInfo, whole
    struct slice public_key; // content of the BIT STRING: a point, an RSAPublicKey
    enum certificate_key key;
    uint32_t key_bits;      // RSA and RSA-PSS only
    uint32_t exponent_bits; // RSA and RSA-PSS only; 0: even or 1, which is not an exponent
    uint32_t path_length;   // basicConstraints: how many authorities may follow; UINT32_MAX: any
    const char *signature_hash;  // "SHA-256", ...; "" for Ed25519; NULL: not accepted
    const char *signature_shown; // name of the signature method, for messages
    int64_t not_before;          // seconds since 1970
    int64_t not_after;
    bool is_authority;          // basicConstraints: CA
    bool may_sign_certificates; // by keyUsage; true without keyUsage
    bool may_sign_data;         // the same
    bool constrains_names;      // has nameConstraints
    bool is_for_clients;        // by extendedKeyUsage; true without extendedKeyUsage
    bool is_self_issued;        // issuer and subject are the same name
    bool has_subject_key_id;
    bool has_authority_key_id;
    uint8_t subject_key_id[CERTIFICATE_KEY_ID_SIZE];
    uint8_t authority_key_id[CERTIFICATE_KEY_ID_SIZE];
};

// Reads a certificate. RESULT_ERROR: wolfSSL refuses it; certificate_faults.h finds the reason.
enum result certificate_read(struct slice der, struct certificate *certificate) MUST_CHECK;
// RESULT_OK: the key is accepted. RESULT_ERROR: `why` has the reason. `is_ours`: a certificate of
// Ravelin, which must have a kind of key that the signer supports.
enum result certificate_judge_key(const struct certificate *certificate, bool is_ours,
                                  char why[CERTIFICATE_WHY_SIZE]) MUST_CHECK;
// RESULT_OK: the method of the signature is accepted. RESULT_ERROR: `why` has the reason. Do not
// call it for a root, whose signature is never verified.
enum result certificate_judge_signature(const struct certificate *certificate,
                                        char why[CERTIFICATE_WHY_SIZE]) MUST_CHECK;
// True if names and key identifiers fit: `issuer` may have issued `certificate`.
bool certificate_may_have_issued(const struct certificate *issuer,
                                 const struct certificate *certificate);
// The work of verifying one signature with the key of `issuer`. 100: as much as for ECDSA P-256.
uint32_t certificate_verification_cost(const struct certificate *issuer);
// True if `issuer` issued `certificate`, by names and key identifiers. If the certificate names no
// key, the signature is verified. Good enough to sort certificates, not to trust them.
bool certificate_issued(const struct certificate *issuer, const struct certificate *certificate);
// True if `issuer` signed `certificate`, and its name constraints allow the names in the
// certificate. wolfSSL verifies the signature, and does not find an issuer without
// subjectKeyIdentifier for a certificate with authorityKeyIdentifier. The caller checks dates,
// strength and rights.
bool certificate_verifies(const struct certificate *issuer, const struct certificate *certificate);
// Reads the content of an AlgorithmIdentifier. Returns signature_hash, and signature_shown in
// *shown: see struct certificate.
const char *certificate_signature_hash(struct slice algorithm, const char **shown);
// True if the certificate covers the host name: "www.example.com", "192.0.2.1", "[2001:db8::1]".
// For "*.example.com" the certificate must have this pattern. Only subjectAltName counts (RFC
// 9525).
bool certificate_covers(const struct certificate *certificate, const char *host);

#endif
