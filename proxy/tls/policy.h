// The TLS policy: what Ravelin negotiates. No option can weaken it.
//
// Three lists, each in order of preference. Only these lists name the cipher suites, groups and
// signature schemes that Ravelin accepts. The registry, the cipher list for wolfSSL, the checks of
// a ClientHello, the counters and the claims of `ravelin prove` come from them. Numbers and names
// of all other suites, groups and schemes are in registry.h.
#ifndef RAVELIN_TLS_POLICY_H
#define RAVELIN_TLS_POLICY_H

#include "observe/metrics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Columns: constant, IANA's number, IANA's name, name in a cipher list of wolfSSL, metric.
#define POLICY_SUITES(X)                                                                           \
    X(SUITE_AES_128_GCM_SHA256, 0x1301, "TLS_AES_128_GCM_SHA256", "TLS13-AES128-GCM-SHA256",       \
      suite_aes_128_gcm_sha256)                                                                    \
    X(SUITE_AES_256_GCM_SHA384, 0x1302, "TLS_AES_256_GCM_SHA384", "TLS13-AES256-GCM-SHA384",       \
      suite_aes_256_gcm_sha384)                                                                    \
    X(SUITE_CHACHA20_POLY1305_SHA256, 0x1303, "TLS_CHACHA20_POLY1305_SHA256",                      \
      "TLS13-CHACHA20-POLY1305-SHA256", suite_chacha20_poly1305_sha256)

// Columns: constant, IANA's number (also wolfSSL's), name, wolfSSL's name for a negotiated group,
// size of a client's share in bytes, whether a share begins with an uncompressed point, whether the
// group is post-quantum, metric. The post-quantum groups come first.
#define POLICY_GROUPS(X)                                                                           \
    X(GROUP_X25519MLKEM768, 0x11ec, "X25519MLKEM768", "X25519MLKEM768", 1184 + 32, false, true,    \
      group_x25519mlkem768)                                                                        \
    X(GROUP_SECP256R1MLKEM768, 0x11eb, "SecP256r1MLKEM768", "SecP256r1MLKEM768", 65 + 1184, true,  \
      true, group_secp256r1mlkem768)                                                               \
    X(GROUP_X25519, 0x001d, "X25519", "X25519", 32, false, false, group_x25519)                    \
    X(GROUP_P256, 0x0017, "P-256", "SECP256R1", 65, true, false, group_p256)                       \
    X(GROUP_P384, 0x0018, "P-384", "SECP384R1", 97, true, false, group_p384)

// Columns: constant, IANA's number, IANA's name, kind of certificate that signs with the scheme.
// The kinds that cost least to sign and to verify come first.
#define POLICY_SCHEMES(X)                                                                          \
    X(SCHEME_ECDSA_P256, 0x0403, "ecdsa_secp256r1_sha256", POLICY_SIGNATURE_ECDSA_P256)            \
    X(SCHEME_ECDSA_P384, 0x0503, "ecdsa_secp384r1_sha384", POLICY_SIGNATURE_ECDSA_P384)            \
    X(SCHEME_ED25519, 0x0807, "ed25519", POLICY_SIGNATURE_ED25519)                                 \
    X(SCHEME_RSA_PSS_SHA256, 0x0804, "rsa_pss_rsae_sha256", POLICY_SIGNATURE_RSA_PSS)              \
    X(SCHEME_RSA_PSS_SHA384, 0x0805, "rsa_pss_rsae_sha384", POLICY_SIGNATURE_RSA_PSS)              \
    X(SCHEME_RSA_PSS_SHA512, 0x0806, "rsa_pss_rsae_sha512", POLICY_SIGNATURE_RSA_PSS)

#define POLICY_NUMBER(constant, number, ...) constant = (number),
#define POLICY_INDEX(constant, ...) POLICY_INDEX_OF_##constant,
enum tls_suite { POLICY_SUITES(POLICY_NUMBER) };
enum tls_group { POLICY_GROUPS(POLICY_NUMBER) };
enum tls_scheme { POLICY_SCHEMES(POLICY_NUMBER) };
// The rows of each list; fewer than 32, so that sets of rows are bit masks.
enum { POLICY_SUITES(POLICY_INDEX) POLICY_SUITE_COUNT };
enum { POLICY_GROUPS(POLICY_INDEX) POLICY_GROUP_COUNT };
enum { POLICY_SCHEMES(POLICY_INDEX) POLICY_SCHEME_COUNT };
#undef POLICY_NUMBER
#undef POLICY_INDEX

// Kinds of certificates, by the signatures that they make. Bits of a set.
enum policy_signature {
    POLICY_SIGNATURE_ECDSA_P256 = 1,
    POLICY_SIGNATURE_ECDSA_P384 = 2,
    POLICY_SIGNATURE_ED25519 = 4,
    POLICY_SIGNATURE_RSA_PSS = 8,
};

struct policy_suite {
    uint16_t number;
    enum metric metric;
    const char *name;
};

struct policy_group {
    uint16_t number;
    uint16_t share_size; // bytes of a client's share
    bool has_point;      // a client's share begins with an uncompressed point
    bool post_quantum;
    enum metric metric;
    const char *name;
    const char *library_name;
};

struct policy_scheme {
    uint16_t number;
    enum policy_signature signature;
    const char *name;
};

extern const struct policy_suite policy_suites[POLICY_SUITE_COUNT];
extern const struct policy_group policy_groups[POLICY_GROUP_COUNT];
extern const struct policy_scheme policy_schemes[POLICY_SCHEME_COUNT];

// The row of a number in its table. -1: Ravelin does not accept this number.
int policy_suite_index(uint32_t suite);
int policy_group_index(uint32_t group);
int policy_scheme_index(uint32_t scheme);

// The row of the group that wolfSSL calls `library_name`. NULL: no row, or library_name is NULL.
const struct policy_group *policy_group_named(const char *library_name);

// The suites as a cipher list for wolfSSL.
const char *policy_cipher_list(void);

// Writes the numbers of the groups that the linked wolfSSL has, in order of preference, and returns
// their number. 0: `post_quantum_only`, and wolfSSL has no ML-KEM.
size_t policy_usable_groups(bool post_quantum_only, int numbers[POLICY_GROUP_COUNT]);

// False if the linked wolfSSL has no ML-KEM.
bool policy_has_post_quantum(void);

#endif
