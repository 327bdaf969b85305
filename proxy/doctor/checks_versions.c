// Protocol versions of a server.
#include "doctor/checks.h"
#include "doctor/suites.h"

#include <string.h>

static const uint8_t CHALLENGE[16] = "ravelin doctor.";

// SSL 2.0's own ciphers, and some TLS ciphers in the old format for a newer version.
static void probe_ssl2(struct audit *audit, uint16_t version, struct slice suites,
                       struct answer *answer) {
    uint8_t bytes[128];
    struct builder hello = builder_over(bytes, sizeof(bytes));
    offer_write_ssl2(version, suites, CHALLENGE, &hello);
    audit_probe_bytes(audit, (struct slice){(const char *)bytes, hello.size}, answer);
}

void check_ssl2(struct audit *audit, struct finding *finding) {
    struct answer answer;
    probe_ssl2(audit, VERSION_SSL2,
               SLICE("\x01\x00\x80\x02\x00\x80\x03\x00\x80\x04\x00\x80\x05\x00\x80\x06\x00\x40"
                     "\x07\x00\xc0"),
               &answer);
    finding_refused(finding, &answer);
}

void check_ssl2_format(struct audit *audit, struct finding *finding) {
    struct answer answer;
    probe_ssl2(audit, VERSION_TLS12,
               SLICE("\x00\xc0\x2f\x00\xc0\x2b\x00\xc0\x13\x00\xc0\x09\x00\x00\x9c\x00\x00\x2f"
                     "\x00\x00\x35\x00\x00\x0a\x00\x00\x05\x00\x00\xff"),
               &answer);
    finding_refused(finding, &answer);
}

// An answer with an older version than requested is reported by another check.
static void judge_version(struct audit *audit, enum legacy_version asked, uint16_t version,
                          struct finding *finding) {
    const struct answer *answer = audit_legacy(audit, asked);
    if (answer->kind == ANSWER_HELLO && answer->hello.version != version) {
        finding_set(finding, OUTCOME_PASS, "not taken: the server chose %s",
                    version_name(answer->hello.version));
        return;
    }
    finding_refused(finding, answer);
}

void check_ssl3(struct audit *audit, struct finding *finding) {
    judge_version(audit, LEGACY_SSL3, VERSION_SSL3, finding);
}

void check_tls10(struct audit *audit, struct finding *finding) {
    judge_version(audit, LEGACY_TLS10, VERSION_TLS10, finding);
}

void check_tls11(struct audit *audit, struct finding *finding) {
    judge_version(audit, LEGACY_TLS11, VERSION_TLS11, finding);
}

void check_tls12(struct audit *audit, struct finding *finding) {
    judge_version(audit, LEGACY_TLS12, VERSION_TLS12, finding);
}

void check_tls13(struct audit *audit, struct finding *finding) {
    const struct probe_facts *facts = &audit->facts;
    if (!audit->connected) {
        finding_set(finding, OUTCOME_FAIL, "no TLS 1.3 here: %s", audit->first_text);
    } else if (facts->signature == VERDICT_BAD) {
        finding_set(finding, OUTCOME_FAIL,
                    "the server could not prove that it holds the key of its certificate: its %s "
                    "signature is wrong",
                    verify_scheme(facts->scheme).name);
    } else {
        finding_set(finding, OUTCOME_PASS, "a whole handshake with %s, %s, %s%s",
                    suite_name(facts->suite), group_name(facts->group),
                    verify_scheme(facts->scheme).name,
                    facts->signature == VERDICT_UNKNOWN ? " (not verified: unknown here)" : "");
    }
}

void check_fallback(struct audit *audit, struct finding *finding) {
    const struct answer *accepted = audit_accepted_legacy(audit);
    if (accepted == NULL) {
        finding_set(finding, OUTCOME_PASS, "there is no older version to fall back to");
        return;
    }
    if (!audit->connected && (accepted->hello.version != VERSION_TLS12 ||
                              audit_legacy(audit, LEGACY_TLS11)->kind != ANSWER_HELLO)) {
        finding_set(finding, OUTCOME_SKIP, "the server speaks one version only");
        return;
    }
    // One version less than the newest.
    uint16_t version =
        audit->connected ? accepted->hello.version : (uint16_t)(accepted->hello.version - 1);
    uint16_t suites[SUITES_MAX + 1];
    struct offer offer = audit_legacy_offer(audit, version);
    size_t count = suites_with(SUITE_ANY | SUITE_GOOD, suites);
    suites[count++] = 0x5600; // TLS_FALLBACK_SCSV
    offer.suites = (struct numbers){suites, count};
    struct answer answer;
    audit_probe(audit, &offer, &answer);
    finding_refused(finding, &answer);
}

void check_downgrade_mark(struct audit *audit, struct finding *finding) {
    const struct answer *accepted = audit_accepted_legacy(audit);
    if (accepted == NULL) {
        finding_set(finding, OUTCOME_PASS, "there is no older version to fall back to");
    } else if (!audit->connected) {
        finding_set(finding, OUTCOME_SKIP, "the server does not speak TLS 1.3 anyway");
    } else if (server_hello_downgrade_mark(&accepted->hello) == 0) {
        finding_set(finding, OUTCOME_FAIL, "%s was taken without the mark",
                    version_name(accepted->hello.version));
    } else {
        finding_set(finding, OUTCOME_PASS, "%s was taken with the mark",
                    version_name(accepted->hello.version));
    }
}
