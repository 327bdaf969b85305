// Session tickets: whether they resume, and with what protection.
#include "doctor/checks.h"

#include "base/clock.h"

static const char NO_TICKET[] = "the server gives no tickets: every handshake is a whole one";

// The result of a handshake with this ticket, in `text`, too.
struct attempt {
    enum ending ending;
    bool connected;
    struct probe_facts facts; // its slices point nowhere
    uint16_t status;          // of an answer to early data
    char text[CONVERSATION_TEXT_SIZE];
};

static void try_ticket(struct audit *audit, const struct probe_wishes *wishes,
                       struct attempt *attempt) {
    struct conversation conversation;
    audit_converse(audit, wishes, &conversation);
    attempt->ending = conversation.ending;
    attempt->connected = conversation.connected;
    attempt->status = 0;
    attempt->facts = (struct probe_facts){0};
    if (conversation.client != NULL) {
        attempt->facts = *probe_facts(conversation.client);
    }
    if (attempt->facts.early_data_accepted) {
        conversation_read_head(&conversation);
        attempt->status = conversation_status(&conversation);
    }
    conversation_text(&conversation, attempt->text);
    conversation_close(&conversation);
}

static bool was_lost(const struct attempt *attempt, struct finding *finding) {
    if (attempt->ending != ENDING_NO_CONNECTION) {
        return false;
    }
    finding_set(finding, OUTCOME_FAIL, "could not be checked: %s", attempt->text);
    return true;
}

void check_resumption(struct audit *audit, struct finding *finding) {
    struct attempt attempt;
    const struct probe_ticket *ticket = audit_ticket(audit);
    if (ticket == NULL) {
        finding_set(finding, OUTCOME_PASS, "%s", NO_TICKET);
        return;
    }
    struct probe_wishes wishes = audit_wishes(audit);
    wishes.ticket = ticket;
    try_ticket(audit, &wishes, &attempt);
    if (was_lost(&attempt, finding)) {
        return;
    }
    if (!attempt.connected) {
        finding_set(finding, OUTCOME_FAIL, "the handshake failed: %s", attempt.text);
    } else if (!attempt.facts.resumed) {
        finding_set(finding, OUTCOME_PASS, "the ticket was not taken: a whole handshake");
    } else {
        enum { WEEK_S = 7 * 24 * 3600 };
        // RFC 8446 4.6.1: at most seven days.
        finding_set(finding, ticket->lifetime_s > WEEK_S ? OUTCOME_FAIL : OUTCOME_PASS,
                    "resumed, with a fresh key exchange; tickets live %u s", ticket->lifetime_s);
    }
}

void check_psk_only(struct audit *audit, struct finding *finding) {
    struct attempt attempt;
    struct probe_wishes wishes = audit_wishes(audit);
    wishes.ticket = audit_ticket(audit);
    wishes.modes = PSK_KE;
    if (wishes.ticket == NULL) {
        finding_set(finding, OUTCOME_PASS, "%s", NO_TICKET);
        return;
    }
    try_ticket(audit, &wishes, &attempt);
    if (was_lost(&attempt, finding)) {
        return;
    }
    if (attempt.facts.resumed && attempt.facts.group == 0) {
        finding_set(finding, OUTCOME_FAIL, "resumed without a key exchange");
    } else if (attempt.connected) {
        finding_set(finding, OUTCOME_PASS, "the ticket was not taken: a whole handshake");
    } else {
        finding_set(finding, OUTCOME_PASS, "refused: %s", attempt.text);
    }
}

void check_early_data(struct audit *audit, struct finding *finding) {
    struct attempt attempt;
    struct probe_wishes wishes = audit_wishes(audit);
    const struct probe_ticket *ticket = audit_ticket(audit);
    if (ticket == NULL) {
        finding_set(finding, OUTCOME_PASS, "%s", NO_TICKET);
        return;
    }
    wishes.ticket = ticket;
    wishes.early_data = audit_request(audit);
    try_ticket(audit, &wishes, &attempt);
    if (was_lost(&attempt, finding)) {
        return;
    }
    if (attempt.facts.early_data_accepted) {
        finding_set(finding, OUTCOME_FAIL,
                    "a request sent as early data was taken, and answered with status %u; the "
                    "tickets allow %u bytes",
                    attempt.status, ticket->early_data_max);
    } else if (ticket->allows_early_data && ticket->early_data_max > 0) {
        finding_set(finding, OUTCOME_FAIL,
                    "the tickets allow %u bytes of early data, though it was not taken this time",
                    ticket->early_data_max);
    } else if (attempt.connected) {
        finding_set(finding, OUTCOME_PASS,
                    "the tickets allow none, and what was sent was passed over");
    } else {
        finding_set(finding, OUTCOME_PASS,
                    "the tickets allow none, and the handshake with it ended: %s", attempt.text);
    }
}

void check_other_name(struct audit *audit, struct finding *finding) {
    struct attempt attempt;
    struct probe_wishes wishes = audit_wishes(audit);
    wishes.ticket = audit_ticket(audit);
    wishes.name = SLICE("another-name.invalid");
    if (wishes.ticket == NULL) {
        finding_set(finding, OUTCOME_PASS, "%s", NO_TICKET);
        return;
    }
    try_ticket(audit, &wishes, &attempt);
    if (was_lost(&attempt, finding)) {
        return;
    }
    if (attempt.facts.resumed) {
        finding_set(finding, OUTCOME_FAIL, "the ticket was taken under another name");
    } else if (attempt.connected) {
        finding_set(finding, OUTCOME_PASS, "the ticket was not taken: a whole handshake");
    } else {
        finding_set(finding, OUTCOME_PASS, "refused: %s", attempt.text);
    }
}
