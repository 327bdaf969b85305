#include "tls/handshake/context_internal.h"
#include "tls/prove/prove_internal.h"

#include <assert.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// --- Writing down ---

static struct claim *current(struct prover *prover) {
    return &prover->report->claims[prover->report->claim_count - 1];
}

static void begin(struct prover *prover, const char *name, const char *text) {
    struct prove_report *report = prover->report;
    assert(report->claim_count < PROVE_CLAIMS_MAX);
    report->claims[report->claim_count++] = (struct claim){.name = name, .text = text};
}

static void add(struct prover *prover, enum proof_kind kind, enum proof_state state,
                const char *subject, const char *format, ...) __attribute__((format(printf, 5, 6)));

static void add(struct prover *prover, enum proof_kind kind, enum proof_state state,
                const char *subject, const char *format, ...) {
    struct claim *claim = current(prover);
    assert(claim->proof_count < PROVE_PROOFS_MAX);
    struct proof *proof = &claim->proofs[claim->proof_count++];
    *proof = (struct proof){.kind = kind, .state = state, .subject = subject};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(proof->how, sizeof(proof->how), format, arguments);
    va_end(arguments);
}

static enum proof_state holds_if(bool true_or_not) {
    return true_or_not ? PROOF_HOLDS : PROOF_FAILS;
}

static void absent(struct prover *prover, const char *symbol) {
    if (!prover->report->has_symbols) {
        add(prover, PROOF_SYMBOL, PROOF_UNAVAILABLE, symbol,
            "this executable is stripped of its symbol table");
        return;
    }
    bool there = elf_symbols_have(&prover->symbols, symbol);
    add(prover, PROOF_SYMBOL, holds_if(!there), symbol, "%s is%s in this executable", symbol,
        there ? "" : " not");
}

static void compiled(struct prover *prover, const char *name, bool is_defined, bool wanted) {
    add(prover, PROOF_CONSTANT, holds_if(is_defined == wanted), name,
        "%s was%s defined when the library was compiled", name, is_defined ? "" : " not");
}

// The text of a defined macro differs from its name. The argument must arrive unexpanded, so these
// two cannot be functions and cannot share more.
#define SPELLED(text) #text
#define DEFINED(prover, NAME) compiled(prover, #NAME, strcmp(SPELLED(NAME), #NAME) != 0, true)
#define NOT_DEFINED(prover, NAME) compiled(prover, #NAME, strcmp(SPELLED(NAME), #NAME) != 0, false)

// Offers the suites with one of these flaws, each alone in a ClientHello of TLS 1.3.
static void no_suite_with(struct prover *prover, unsigned flaws, const char *kind) {
    struct registry suites = registry_suites();
    unsigned tried = 0;
    for (size_t i = 0; i < suites.count; i++) {
        if ((suites.items[i].flaws & flaws) == 0) {
            continue;
        }
        tried++;
        if (prover_takes_suite(prover, suites.items[i].number)) {
            add(prover, PROOF_HANDSHAKE, PROOF_FAILS, NULL, "%s was taken", suites.items[i].name);
            return;
        }
    }
    add(prover, PROOF_HANDSHAKE, PROOF_HOLDS, NULL, "each of %u suites %s was refused", tried,
        kind);
}

static void answered(struct prover *prover, const struct rehearsal_answer *answer,
                     const char *what) {
    if (!answer->refused) {
        add(prover, PROOF_HANDSHAKE, PROOF_FAILS, NULL, "%s was %s", what,
            answer->accepted ? "taken" : "neither taken nor refused");
    } else if (answer->alert == REHEARSAL_NO_ALERT) {
        add(prover, PROOF_HANDSHAKE, PROOF_HOLDS, NULL, "%s was refused without an alert", what);
    } else {
        add(prover, PROOF_HANDSHAKE, PROOF_HOLDS, NULL, "%s was refused with alert %d", what,
            answer->alert);
    }
}

static bool is_in(const struct name_list *list, const char *name) {
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

// --- Versions ---

static void refuse_version_calls(struct prover *prover) {
    static const struct {
        int number;
        const char *name;
    } versions[] = {{WOLFSSL_SSLV3, "SSL 3.0"},
                    {WOLFSSL_TLSV1, "TLS 1.0"},
                    {WOLFSSL_TLSV1_1, "TLS 1.1"},
                    {WOLFSSL_TLSV1_2, "TLS 1.2"}};
    // The method of servers that accept every version that wolfSSL has.
    WOLFSSL_CTX *context = wolfSSL_CTX_new(wolfSSLv23_server_method());
    const char *taken = context == NULL ? "nothing, for want of memory," : NULL;
    for (size_t i = 0; taken == NULL && i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (wolfSSL_CTX_SetMinVersion(context, versions[i].number) == WOLFSSL_SUCCESS) {
            taken = versions[i].name;
        }
    }
    if (taken == NULL && wolfSSL_CTX_SetMinVersion(context, WOLFSSL_TLSV1_3) != WOLFSSL_SUCCESS) {
        taken = "not even TLS 1.3";
    }
    wolfSSL_CTX_free(context);
    add(prover, PROOF_CALL, holds_if(taken == NULL), NULL,
        taken == NULL
            ? "as the oldest version of a context, the library takes TLS 1.3 and no other%s"
            : "as the oldest version of a context, the library takes %s",
        taken == NULL ? "" : taken);
}

static void claim_versions(struct prover *prover) {
    struct registry versions = registry_versions();
    struct rehearsal_answer answer;
    char what[64];
    begin(prover, "tls-1.3-only", "nothing older than TLS 1.3 can be negotiated");
    for (size_t i = 0; i < versions.count; i++) {
        bool taken = prover_takes_version(prover, versions.items[i].number, &answer);
        (void)snprintf(what, sizeof(what), "a ClientHello of %s", versions.items[i].name);
        if (versions.items[i].number == VERSION_TLS13) {
            add(prover, PROOF_HANDSHAKE, holds_if(taken), NULL, "%s was%s taken", what,
                taken ? "" : " not");
        } else {
            answered(prover, &answer, what);
        }
    }
    static const uint8_t random[16] = "an old challenge";
    uint8_t hello[64];
    struct builder ssl2 = builder_over(hello, sizeof(hello));
    offer_write_ssl2(VERSION_SSL2, SLICE("\x01\x00\x80\x07\x00\xc0"), random, &ssl2);
    rehearsal_say(prover->rehearsal, (struct slice){(const char *)hello, ssl2.size}, &answer);
    answered(prover, &answer, "a CLIENT-HELLO of SSL 2.0");
    refuse_version_calls(prover);
    absent(prover, "wolfTLSv1_2_server_method");
    absent(prover, "wolfTLSv1_1_server_method");
    absent(prover, "wolfTLSv1_server_method");
    absent(prover, "wolfSSLv3_server_method");
    DEFINED(prover, WOLFSSL_NO_TLS12);
    DEFINED(prover, NO_OLD_TLS);
}

static void claim_no_dtls(struct prover *prover) {
    begin(prover, "no-dtls", "no version of DTLS is in the library");
    absent(prover, "wolfDTLSv1_3_server_method");
    absent(prover, "wolfDTLSv1_2_server_method");
    NOT_DEFINED(prover, WOLFSSL_DTLS);
    NOT_DEFINED(prover, WOLFSSL_DTLS13);
}

// --- Suites ---

static void claim_suites(struct prover *prover) {
    struct registry suites = registry_suites();
    const struct prove_report *report = prover->report;
    begin(prover, "aead-suites-only",
          "every suite is one of TLS 1.3 with AES-GCM or ChaCha20-Poly1305");
    no_suite_with(prover, FLAW_OTHER | FLAW_OLD, "of another kind");
    bool all = true;
    for (size_t i = 0; i < suites.count; i++) {
        all &=
            suites.items[i].flaws != 0 || is_in(&report->negotiable.suites, suites.items[i].name);
    }
    add(prover, PROOF_HANDSHAKE, holds_if(all), NULL, "each of the three suites was%s taken",
        all ? "" : " not");
    const char *other = NULL;
    for (size_t i = 0; i < report->library_suites.count; i++) {
        if (!is_in(&report->negotiable.suites, report->library_suites.names[i])) {
            other = report->library_suites.names[i];
        }
    }
    add(prover, PROOF_CALL, holds_if(other == NULL), NULL,
        "the library's own list of suites has %s%s", other == NULL ? "these and no others" : other,
        other == NULL ? "" : ", too");
}

static void claim_forward_secrecy(struct prover *prover) {
    begin(prover, "forward-secrecy",
          "every key exchange is ephemeral: none with RSA or fixed keys");
    no_suite_with(prover, FLAW_STATIC, "without forward secrecy");
    absent(prover, "wc_DhAgree");
    DEFINED(prover, NO_DH);
    NOT_DEFINED(prover, WOLFSSL_STATIC_RSA);
    NOT_DEFINED(prover, WOLFSSL_STATIC_DH);
    NOT_DEFINED(prover, WOLFSSL_STATIC_EPHEMERAL);
}

static void claim_ciphers(struct prover *prover) {
    begin(prover, "no-cbc", "no cipher in CBC mode");
    no_suite_with(prover, FLAW_CBC, "with CBC");
    absent(prover, "wc_AesCbcEncrypt");
    DEFINED(prover, NO_AES_CBC);

    begin(prover, "no-rc4", "no RC4");
    no_suite_with(prover, FLAW_RC4, "with RC4");
    absent(prover, "wc_Arc4SetKey");
    DEFINED(prover, NO_RC4);

    begin(prover, "no-triple-des", "no DES, no triple DES, no export ciphers");
    no_suite_with(prover, FLAW_TRIPLE_DES, "with them");
    absent(prover, "wc_Des3_SetKey");
    DEFINED(prover, NO_DES3);

    begin(prover, "no-null-cipher", "nothing is sent unencrypted");
    no_suite_with(prover, FLAW_NO_CIPHER, "that encrypt nothing");
    NOT_DEFINED(prover, HAVE_NULL_CIPHER);

    begin(prover, "no-anonymous", "no server without a certificate");
    no_suite_with(prover, FLAW_ANONYMOUS, "that authenticate nobody");
    absent(prover, "wolfSSL_CTX_allow_anon_cipher");
    NOT_DEFINED(prover, HAVE_ANON);
}

// --- Groups and signatures ---

// The names, with commas, as far as there is room.
static void join(const struct name_list *list, char text[PROVE_TEXT_SIZE]) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < list->count && used < PROVE_TEXT_SIZE; i++) {
        used += (size_t)snprintf(text + used, PROVE_TEXT_SIZE - used, "%s%s", i > 0 ? ", " : "",
                                 list->names[i]);
    }
}

// Adds a proof that the list contains exactly these names.
static void exactly(struct prover *prover, const struct name_list *list, size_t tried,
                    const char *noun, const char *const *wanted, size_t count) {
    char names[PROVE_TEXT_SIZE];
    bool same = list->count == count;
    for (size_t i = 0; i < count; i++) {
        same &= is_in(list, wanted[i]);
    }
    join(list, names);
    if (same) {
        add(prover, PROOF_HANDSHAKE, PROOF_HOLDS, NULL, "of %zu %s, each alone, %zu were taken",
            tried, noun, count);
    } else {
        add(prover, PROOF_HANDSHAKE, PROOF_FAILS, NULL, "of %zu %s, these were taken: %.90s", tried,
            noun, names);
    }
}

static void claim_groups(struct prover *prover) {
    const char *wanted[POLICY_GROUP_COUNT];
    for (size_t i = 0; i < POLICY_GROUP_COUNT; i++) {
        wanted[i] = policy_groups[i].name;
    }
    struct registry groups = registry_groups();
    uint16_t all[PROVE_LIST_MAX];
    size_t count = 0;
    begin(prover, "no-weak-groups",
          "no group but X25519, P-256, P-384 and hybrids with ML-KEM-768");
    exactly(prover, &prover->report->negotiable.groups, groups.count, "groups", wanted,
            POLICY_GROUP_COUNT);
    DEFINED(prover, WOLFSSL_VALIDATE_ECC_IMPORT);

    begin(prover, "post-quantum-first", "who offers a post-quantum group gets one");
    for (size_t i = groups.count; i-- > 0 && count < sizeof(all) / sizeof(all[0]);) {
        all[count++] = groups.items[i].number; // the best last
    }
    struct single_offer single;
    struct rehearsal_answer answer;
    single_offer_make(&single, SUITE_AES_128_GCM_SHA256, GROUP_X25519);
    single.offer.groups = (struct numbers){all, count};
    rehearsal_offer(prover->rehearsal, &single.offer, &answer);
    const char *chosen = registry_name(groups, answer.group);
    add(prover, PROOF_HANDSHAKE, holds_if(answer.accepted && answer.group == GROUP_X25519MLKEM768),
        NULL, "out of %zu groups, the best last, the library chose %s", count,
        chosen == NULL ? "none" : chosen);
}

static void claim_signatures(struct prover *prover) {
    const char *wanted[POLICY_SCHEME_COUNT];
    for (size_t i = 0; i < POLICY_SCHEME_COUNT; i++) {
        wanted[i] = policy_schemes[i].name;
    }
    begin(prover, "no-weak-signatures", "no signature with SHA-1, MD5, DSA or PKCS #1 v1.5");
    exactly(prover, &prover->report->negotiable.signatures, registry_schemes().count, "schemes",
            wanted, POLICY_SCHEME_COUNT);
    absent(prover, "wc_InitSha");
    absent(prover, "wc_InitMd5");
    DEFINED(prover, NO_SHA);
    DEFINED(prover, NO_MD5);
    NOT_DEFINED(prover, WOLFSSL_ALLOW_TLS_SHA1);
}

// --- Tickets ---

static void claim_tickets(struct prover *prover) {
    const struct ticket_facts *tickets = &prover->report->negotiable.tickets;
    begin(prover, "psk-with-dhe-only", "a session ticket resumes with a fresh key exchange or not");
    add(prover, PROOF_HANDSHAKE, holds_if(tickets->resumes_with_dhe), NULL,
        "a ticket offered for psk_dhe_ke %s, with a fresh key exchange",
        tickets->resumes_with_dhe ? "resumed its session" : "did not resume");
    add(prover, PROOF_HANDSHAKE, holds_if(tickets->issued && !tickets->resumes_without_dhe), NULL,
        "a ticket offered for psk_ke alone %s",
        tickets->resumes_without_dhe ? "was taken" : "did not resume");
    absent(prover, "wolfSSL_CTX_set_psk_server_callback");
    absent(prover, "wolfSSL_CTX_set_psk_server_tls13_callback");
    DEFINED(prover, NO_PSK);
    NOT_DEFINED(prover, WOLFSSL_STATIC_PSK);

    begin(prover, "no-early-data", "no 0-RTT: nothing that could be replayed is read");
    add(prover, PROOF_HANDSHAKE, holds_if(tickets->issued && !tickets->allows_early_data), NULL,
        "a session ticket %s early data", tickets->allows_early_data ? "allows" : "does not allow");
    add(prover, PROOF_HANDSHAKE, holds_if(tickets->issued && !tickets->accepts_early_data), NULL,
        "early data sent with a ticket was%s accepted", tickets->accepts_early_data ? "" : " not");
    absent(prover, "wolfSSL_read_early_data");
    absent(prover, "wolfSSL_CTX_set_max_early_data");
    NOT_DEFINED(prover, WOLFSSL_EARLY_DATA);
}

// --- Features ---

static void claim_no_compression(struct prover *prover) {
    struct single_offer single;
    struct rehearsal_answer answer;
    begin(prover, "no-compression", "nothing is compressed");
    single_offer_make(&single, SUITE_AES_128_GCM_SHA256, GROUP_X25519);
    single.offer.compressions = SLICE("\1"); // DEFLATE, RFC 3749
    rehearsal_offer(prover->rehearsal, &single.offer, &answer);
    answered(prover, &answer, "a ClientHello with compression alone");
    WOLFSSL_CTX *context = wolfSSL_CTX_new(wolfTLSv1_3_client_method());
    WOLFSSL *ssl = context == NULL ? NULL : wolfSSL_new(context);
    bool refused = ssl != NULL && wolfSSL_set_compression(ssl) != WOLFSSL_SUCCESS;
    add(prover, PROOF_CALL, holds_if(refused), NULL, "wolfSSL_set_compression() %s",
        refused ? "refuses: it was not compiled in" : "does not refuse");
    wolfSSL_free(ssl);
    wolfSSL_CTX_free(context);
    NOT_DEFINED(prover, HAVE_LIBZ);
}

// The name does not contain the claim, because such a symbol of a debug build would refute it.
static void claim_no_rfc_6520(struct prover *prover) {
    struct rehearsal_answer answer;
    begin(prover, "no-heartbeat", "no heartbeat extension (RFC 6520)");
    // A request for 16 bytes that are not there.
    rehearsal_say(prover->rehearsal, SLICE("\x18\x03\x03\x00\x03\x01\x00\x10"), &answer);
    answered(prover, &answer, "a heartbeat request");
    bool there = elf_symbols_have_part(&prover->symbols, "heartbeat");
    add(prover, PROOF_SYMBOL, prover->report->has_symbols ? holds_if(!there) : PROOF_UNAVAILABLE,
        NULL, "%s symbol of this executable has heartbeat in its name", there ? "a" : "no");
}

static void claim_no_features(struct prover *prover) {
    begin(prover, "no-renegotiation", "a session is not renegotiated");
    absent(prover, "wolfSSL_Rehandshake");
    absent(prover, "wolfSSL_CTX_UseSecureRenegotiation");
    NOT_DEFINED(prover, HAVE_SECURE_RENEGOTIATION);
    NOT_DEFINED(prover, HAVE_RENEGOTIATION_INDICATION);

    begin(prover, "no-post-handshake-auth", "no certificate is asked for after the handshake");
    absent(prover, "wolfSSL_request_certificate");
    absent(prover, "wolfSSL_CTX_allow_post_handshake_auth");
    NOT_DEFINED(prover, WOLFSSL_POST_HANDSHAKE_AUTH);

    begin(prover, "no-raw-public-keys", "no keys without a certificate (RFC 7250)");
    absent(prover, "wolfSSL_CTX_set_server_cert_type");
    absent(prover, "wolfSSL_CTX_set_client_cert_type");
    NOT_DEFINED(prover, HAVE_RPK);

    begin(prover, "no-encrypted-client-hello", "no ECH, whose code nobody needs here");
    absent(prover, "wolfSSL_CTX_GenerateEchConfig");
    NOT_DEFINED(prover, HAVE_ECH);

    begin(prover, "no-openssl-layer", "the OpenSSL compatibility layer is not in the library");
    absent(prover, "wolfSSL_EVP_EncryptInit");
    absent(prover, "wolfSSL_PEM_read_bio_X509");
    absent(prover, "wolfSSL_BIO_new");
    NOT_DEFINED(prover, OPENSSL_EXTRA);
    NOT_DEFINED(prover, OPENSSL_ALL);
}

static void claim_no_secrets_out(struct prover *prover) {
    begin(prover, "no-key-log", "nothing writes keys out: no key log, no sniffer, no export");
    absent(prover, "wolfSSL_CTX_set_keylog_callback");
    absent(prover, "ssl_SetPrivateKey");
    absent(prover, "wolfSSL_export_keying_material");
    absent(prover, "wolfSSL_dtls_export");
    NOT_DEFINED(prover, SHOW_SECRETS);
    NOT_DEFINED(prover, WOLFSSL_SSLKEYLOGFILE);
    NOT_DEFINED(prover, WOLFSSL_SNIFFER);
    NOT_DEFINED(prover, WOLFSSL_SESSION_EXPORT);
    NOT_DEFINED(prover, DEBUG_WOLFSSL);

    begin(prover, "library-without-io", "the TLS library opens no file and no connection");
    absent(prover, "wolfSSL_CTX_use_certificate_file");
    absent(prover, "wolfSSL_CTX_load_verify_locations");
    absent(prover, "wolfIO_TcpConnect");
    absent(prover, "EmbedReceive");
    DEFINED(prover, NO_FILESYSTEM);
    DEFINED(prover, WOLFSSL_USER_IO);
}

static int look_for_tls(struct dl_phdr_info *object, size_t size, void *found) {
    static const char *const names[] = {"libssl",  "libcrypto",  "libgnutls",
                                        "libnss3", "libmbedtls", "libwolfssl"};
    (void)size;
    const char *path = object->dlpi_name == NULL ? "" : object->dlpi_name;
    const char *slash = strrchr(path, '/');
    const char *file = slash == NULL ? path : slash + 1;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strncmp(file, names[i], strlen(names[i])) == 0) {
            *(const char **)found = names[i];
        }
    }
    return 0;
}

static void claim_one_library(struct prover *prover) {
    const char *found = NULL;
    begin(prover, "one-tls-library", "no other TLS library is in this process");
    (void)dl_iterate_phdr(look_for_tls, &found);
    add(prover, PROOF_CALL, holds_if(found == NULL), NULL,
        "of the libraries that the loader has loaded, %s", found == NULL ? "none does TLS" : found);
}

static void judge(struct prove_report *report) {
    report->holds = true;
    for (size_t i = 0; i < report->claim_count; i++) {
        struct claim *claim = &report->claims[i];
        size_t holding = 0;
        size_t failing = 0;
        for (size_t k = 0; k < claim->proof_count; k++) {
            holding += claim->proofs[k].state == PROOF_HOLDS;
            failing += claim->proofs[k].state == PROOF_FAILS;
        }
        claim->holds = holding > 0 && failing == 0;
        report->holds &= claim->holds;
    }
}

void prove_claims(struct prover *prover) {
    claim_versions(prover);
    claim_no_dtls(prover);
    claim_suites(prover);
    claim_forward_secrecy(prover);
    claim_ciphers(prover);
    claim_groups(prover);
    claim_signatures(prover);
    claim_tickets(prover);
    claim_no_compression(prover);
    claim_no_rfc_6520(prover);
    claim_no_features(prover);
    claim_no_secrets_out(prover);
    claim_one_library(prover);
    judge(prover->report);
}
