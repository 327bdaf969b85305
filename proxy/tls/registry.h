// Numbers of TLS and their names (IANA's registries): versions, cipher suites, groups and signature
// schemes, good and bad, as far as `ravelin prove` asks the library for them. Not what is allowed:
// that is context.c's matter.
#ifndef RAVELIN_TLS_REGISTRY_H
#define RAVELIN_TLS_REGISTRY_H

#include <stddef.h>
#include <stdint.h>

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
