// Ambiguous requests: requests that two parsers can read in two ways. Attackers use such
// differences to smuggle requests into other clients' connections.
//
// Each request here has the same end for every parser, so that nothing of it remains in a
// connection between a proxy and its servers.
#include "doctor/checks.h"

#include <stdio.h>

enum { REQUEST_SIZE = 768 };

struct reply {
    bool lost; // no connection, or no handshake
    uint16_t status;
    char text[CONVERSATION_TEXT_SIZE];
};

static void ask(struct audit *audit, const char *request, struct reply *reply) {
    struct conversation conversation;
    struct probe_wishes wishes = audit_wishes(audit);
    audit_converse(audit, &wishes, &conversation);
    conversation_send(&conversation, slice_from(request));
    conversation_read_head(&conversation);
    reply->status = conversation_status(&conversation);
    reply->lost = !conversation.connected;
    if (reply->status != 0) {
        (void)snprintf(reply->text, sizeof(reply->text), "status %u", reply->status);
    } else {
        conversation_text(&conversation, reply->text);
    }
    conversation_close(&conversation);
}

// Statuses that mean that the request itself was wrong.
static bool is_refusal(uint16_t status) {
    switch (status) {
    case 0: // no answer at all
    case 400:
    case 411:
    case 413:
    case 414:
    case 431:
    case 501:
    case 505:
        return true;
    default:
        return false;
    }
}

// Sends a request that should be refused: `start`, the Host value, then `rest`.
static void send_ambiguous(struct audit *audit, const char *start, const char *rest,
                           struct finding *finding) {
    char request[REQUEST_SIZE];
    struct reply reply;
    (void)snprintf(request, sizeof(request), "%s%s%s", start, audit->target.authority, rest);
    ask(audit, request, &reply);
    if (reply.lost) {
        finding_set(finding, OUTCOME_FAIL, "could not be checked: %s", reply.text);
    } else if (is_refusal(audit->http_status)) {
        finding_set(finding, OUTCOME_SKIP, "an ordinary request is refused too, with status %u",
                    audit->http_status);
    } else if (is_refusal(reply.status)) {
        finding_set(finding, OUTCOME_PASS, "refused: %s", reply.text);
    } else {
        finding_set(finding, OUTCOME_FAIL, "taken: %s", reply.text);
    }
}

void check_bare_lf(struct audit *audit, struct finding *finding) {
    send_ambiguous(audit, "GET / HTTP/1.1\nHost: ", "\nConnection: close\n\n", finding);
}

void check_length_and_chunks(struct audit *audit, struct finding *finding) {
    // Five bytes of body, for both readings of the length.
    send_ambiguous(audit, "GET / HTTP/1.1\r\nHost: ",
                   "\r\nConnection: close\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"
                   "\r\n0\r\n\r\n",
                   finding);
}

void check_two_lengths(struct audit *audit, struct finding *finding) {
    // The two lengths are written differently, but both mean that there is no body.
    send_ambiguous(audit, "GET / HTTP/1.1\r\nHost: ",
                   "\r\nConnection: close\r\nContent-Length: 0\r\nContent-Length: 00\r\n\r\n",
                   finding);
}

void check_folding(struct audit *audit, struct finding *finding) {
    send_ambiguous(audit, "GET / HTTP/1.1\r\nHost: ",
                   "\r\nConnection: close\r\nX-Folded: one\r\n two\r\n\r\n", finding);
}

void check_other_host(struct audit *audit, struct finding *finding) {
    struct reply reply;
    ask(audit, "GET / HTTP/1.1\r\nHost: another-name.invalid\r\nConnection: close\r\n\r\n", &reply);
    if (reply.lost) {
        finding_set(finding, OUTCOME_FAIL, "could not be checked: %s", reply.text);
    } else if (reply.status == 0 || reply.status >= 400) {
        finding_set(finding, OUTCOME_PASS, "refused: %s", reply.text);
    } else {
        finding_set(finding, OUTCOME_FAIL, "served: %s", reply.text);
    }
}
