// What `ravelin prove` finds out about the linked library, and that it would see something else.
#include "tls/digest.h"
#include "tls/handshake/context.h"
#include "tls/prove/prove.h"
#include "tls/prove/rehearsal.h"
#include "tls/registry.h"

#include <elf.h>
#include <endian.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// An executable with three functions and nothing else.
struct executable {
    ElfW(Ehdr) head;
    ElfW(Shdr) sections[3];
    ElfW(Sym) entries[4];
    char names[3][64];
};

static void executable_make(struct executable *file, const char *first, const char *second,
                            const char *third) {
    const char *names[] = {first, second, third};
    memset(file, 0, sizeof(*file));
    memcpy(file->head.e_ident, ELFMAG, SELFMAG);
    file->head.e_ident[EI_CLASS] = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
    file->head.e_ident[EI_DATA] = __BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB;
    file->head.e_shoff = offsetof(struct executable, sections);
    file->head.e_shentsize = sizeof(ElfW(Shdr));
    file->head.e_shnum = 3;
    file->sections[1] = (ElfW(Shdr)){.sh_type = SHT_SYMTAB,
                                     .sh_offset = offsetof(struct executable, entries),
                                     .sh_size = sizeof(file->entries),
                                     .sh_link = 2,
                                     .sh_entsize = sizeof(ElfW(Sym))};
    file->sections[2] = (ElfW(Shdr)){.sh_type = SHT_STRTAB,
                                     .sh_offset = offsetof(struct executable, names),
                                     .sh_size = sizeof(file->names)};
    for (unsigned i = 0; i < 3; i++) {
        file->entries[1 + i] =
            (ElfW(Sym)){.st_name = i * (unsigned)sizeof(file->names[0]), .st_shndx = 1};
        (void)snprintf(file->names[i], sizeof(file->names[i]), "%s", names[i]);
    }
}

static struct prove_report *prove(const char *first, const char *second, const char *third) {
    struct executable file;
    executable_make(&file, first, second, third);
    struct prove_report *report = prove_library((struct slice){(const char *)&file, sizeof(file)});
    assert_non_null(report);
    return report;
}

static const struct claim *find_claim(const struct prove_report *report, const char *name) {
    for (size_t i = 0; i < report->claim_count; i++) {
        if (strcmp(report->claims[i].name, name) == 0) {
            return &report->claims[i];
        }
    }
    fail_msg("no claim %s", name);
    return NULL;
}

static void assert_names(const struct name_list *list, const char *const *names, size_t count) {
    assert_int_equal(list->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(list->names[i], names[i]);
    }
}

#define ASSERT_NAMES(list, ...)                                                                    \
    assert_names((list), (const char *const[]){__VA_ARGS__},                                       \
                 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void test_what_can_be_negotiated(void **state) {
    (void)state;
    struct negotiable found;
    assert_true(prove_negotiable(&found));
    ASSERT_NAMES(&found.versions, "TLS 1.3");
    ASSERT_NAMES(&found.suites, "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                 "TLS_CHACHA20_POLY1305_SHA256");
    ASSERT_NAMES(&found.groups, "X25519MLKEM768", "SecP256r1MLKEM768", "X25519", "P-256", "P-384");
    ASSERT_NAMES(&found.signatures, "ecdsa_secp256r1_sha256", "ecdsa_secp384r1_sha384", "ed25519",
                 "rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512");
    assert_true(found.tickets.issued && found.tickets.resumes_with_dhe);
    assert_false(found.tickets.resumes_without_dhe || found.tickets.allows_early_data ||
                 found.tickets.accepts_early_data);
}

static void test_every_claim_holds_and_is_proved(void **state) {
    (void)state;
    struct prove_report *report = prove("wolfTLSv1_3_server_method", "main", "other");
    assert_true(report->has_symbols);
    assert_in_range(report->claim_count, 20, PROVE_CLAIMS_MAX);
    for (size_t i = 0; i < report->claim_count; i++) {
        const struct claim *claim = &report->claims[i];
        assert_in_range(claim->proof_count, 1, PROVE_PROOFS_MAX);
        if (!claim->holds) {
            fail_msg("%s", claim->name);
        }
        // Something stronger than a constant is behind each.
        bool strong = false;
        for (size_t k = 0; k < claim->proof_count; k++) {
            assert_int_equal(claim->proofs[k].state, PROOF_HOLDS);
            assert_string_not_equal(claim->proofs[k].how, "");
            assert_true(strlen(claim->proofs[k].how) < PROVE_TEXT_SIZE - 1);
            strong |= claim->proofs[k].kind != PROOF_CONSTANT;
        }
        assert_true(strong);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(report->claims[k].name, claim->name);
        }
    }
    assert_true(report->holds);
    ASSERT_NAMES(&report->library_suites, "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                 "TLS_CHACHA20_POLY1305_SHA256");
    free(report);
}

// Whatever claim the symbol belongs to must fall, and no other.
static void test_a_symbol_too_many_breaks_its_claim(void **state) {
    (void)state;
    static const struct {
        const char *symbol;
        const char *claim;
    } cases[] = {
        {"wolfTLSv1_2_server_method", "tls-1.3-only"},
        {"wolfDTLSv1_3_server_method", "no-dtls"},
        {"wc_AesCbcEncrypt.part.0", "no-cbc"},
        {"wolfSSL_read_early_data", "no-early-data"},
        {"wolfSSL_CTX_set_keylog_callback", "no-key-log"},
        {"TLSX_HeartBeat_Parse", "no-heartbeat"},
        {"wolfIO_TcpConnect", "library-without-io"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct prove_report *report = prove("main", "wolfTLSv1_3_server_method", cases[i].symbol);
        assert_false(report->holds);
        for (size_t k = 0; k < report->claim_count; k++) {
            assert_int_equal(report->claims[k].holds,
                             strcmp(report->claims[k].name, cases[i].claim) != 0);
        }
        free(report);
    }
}

// Then the other kinds of proof are left.
static void test_a_stripped_executable(void **state) {
    (void)state;
    struct prove_report *stripped = prove_library((struct slice){NULL, 0});
    assert_non_null(stripped);
    assert_false(stripped->has_symbols);
    assert_true(stripped->holds);
    size_t unavailable = 0;
    for (size_t i = 0; i < stripped->claim_count; i++) {
        for (size_t k = 0; k < stripped->claims[i].proof_count; k++) {
            const struct proof *proof = &stripped->claims[i].proofs[k];
            assert_int_equal(proof->state == PROOF_UNAVAILABLE, proof->kind == PROOF_SYMBOL);
            unavailable += proof->state == PROOF_UNAVAILABLE;
        }
    }
    assert_in_range(unavailable, 20, 100);
    free(stripped);
    // A table without what must be there proves nothing about what is not.
    struct prove_report *foreign = prove("main", "a", "b");
    assert_false(foreign->has_symbols);
    assert_true(foreign->holds);
    free(foreign);
}

static void test_the_subjects_are_named(void **state) {
    (void)state;
    struct prove_report *report = prove("wolfTLSv1_3_server_method", "a", "b");
    const struct claim *claim = find_claim(report, "no-early-data");
    size_t symbols = 0;
    for (size_t i = 0; i < claim->proof_count; i++) {
        const struct proof *proof = &claim->proofs[i];
        if (proof->kind == PROOF_SYMBOL || proof->kind == PROOF_CONSTANT) {
            assert_non_null(proof->subject);
            assert_non_null(strstr(proof->how, proof->subject == NULL ? "?" : proof->subject));
        } else {
            assert_null(proof->subject);
        }
        symbols += proof->kind == PROOF_SYMBOL;
    }
    assert_int_equal(symbols, 2);
    free(report);
}

// --- Rehearsals ---

static struct rehearsal_answer offered(struct rehearsal *rehearsal, uint16_t suite, uint16_t group,
                                       uint16_t version) {
    const uint16_t scheme = 0x0403;
    const struct offer offer = {.version = VERSION_TLS12,
                                .suites = {&suite, 1},
                                .versions = {&version, 1},
                                .groups = {&group, 1},
                                .signatures = {&scheme, 1},
                                .has_shares = true};
    struct rehearsal_answer answer;
    rehearsal_offer(rehearsal, &offer, &answer);
    return answer;
}

static void test_answers_of_a_rehearsal(void **state) {
    (void)state;
    struct rehearsal *rehearsal = rehearsal_new();
    assert_non_null(rehearsal);
    struct rehearsal_answer answer = offered(rehearsal, 0x1302, GROUP_P384, VERSION_TLS13);
    assert_true(answer.accepted && !answer.refused);
    assert_int_equal(answer.version, VERSION_TLS13);
    assert_int_equal(answer.suite, 0x1302);
    assert_int_equal(answer.group, GROUP_P384);
    answer = offered(rehearsal, 0x1301, GROUP_X25519, VERSION_TLS12);
    assert_true(answer.refused && !answer.accepted);
    assert_int_equal(answer.alert, 70);
    answer = offered(rehearsal, 0xc02f, GROUP_X25519, VERSION_TLS13);
    assert_true(answer.refused);
    assert_int_equal(answer.alert, 40);
    // Half a record is neither taken nor refused.
    rehearsal_say(rehearsal, SLICE("\x16\x03\x01\x00"), &answer);
    assert_false(answer.accepted || answer.refused);
    rehearsal_say(rehearsal, SLICE(""), &answer);
    assert_false(answer.accepted || answer.refused);
    rehearsal_free(rehearsal);
}

static void test_whole_handshakes_of_a_rehearsal(void **state) {
    (void)state;
    static const uint16_t suites[] = {0x1303};
    static const uint16_t groups[] = {GROUP_X25519MLKEM768};
    static const uint16_t schemes[] = {0x0403, 0x0503, 0x0807, 0x0805};
    static const uint16_t expected[] = {[REHEARSAL_P256] = 0x0403,
                                        [REHEARSAL_P384] = 0x0503,
                                        [REHEARSAL_ED25519] = 0x0807,
                                        [REHEARSAL_RSA] = 0x0805};
    struct probe_wishes wishes = {.suites = NUMBERS(suites),
                                  .groups = NUMBERS(groups),
                                  .shares = NUMBERS(groups),
                                  .signatures = NUMBERS(schemes),
                                  .modes = PSK_DHE_KE};
    struct rehearsal *rehearsal = rehearsal_new();
    assert_non_null(rehearsal);
    struct rehearsal_outcome outcome;
    for (int kind = 0; kind < REHEARSAL_CERTIFICATE_COUNT; kind++) {
        rehearsal_connect(rehearsal, (enum rehearsal_certificate)kind, &wishes, &outcome);
        assert_true(outcome.connected && outcome.has_ticket && !outcome.resumed);
        assert_int_equal(outcome.suite, 0x1303);
        assert_int_equal(outcome.group, GROUP_X25519MLKEM768);
        assert_int_equal(outcome.scheme, expected[kind]);
    }
    struct probe_ticket ticket = outcome.ticket;
    wishes.ticket = &ticket;
    rehearsal_connect(rehearsal, REHEARSAL_RSA, &wishes, &outcome);
    assert_true(outcome.connected && outcome.resumed);
    wishes.modes = PSK_KE;
    rehearsal_connect(rehearsal, REHEARSAL_RSA, &wishes, &outcome);
    assert_false(outcome.resumed);
    rehearsal_free(rehearsal);
}

static void test_the_registries(void **state) {
    (void)state;
    const struct registry registries[] = {registry_versions(), registry_suites(), registry_groups(),
                                          registry_schemes()};
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < registries[i].count; k++) {
            const struct registered *item = &registries[i].items[k];
            // No number twice, and every name is found by its number.
            assert_ptr_equal(registry_name(registries[i], item->number), item->name);
            for (size_t m = 0; m < k; m++) {
                assert_string_not_equal(registries[i].items[m].name, item->name);
            }
        }
        assert_null(registry_name(registries[i], 0xfefe));
    }
}

static void test_digests(void **state) {
    (void)state;
    char text[DIGEST_TEXT_SIZE];
    digest_text(SLICE(""), text); // FIPS 180-4's examples
    assert_string_equal(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digest_text(SLICE("abc"), text);
    assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    enum { SIZE = 3000000 }; // more than one piece
    char *data = malloc(SIZE);
    assert_non_null(data);
    memset(data, 'a', SIZE);
    digest_text((struct slice){data, 1000000}, text);
    assert_string_equal(text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    digest_text((struct slice){data, SIZE}, text);
    assert_string_equal(text, "2a152c894398719c0570f83fac34ac03a0f6e8e474b995c2403aa5434f7b9dd4");
    free(data);
}

static int start_library(void **state) {
    (void)state;
    return tls_library_init() == RESULT_OK ? 0 : 1;
}

static int stop_library(void **state) {
    (void)state;
    tls_library_free();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_can_be_negotiated),
        cmocka_unit_test(test_every_claim_holds_and_is_proved),
        cmocka_unit_test(test_a_symbol_too_many_breaks_its_claim),
        cmocka_unit_test(test_a_stripped_executable),
        cmocka_unit_test(test_the_subjects_are_named),
        cmocka_unit_test(test_answers_of_a_rehearsal),
        cmocka_unit_test(test_whole_handshakes_of_a_rehearsal),
        cmocka_unit_test(test_the_registries),
        cmocka_unit_test(test_digests),
    };
    return cmocka_run_group_tests(tests, start_library, stop_library);
}
