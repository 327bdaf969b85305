// Cipher suites that no server should accept any more.
#include "doctor/checks.h"
#include "doctor/suites.h"

// Offers all suites with this flaw, and no others, up to TLS 1.2.
static void offer_suites(struct audit *audit, unsigned fault, struct finding *finding) {
    uint16_t suites[SUITES_MAX];
    struct offer offer = audit_legacy_offer(audit, VERSION_TLS12);
    struct answer answer;
    offer.suites = (struct numbers){suites, suites_with(fault, suites)};
    audit_probe(audit, &offer, &answer);
    finding_refused(finding, &answer);
}

void check_export(struct audit *audit, struct finding *finding) {
    offer_suites(audit, SUITE_EXPORT, finding);
}

void check_null(struct audit *audit, struct finding *finding) {
    offer_suites(audit, SUITE_NULL, finding);
}

void check_anonymous(struct audit *audit, struct finding *finding) {
    offer_suites(audit, SUITE_ANONYMOUS, finding);
}

void check_rc4(struct audit *audit, struct finding *finding) {
    offer_suites(audit, SUITE_RC4, finding);
}

void check_des(struct audit *audit, struct finding *finding) {
    offer_suites(audit, SUITE_DES, finding);
}

void check_cbc(struct audit *audit, struct finding *finding) {
    offer_suites(audit, SUITE_CBC, finding);
}

void check_static_keys(struct audit *audit, struct finding *finding) {
    offer_suites(audit, SUITE_STATIC, finding);
}

void check_tls13_suites(struct audit *audit, struct finding *finding) {
    // Suites without encryption (RFC 9150), and with a tag of eight bytes.
    static const uint16_t suites[] = {0xc0b4, 0xc0b5, 0x1305};
    static const uint16_t groups[] = {GROUP_X25519, GROUP_P256, GROUP_P384};
    struct offer offer = audit_offer(audit, NUMBERS(groups));
    struct answer answer;
    offer.suites = NUMBERS(suites);
    audit_probe(audit, &offer, &answer);
    finding_refused(finding, &answer);
}
