// The structs that prove.c (the tests) and prove_claims.c (the claims) share. No other file
// includes it.
#ifndef RAVELIN_TLS_PROVE_PROVE_INTERNAL_H
#define RAVELIN_TLS_PROVE_PROVE_INTERNAL_H

#include "base/elf.h"
#include "tls/prove/prove.h"
#include "tls/prove/rehearsal.h"
#include "tls/registry.h"

struct prover {
    struct prove_report *report;
    struct rehearsal *rehearsal;
    struct elf_symbols symbols;
};

// A ClientHello of TLS 1.3 with exactly one suite, one group (without a share) and one signature
// scheme. `offer` points to the other members: never move or copy the struct.
struct single_offer {
    uint16_t suite;
    uint16_t group;
    uint16_t scheme;
    uint16_t version;
    struct offer offer;
};

void single_offer_make(struct single_offer *single, uint16_t suite, uint16_t group);

// True if wolfSSL negotiates exactly this.
bool prover_takes_version(struct prover *prover, uint16_t version, struct rehearsal_answer *answer);
bool prover_takes_suite(struct prover *prover, uint16_t suite);
bool prover_takes_group(struct prover *prover, uint16_t group);
bool prover_takes_scheme(struct prover *prover, uint16_t scheme);

// Tests all claims and adds them to the report.
void prove_claims(struct prover *prover);

#endif
