// Other properties of the protocol: compression, renegotiation, plain HTTP, close_notify.
#include "doctor/checks.h"
#include "doctor/suites.h"

static const uint16_t USUAL_GROUPS[] = {GROUP_X25519, GROUP_P256, GROUP_P384};

void check_compression(struct audit *audit, struct finding *finding) {
    static const char deflate_first[] = {1, 0};
    struct slice methods = {deflate_first, sizeof(deflate_first)};
    uint16_t suites[SUITES_MAX];
    struct answer answer;
    if (audit_accepted_legacy(audit) != NULL) {
        struct offer legacy = audit_legacy_offer(audit, VERSION_TLS12);
        legacy.suites = (struct numbers){suites, suites_with(SUITE_ANY | SUITE_GOOD, suites)};
        legacy.compressions = methods;
        audit_probe(audit, &legacy, &answer);
        if (answer.kind == ANSWER_HELLO && answer.hello.compression != 0) {
            finding_set(finding, OUTCOME_FAIL, "%s with compression method %u",
                        version_name(answer.hello.version), answer.hello.compression);
            return;
        }
    }
    struct offer offer = audit_offer(audit, NUMBERS(USUAL_GROUPS));
    offer.compressions = methods;
    audit_probe(audit, &offer, &answer);
    if (answer.kind == ANSWER_HELLO && answer.hello.version < VERSION_TLS13) {
        finding_set(finding, answer.hello.compression == 0 ? OUTCOME_PASS : OUTCOME_FAIL,
                    "%s with compression method %u", version_name(answer.hello.version),
                    answer.hello.compression);
        return;
    }
    finding_refused(finding, &answer);
    if (answer.kind == ANSWER_HELLO || answer.kind == ANSWER_RETRY) {
        finding_set(finding, OUTCOME_WARN,
                    "nothing is compressed, but TLS 1.3 with such an offer should be refused");
    }
}

// --- Renegotiation ---

// TLS 1.3 has no renegotiation, so the connection needs an older version.
static void judge_legacy_renegotiation(struct audit *audit, struct finding *finding) {
    const struct answer *accepted = audit_accepted_legacy(audit);
    if (accepted == NULL) {
        return;
    }
    const char *version = version_name(accepted->hello.version);
    if (!accepted->hello.has_renegotiation_info) {
        finding_set(finding, OUTCOME_FAIL,
                    "%s is taken without renegotiation_info: whoever is in between can put a "
                    "request before the client's (RFC 5746)",
                    version);
    } else if (finding->outcome != OUTCOME_FAIL) {
        finding_set(finding, OUTCOME_WARN,
                    "%s is taken, with renegotiation_info; whether a client may renegotiate in it "
                    "cannot be known from here, as this program speaks TLS 1.3 only",
                    version);
    }
}

void check_renegotiation(struct audit *audit, struct finding *finding) {
    if (!audit->connected) {
        finding_set(finding, OUTCOME_SKIP, "there was nothing to try it in");
        judge_legacy_renegotiation(audit, finding);
        return;
    }
    uint8_t bytes[1024];
    struct builder message = builder_over(bytes, sizeof(bytes));
    static const uint8_t random[OFFER_RANDOM_SIZE] = "a ClientHello after the hello...";
    struct offer offer = audit_offer(audit, NUMBERS(USUAL_GROUPS));
    offer_write(&offer, random, &message);
    struct conversation conversation;
    struct probe_wishes wishes = audit_wishes(audit);
    audit_converse(audit, &wishes, &conversation);
    conversation_send_message(&conversation, (struct slice){(const char *)bytes, message.size});
    conversation_read_end(&conversation);
    char text[CONVERSATION_TEXT_SIZE];
    conversation_text(&conversation, text);
    uint8_t alert = conversation.client == NULL ? 0 : probe_facts(conversation.client)->alert;
    if (!conversation.connected) {
        finding_set(finding, OUTCOME_FAIL, "could not be checked: %s", text);
    } else if (conversation.ending == ENDING_ALERT && alert == ALERT_UNEXPECTED_MESSAGE) {
        finding_set(finding, OUTCOME_PASS, "refused: %s", text);
    } else if (conversation.ending == ENDING_FAULT || conversation.ending == ENDING_TIME ||
               conversation.ending == ENDING_MUCH) {
        finding_set(finding, OUTCOME_FAIL, "not refused: %s", text);
    } else {
        finding_set(finding, OUTCOME_WARN, "refused, but not with unexpected_message: %s", text);
    }
    conversation_close(&conversation);
    judge_legacy_renegotiation(audit, finding);
}

// --- Without TLS, and the end of a connection ---

void check_plain_http(struct audit *audit, struct finding *finding) {
    struct answer answer;
    char text[ANSWER_TEXT_SIZE];
    audit_probe_bytes(audit, audit_request(audit), &answer);
    answer_text(&answer, text);
    if (answer.kind == ANSWER_LOST) {
        finding_set(finding, OUTCOME_FAIL, "could not be checked: %s", text);
    } else if (answer.kind == ANSWER_HTTP && answer.http_status < 300) {
        finding_set(finding, OUTCOME_FAIL, "served without encryption: %s", text);
    } else if (answer.kind == ANSWER_HTTP && answer.http_status < 400) {
        finding_set(finding, OUTCOME_WARN,
                    "sent elsewhere by an answer that anybody in between can change: %s", text);
    } else {
        finding_set(finding, OUTCOME_PASS, "refused: %s", text);
    }
}

void check_close_notify(struct audit *audit, struct finding *finding) {
    switch (audit->first_ending) {
    case ENDING_CLOSE_NOTIFY:
        finding_set(finding, OUTCOME_PASS, "close_notify came before the end");
        return;
    case ENDING_CUT:
    case ENDING_RESET:
        finding_set(finding, OUTCOME_FAIL, "no close_notify: %s", audit->first_text);
        return;
    case ENDING_ALERT:
        finding_set(finding, OUTCOME_WARN, "the connection ended with an %s", audit->first_text);
        return;
    default:
        finding_set(finding, OUTCOME_WARN,
                    "the server did not end the connection in time, though it was asked to: %s",
                    audit->first_text);
        return;
    }
}
