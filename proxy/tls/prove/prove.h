// Tests the linked wolfSSL: what this program can negotiate, and claims about what it cannot, each
// with its proofs. For `ravelin prove`.
//
// Kinds of proof, the strongest first:
//   handshake  wolfSSL, set up as for every client, got a ClientHello with the thing, and its reply
//              is the proof (rehearsal.h)
//   call       a function of wolfSSL was called for the thing, and refused
//   symbol     the symbol table of this executable does not have the function for the thing. With a
//              stripped executable this proof is unavailable
//   constant   wolfSSL's options.h, with which this program was compiled, excludes the thing. The
//              weakest: it assumes that library and header belong together
// A claim holds if at least one of its proofs holds and none fails.
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
    const char *subject; // name of the symbol or constant; NULL for other kinds
    char how[PROVE_TEXT_SIZE];
};

struct claim {
    const char *name; // stable between versions
    const char *text;
    bool holds;
    size_t proof_count;
    struct proof proofs[PROVE_PROOFS_MAX];
};

struct name_list {
    size_t count;
    const char *names[PROVE_LIST_MAX]; // static
};

// The abilities of a client with session tickets.
struct ticket_facts {
    bool issued;
    bool resumes_with_dhe;    // with psk_dhe_ke and a new key exchange
    bool resumes_without_dhe; // with psk_ke only
    bool allows_early_data;   // by the ticket
    bool accepts_early_data;  // early data with the ticket were accepted
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
    struct name_list library_suites; // wolfSSL's list of compiled-in suites
    bool has_symbols;                // the executable has a symbol table
    bool holds;                      // all claims hold
    size_t claim_count;
    struct claim claims[PROVE_CLAIMS_MAX];
};

// Finds out what a client can negotiate. Call tls_library_init() first. False: memory is short, or
// there are no random bytes.
bool prove_negotiable(struct negotiable *negotiable);
// Makes the whole report. `executable`: the bytes of this program's file. The caller frees the
// report with free(). NULL: memory is short, or there are no random bytes.
struct prove_report *prove_library(struct slice executable);

const char *proof_kind_name(enum proof_kind kind);

#endif
