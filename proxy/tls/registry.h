// The numbers and names of TLS (IANA's registries): versions, cipher suites, groups and signature
// schemes, strong and weak. For log lines, `ravelin doctor` and `ravelin prove`. Ravelin accepts
// only those of policy.h, which are the first rows.
#ifndef RAVELIN_TLS_REGISTRY_H
#define RAVELIN_TLS_REGISTRY_H

#include "tls/policy.h"

#include <stddef.h>
#include <stdint.h>

enum tls_version {
    VERSION_SSL2 = 0x0002,
    VERSION_SSL3 = 0x0300,
    VERSION_TLS10 = 0x0301,
    VERSION_TLS11 = 0x0302,
    VERSION_TLS12 = 0x0303,
    VERSION_TLS13 = 0x0304,
};

// Groups that Ravelin does not accept, but other servers do.
enum tls_other_group {
    GROUP_P521 = 0x0019,
    GROUP_SECP384R1MLKEM1024 = 0x11ed,
};

// The flaws of a cipher suite, as bits.
enum suite_flaw {
    FLAW_STATIC = 1,     // no forward secrecy: RSA key transport, or fixed (EC)DH keys
    FLAW_CBC = 2,        // not authenticated encryption
    FLAW_RC4 = 4,        //
    FLAW_TRIPLE_DES = 8, // 3DES, DES, or an export cipher
    FLAW_NO_CIPHER = 16, // no encryption
    FLAW_ANONYMOUS = 32, // no authentication of the server
    FLAW_OLD = 64,       // a suite of TLS 1.2 without another flaw
    FLAW_OTHER = 128,    // a suite of TLS 1.3 outside the policy: short tags, or little known
};

struct registered {
    uint16_t number;
    uint16_t flaws; // suites only; 0: the policy has the suite
    const char *name;
};

struct registry {
    const struct registered *items;
    size_t count;
};

struct registry registry_versions(void);
struct registry registry_suites(void);
struct registry registry_groups(void);
struct registry registry_schemes(void);

// NULL: the registry does not have the number.
const char *registry_name(struct registry registry, uint16_t number);

#endif
