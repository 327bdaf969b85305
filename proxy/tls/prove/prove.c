#include "tls/prove/prove.h"

#include "base/secret.h"
#include "tls/handshake/context_internal.h"
#include "tls/prove/prove_internal.h"

#include <stdlib.h>
#include <string.h>

enum { USUAL_SUITE = SUITE_AES_128_GCM_SHA256, USUAL_SCHEME = SCHEME_ECDSA_P256 };

const char *proof_kind_name(enum proof_kind kind) {
    static const char *const names[] = {[PROOF_HANDSHAKE] = "handshake",
                                        [PROOF_CALL] = "call",
                                        [PROOF_SYMBOL] = "symbol",
                                        [PROOF_CONSTANT] = "constant"};
    return names[kind];
}

static void add_name(struct name_list *list, const char *name) {
    if (list->count < PROVE_LIST_MAX) {
        list->names[list->count++] = name;
    }
}

// --- Questions ---

void single_offer_make(struct single_offer *single, uint16_t suite, uint16_t group) {
    *single = (struct single_offer){
        .suite = suite, .group = group, .scheme = USUAL_SCHEME, .version = VERSION_TLS13};
    single->offer = (struct offer){.version = VERSION_TLS12,
                                   .suites = {&single->suite, 1},
                                   .versions = {&single->version, 1},
                                   .groups = {&single->group, 1},
                                   .signatures = {&single->scheme, 1},
                                   .has_shares = true};
}

// Suites of every kind that a server with an older version might accept.
static bool offer_old_version(struct prover *prover, uint16_t version,
                              struct rehearsal_answer *answer) {
    static const uint16_t suites[] = {0xc02b, 0xc02f, 0xc009, 0xc013, 0x009c, 0x002f, 0x000a};
    static const uint16_t groups[] = {GROUP_X25519, GROUP_P256};
    static const uint16_t schemes[] = {0x0403, 0x0804, 0x0401, 0x0203, 0x0201};
    const struct offer offer = {.version = version,
                                .suites = NUMBERS(suites),
                                .groups = NUMBERS(groups),
                                .signatures = NUMBERS(schemes),
                                .legacy = true};
    rehearsal_offer(prover->rehearsal, &offer, answer);
    return answer->accepted;
}

bool prover_takes_version(struct prover *prover, uint16_t version,
                          struct rehearsal_answer *answer) {
    if (version < VERSION_TLS13) {
        return offer_old_version(prover, version, answer);
    }
    struct single_offer single;
    single_offer_make(&single, USUAL_SUITE, GROUP_X25519);
    rehearsal_offer(prover->rehearsal, &single.offer, answer);
    return answer->accepted && answer->version == version;
}

bool prover_takes_suite(struct prover *prover, uint16_t suite) {
    struct single_offer single;
    struct rehearsal_answer answer;
    single_offer_make(&single, suite, GROUP_X25519);
    rehearsal_offer(prover->rehearsal, &single.offer, &answer);
    return answer.accepted && answer.suite == suite;
}

// A client without a share of the group is asked for one in a HelloRetryRequest. If there is no
// common group, wolfSSL asks for a group of its own choice, which the client did not offer.
bool prover_takes_group(struct prover *prover, uint16_t group) {
    struct single_offer single;
    struct rehearsal_answer answer;
    single_offer_make(&single, USUAL_SUITE, group);
    rehearsal_offer(prover->rehearsal, &single.offer, &answer);
    return answer.accepted && answer.group == group;
}

// Tests the scheme with a certificate of any kind.
bool prover_takes_scheme(struct prover *prover, uint16_t scheme) {
    static const uint16_t suite[] = {USUAL_SUITE};
    static const uint16_t group[] = {GROUP_X25519};
    const struct probe_wishes wishes = {.suites = NUMBERS(suite),
                                        .groups = NUMBERS(group),
                                        .shares = NUMBERS(group),
                                        .signatures = {&scheme, 1}};
    for (int kind = 0; kind < REHEARSAL_CERTIFICATE_COUNT; kind++) {
        struct rehearsal_outcome outcome;
        rehearsal_connect(prover->rehearsal, (enum rehearsal_certificate)kind, &wishes, &outcome);
        if (outcome.scheme == scheme) {
            return true;
        }
    }
    return false;
}

// --- Lists ---

static void ask(struct prover *prover, struct registry registry,
                bool (*takes)(struct prover *, uint16_t), struct name_list *list) {
    for (size_t i = 0; i < registry.count; i++) {
        if (takes(prover, registry.items[i].number)) {
            add_name(list, registry.items[i].name);
        }
    }
}

static bool takes_version(struct prover *prover, uint16_t version) {
    struct rehearsal_answer answer;
    return prover_takes_version(prover, version, &answer);
}

static void find_ticket_facts(struct prover *prover, struct ticket_facts *facts) {
    static const uint16_t suite[] = {USUAL_SUITE};
    static const uint16_t group[] = {GROUP_X25519};
    static const uint16_t scheme[] = {USUAL_SCHEME};
    struct probe_wishes wishes = {.suites = NUMBERS(suite),
                                  .groups = NUMBERS(group),
                                  .shares = NUMBERS(group),
                                  .signatures = NUMBERS(scheme),
                                  .modes = PSK_DHE_KE};
    struct rehearsal_outcome first;
    struct rehearsal_outcome later;
    rehearsal_connect(prover->rehearsal, REHEARSAL_P256, &wishes, &first);
    facts->issued = first.connected && first.has_ticket;
    facts->allows_early_data = first.ticket.allows_early_data;
    if (facts->issued) {
        wishes.ticket = &first.ticket;
        rehearsal_connect(prover->rehearsal, REHEARSAL_P256, &wishes, &later);
        facts->resumes_with_dhe = later.connected && later.resumed && later.group != 0;
        wishes.modes = PSK_KE;
        rehearsal_connect(prover->rehearsal, REHEARSAL_P256, &wishes, &later);
        facts->resumes_without_dhe = later.resumed;
        wishes.modes = PSK_DHE_KE;
        wishes.early_data = SLICE("GET / HTTP/1.1\r\n\r\n");
        rehearsal_connect(prover->rehearsal, REHEARSAL_P256, &wishes, &later);
        facts->accepts_early_data = later.early_data_accepted;
        secret_wipe(&later, sizeof(later));
    }
    secret_wipe(&first, sizeof(first));
}

static void find_negotiable(struct prover *prover, struct negotiable *negotiable) {
    memset(negotiable, 0, sizeof(*negotiable));
    ask(prover, registry_versions(), takes_version, &negotiable->versions);
    ask(prover, registry_suites(), prover_takes_suite, &negotiable->suites);
    ask(prover, registry_groups(), prover_takes_group, &negotiable->groups);
    ask(prover, registry_schemes(), prover_takes_scheme, &negotiable->signatures);
    find_ticket_facts(prover, &negotiable->tickets);
}

static void list_library_suites(struct name_list *list) {
    const char *name;
    for (int i = 0; (name = wolfSSL_get_cipher_list(i)) != NULL; i++) {
        byte first;
        byte second;
        int flags;
        const char *known = NULL;
        if (wolfSSL_get_cipher_suite_from_name(name, &first, &second, &flags) == 0) {
            known = registry_name(registry_suites(), (uint16_t)(first << 8 | second));
        }
        add_name(list, known != NULL ? known : name);
    }
}

bool prove_negotiable(struct negotiable *negotiable) {
    struct prover prover = {.rehearsal = rehearsal_new()};
    if (prover.rehearsal == NULL) {
        return false;
    }
    find_negotiable(&prover, negotiable);
    rehearsal_free(prover.rehearsal);
    return true;
}

struct prove_report *prove_library(struct slice executable) {
    struct prover prover = {.report = calloc(1, sizeof(*prover.report)),
                            .rehearsal = rehearsal_new()};
    if (prover.report != NULL && prover.rehearsal != NULL) {
        elf_symbols_find(executable, &prover.symbols);
        // The table must have a symbol that certainly exists. Otherwise a missing symbol proves
        // nothing.
        prover.report->has_symbols = elf_symbols_have(&prover.symbols, "wolfTLSv1_3_server_method");
        find_negotiable(&prover, &prover.report->negotiable);
        list_library_suites(&prover.report->library_suites);
        prove_claims(&prover);
    } else {
        free(prover.report);
        prover.report = NULL;
    }
    rehearsal_free(prover.rehearsal);
    return prover.report;
}
