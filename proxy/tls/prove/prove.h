// What this program can negotiate, found out by asking the TLS library that is linked into it, and
// what it cannot, claim by claim, each with the ways it was proved.
//
// Kinds of proof, the strongest first:
//   handshake  the library, set up as for every client, was offered this in a ClientHello, and
//              answered (rehearsal.h);
//   call       a function of the library was asked for it, and refused;
//   symbol     the function that would do it is not in the executable's own symbol table. A
//              stripped executable cannot say: the proof is then unavailable;
//   constant   the library's options.h, as this program was compiled with it, says so. It is the
//              weakest: it believes that library and header belong together.
// A claim holds when no proof of it fails and at least one holds.
#ifndef RAVELIN_TLS_PROVE_PROVE_H
#define RAVELIN_TLS_PROVE_PROVE_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

#define PROVE_LIST_MAX 64
#define PROVE_PROOFS_MAX 16
#define PROVE_CLAIMS_MAX 32
#define PROVE_TEXT_SIZE 160

enum proof_kind { PROOF_HANDSHAKE, PROOF_CALL, PROOF_SYMBOL, PROOF_CONSTANT };
enum proof_state { PROOF_HOLDS, PROOF_FAILS, PROOF_UNAVAILABLE };

struct proof {
    enum proof_kind kind;
    enum proof_state state;
    const char *subject; // the name of the symbol or constant; NULL for the other kinds
    char how[PROVE_TEXT_SIZE];
};

struct claim {
    const char *name; // does not change between versions
    const char *text;
    bool holds;
    size_t proof_count;
    struct proof proofs[PROVE_PROOFS_MAX];
};

struct name_list {
    size_t count;
    const char *names[PROVE_LIST_MAX]; // static
};

// What session tickets are good for.
struct ticket_facts {
    bool issued;
    bool resumes_with_dhe;    // offered for psk_dhe_ke, with a fresh key exchange
    bool resumes_without_dhe; // offered for psk_ke alone
    bool allows_early_data;   // says the ticket
    bool accepts_early_data;  // sent with the ticket
};

struct negotiable {
    struct name_list versions;
    struct name_list suites; // in the order of the registry
    struct name_list groups;
    struct name_list signatures;
    struct ticket_facts tickets;
};

struct prove_report {
    struct negotiable negotiable;
    struct name_list library_suites; // the library's own list of what was compiled in
    bool has_symbols;
    bool holds; // every claim does
    size_t claim_count;
    struct claim claims[PROVE_CLAIMS_MAX];
};

// Asks the library what a client can get; tls_library_init() comes first. False: no memory or
// randomness.
bool prove_negotiable(struct negotiable *negotiable);
// The whole report, on an executable that is this program's own. NULL: no memory or randomness. The
// caller frees it with free().
struct prove_report *prove_library(struct slice executable);

const char *proof_kind_name(enum proof_kind kind);

#endif
