// Numbers of TLS and their names (IANA's registries): versions, cipher suites, groups and signature
// schemes, good and bad, as far as a client may offer them and `ravelin prove` asks the library for
// them. Ravelin itself accepts only those of policy.h, which come first.
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

// Groups of other peers, beside those of enum tls_group.
enum tls_other_group {
    GROUP_P521 = 0x0019,
    GROUP_SECP384R1MLKEM1024 = 0x11ed,
};

// What is wrong with a cipher suite.
enum suite_flaw {
    FLAW_STATIC = 1,     // no forward secrecy: RSA key transport, or fixed (EC)DH keys
    FLAW_CBC = 2,        // not authenticated encryption
    FLAW_RC4 = 4,        //
    FLAW_TRIPLE_DES = 8, // or DES, or an export cipher
    FLAW_NO_CIPHER = 16, // encrypts nothing
    FLAW_ANONYMOUS = 32, // authenticates nobody
    FLAW_OLD = 64,       // nothing but that it is of TLS 1.2
    FLAW_OTHER = 128,    // of TLS 1.3, but not of ours: short tags, or little known
};

struct registered {
    uint16_t number;
    uint16_t flaws; // suites only; 0: one of ours
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

// NULL when the number is not in it.
const char *registry_name(struct registry registry, uint16_t number);

#endif
