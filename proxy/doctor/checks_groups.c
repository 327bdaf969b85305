// Groups of the key exchange, and signatures.
#include "doctor/checks.h"
#include "doctor/suites.h"

// For TLS 1.2, offers only suites that need one of these groups.
static void probe_legacy_groups(struct audit *audit, struct numbers groups, struct answer *answer) {
    uint16_t suites[SUITES_MAX];
    struct offer offer = audit_legacy_offer(audit, VERSION_TLS12);
    offer.suites = (struct numbers){suites, suites_with(SUITE_ECDHE, suites)};
    offer.groups = groups;
    audit_probe(audit, &offer, answer);
}

// Offers these groups with TLS 1.3, and if they are refused, with TLS 1.2.
static void offer_groups(struct audit *audit, struct numbers groups, struct finding *finding) {
    struct answer answer;
    struct offer offer = audit_offer(audit, groups);
    audit_probe(audit, &offer, &answer);
    finding_refused(finding, &answer);
    if (finding->outcome != OUTCOME_PASS || audit_accepted_legacy(audit) == NULL) {
        return;
    }
    probe_legacy_groups(audit, groups, &answer);
    finding_refused(finding, &answer);
}

void check_weak_groups(struct audit *audit, struct finding *finding) {
    // sect163k1 to secp224r1: less than 112 bits of strength, or withdrawn (RFC 8422 5.1.1).
    static const uint16_t groups[] = {0x0013, 0x0015, 0x0012, 0x0014, 0x0011, 0x0010, 0x000f,
                                      0x0001, 0x0002, 0x0003, 0x0004, 0x0005, 0x0006, 0x0007,
                                      0x0008, 0x0009, 0x000a, 0x000b, 0x000c, 0x000d, 0x000e};
    offer_groups(audit, NUMBERS(groups), finding);
}

void check_unknown_groups(struct audit *audit, struct finding *finding) {
    // Experimental, reserved (RFC 8701) and unassigned.
    static const uint16_t groups[] = {0xfe00, 0x2a2a, 0x7777};
    offer_groups(audit, NUMBERS(groups), finding);
}

void check_secp521r1(struct audit *audit, struct finding *finding) {
    static const uint16_t groups[] = {GROUP_P521};
    struct answer answer;
    struct offer offer = audit_offer(audit, NUMBERS(groups));
    audit_probe(audit, &offer, &answer);
    finding_refused(finding, &answer);
    if (finding->outcome == OUTCOME_FAIL && answer.kind == ANSWER_RETRY) {
        finding->outcome = OUTCOME_WARN;
    }
}

void check_finite_fields(struct audit *audit, struct finding *finding) {
    enum { BITS_MIN = 2048 };
    static const uint16_t groups[] = {0x0100, 0x0101, 0x0102, 0x0103, 0x0104};
    struct answer answer;
    struct offer offer = audit_offer(audit, NUMBERS(groups));
    audit_probe(audit, &offer, &answer);
    finding_refused(finding, &answer);
    if (answer.kind == ANSWER_RETRY) {
        finding->outcome = OUTCOME_WARN;
    }
    if (answer.kind == ANSWER_LOST || audit_accepted_legacy(audit) == NULL) {
        return;
    }
    uint16_t suites[SUITES_MAX];
    offer = audit_legacy_offer(audit, VERSION_TLS12);
    offer.suites = (struct numbers){suites, suites_with(SUITE_DHE, suites)};
    audit_probe(audit, &offer, &answer);
    if (answer.kind != ANSWER_HELLO) {
        return; // the finding of TLS 1.3 stays
    }
    if (answer.exchange.present && answer.exchange.group == 0 && answer.exchange.bits < BITS_MIN) {
        finding_set(finding, OUTCOME_FAIL, "%s with %s and a prime of only %u bits",
                    version_name(answer.hello.version), suite_name(answer.hello.suite),
                    answer.exchange.bits);
    } else {
        finding_set(finding, OUTCOME_WARN, "%s with %s and a prime of %u bits",
                    version_name(answer.hello.version), suite_name(answer.hello.suite),
                    answer.exchange.bits);
    }
}

void check_post_quantum(struct audit *audit, struct finding *finding) {
    static const uint16_t groups[] = {GROUP_X25519MLKEM768, GROUP_SECP256R1MLKEM768,
                                      GROUP_SECP384R1MLKEM1024};
    struct answer answer;
    struct offer offer = audit_offer(audit, NUMBERS(groups));
    audit_probe(audit, &offer, &answer);
    if (answer.kind == ANSWER_RETRY || answer.kind == ANSWER_HELLO) {
        finding_set(finding, OUTCOME_PASS, "the server asks for %s",
                    group_name(answer.hello.group));
        return;
    }
    char text[ANSWER_TEXT_SIZE];
    answer_text(&answer, text);
    finding_set(finding, answer.kind == ANSWER_LOST ? OUTCOME_FAIL : OUTCOME_WARN,
                "no hybrid group is taken: %s", text);
}

// --- Signatures ---

static bool is_weak(uint16_t scheme) {
    enum signature_hash hash = verify_scheme(scheme).hash;
    return hash == HASH_MD5 || hash == HASH_SHA1;
}

// In TLS 1.2: the scheme of the signature over the key exchange. In older versions it is MD5 and
// SHA-1, for every offer.
static void offer_legacy_signatures(struct audit *audit, struct finding *finding) {
    static const uint16_t schemes[] = {0x0101, 0x0201, 0x0202, 0x0203};
    uint16_t suites[SUITES_MAX];
    struct offer offer = audit_legacy_offer(audit, VERSION_TLS12);
    struct answer answer;
    offer.suites = (struct numbers){suites, suites_with(SUITE_ECDHE | SUITE_DHE, suites)};
    offer.signatures = NUMBERS(schemes);
    audit_probe(audit, &offer, &answer);
    if (answer.kind == ANSWER_HELLO && answer.hello.version == VERSION_TLS12 &&
        answer.exchange.scheme != 0 && !is_weak(answer.exchange.scheme)) {
        finding_set(finding, OUTCOME_PASS, "TLS 1.2 was signed with %s all the same",
                    verify_scheme(answer.exchange.scheme).name);
        return;
    }
    finding_refused(finding, &answer);
    if (finding->outcome == OUTCOME_FAIL && answer.exchange.scheme != 0) {
        finding_set(finding, OUTCOME_FAIL, "TLS 1.2 was signed with %s",
                    verify_scheme(answer.exchange.scheme).name);
    }
}

void check_weak_signatures(struct audit *audit, struct finding *finding) {
    // SHA-1, and RSA with PKCS #1 v1.5, which TLS 1.3 allows for certificates only.
    static const uint16_t schemes[] = {0x0201, 0x0203, 0x0401, 0x0501, 0x0601};
    struct probe_wishes wishes = audit_wishes(audit);
    struct conversation conversation;
    wishes.signatures = NUMBERS(schemes);
    audit_converse(audit, &wishes, &conversation);
    uint16_t scheme = conversation.client == NULL ? 0 : probe_facts(conversation.client)->scheme;
    char text[CONVERSATION_TEXT_SIZE];
    conversation_text(&conversation, text);
    enum ending ending = conversation.ending;
    conversation_close(&conversation);
    bool is_pkcs1 = verify_scheme(scheme).kind == SIGNATURE_RSA_PKCS1;
    if (ending == ENDING_NO_CONNECTION) {
        finding_set(finding, OUTCOME_FAIL, "could not be checked: %s", text);
    } else if (scheme != 0 && (is_weak(scheme) || is_pkcs1)) {
        finding_set(finding, OUTCOME_FAIL, "TLS 1.3 was signed with %s",
                    verify_scheme(scheme).name);
    } else if (scheme != 0) {
        finding_set(finding, OUTCOME_PASS, "TLS 1.3 was signed with %s all the same",
                    verify_scheme(scheme).name);
    } else {
        finding_set(finding, OUTCOME_PASS, "refused: %s", text);
    }
    if (finding->outcome == OUTCOME_PASS && audit_accepted_legacy(audit) != NULL) {
        offer_legacy_signatures(audit, finding);
    }
}
