// What one X.509 certificate says (RFC 5280), and whether it is good enough.
//
// The library parses it first, strictly; then the pieces the proxy needs are looked up. The struct
// owns nothing: its slices point into the DER it was read from. Nothing is verified here but what
// certificate_issued() says. Judged are keys (ECDSA P-256 and P-384, Ed25519, RSA of 2048 to 4096
// bits; of others than us P-521 and RSA-PSS too) and signatures (with SHA-256, SHA-384, SHA-512 or
// Ed25519). By design there is no way to allow more.
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
    CERTIFICATE_KEY_RSA_PSS, // for RSASSA-PSS alone
};

#define CERTIFICATE_KEY_ID_SIZE 32
#define CERTIFICATE_WHY_SIZE 128

struct certificate {
    struct slice der; // all of it
    struct slice serial;
    struct slice issuer;     // the content of the Name
    struct slice subject;    // the content of the Name
    struct slice key_info;   // SubjectPublicKeyInfo, whole
    struct slice public_key; // what its BIT STRING holds: a point, an RSAPublicKey
    enum certificate_key key;
    uint32_t key_bits;      // RSA and RSA-PSS only
    uint32_t exponent_bits; // RSA and RSA-PSS only; 0: even or 1, which is no exponent
    uint32_t path_length;   // basicConstraints: how many authorities may follow; UINT32_MAX: any
    const char *signature_hash;  // "SHA-256", ...; "" for Ed25519; NULL when it is not one of ours
    const char *signature_shown; // what the signature is made with, for messages
    int64_t not_before;          // seconds since 1970
    int64_t not_after;
    bool is_authority;          // basicConstraints: CA
    bool may_sign_certificates; // what keyUsage says, if it is there
    bool may_sign_data;
    bool constrains_names; // nameConstraints
    bool is_for_clients;   // what extendedKeyUsage says, if it is there
    bool is_self_issued;   // issuer and subject are the same name
    bool has_subject_key_id;
    bool has_authority_key_id;
    uint8_t subject_key_id[CERTIFICATE_KEY_ID_SIZE];
    uint8_t authority_key_id[CERTIFICATE_KEY_ID_SIZE];
};

// RESULT_ERROR: it cannot be read; certificate_faults.h finds out why.
enum result certificate_read(struct slice der, struct certificate *certificate) MUST_CHECK;
// Whether its key is one to be used at all. Of ours, only of the kinds that the signer signs with;
// authorities and clients may also have P-521 and RSA-PSS.
enum result certificate_judge_key(const struct certificate *certificate, bool is_ours,
                                  char why[CERTIFICATE_WHY_SIZE]) MUST_CHECK;
// Whether the signature on it is one to trust. Nobody verifies the one on a root.
enum result certificate_judge_signature(const struct certificate *certificate,
                                        char why[CERTIFICATE_WHY_SIZE]) MUST_CHECK;
// Whether names and key identifiers allow that `issuer` issued `certificate`.
bool certificate_may_have_issued(const struct certificate *issuer,
                                 const struct certificate *certificate);
// The work of verifying one signature with the key of `issuer`: 100 is a P-256 signature, which is
// 0.1 ms on a slow core.
uint32_t certificate_verification_cost(const struct certificate *issuer);
// Whether `issuer` issued `certificate`: by names and key identifiers, and when the
// certificate names no key, by verifying the signature. Good enough to put certificates in order.
bool certificate_issued(const struct certificate *issuer, const struct certificate *certificate);
// Whether `issuer` signed `certificate`, and its name constraints allow what is in it. Good enough
// to trust the certificate as much as the issuer, as far as the library knows how: an issuer
// without subjectKeyIdentifier is not found for a certificate with authorityKeyIdentifier. Dates,
// strength and rights are judged elsewhere.
bool certificate_verifies(const struct certificate *issuer, const struct certificate *certificate);
// What a signature is made with, from an AlgorithmIdentifier's content: see `signature_hash`.
const char *certificate_signature_hash(struct slice algorithm, const char **shown);
// Whether clients take it for this host: "www.example.com", "192.0.2.1", "[2001:db8::1]"; for
// "*.example.com" the certificate must hold that very pattern. Only subjectAltName counts
// (RFC 9525).
bool certificate_covers(const struct certificate *certificate, const char *host);

#endif
