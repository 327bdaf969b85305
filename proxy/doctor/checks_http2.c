// Floods over HTTP/2, and requests with another meaning in HTTP/1.1.
//
// The floods are short: a server without limits spends less on one of them than on a page of a
// browser. If a gateway forwards one of the requests, nothing of it remains in the connection
// between the gateway and its servers.
#include "doctor/checks.h"

enum { FLOOD_FRAMES = 2000, FLOOD_STREAMS = 1500, CONTINUATIONS = 200, FRAGMENT_SIZE = 1024 };

// A client that the caller must close. NULL: it could not connect, which is the finding.
static struct http2_client *connect_or_fail(struct audit *audit, struct finding *finding) {
    struct http2_client *client = audit_converse_http2(audit);
    char text[HTTP2_CLIENT_TEXT_SIZE] = "out of memory";
    if (client != NULL && client->conversation.connected) {
        return client;
    }
    if (client != NULL) {
        http2_client_text(client, text);
        http2_client_close(client);
    }
    finding_set(finding, OUTCOME_FAIL, "could not be checked: %s", text);
    return NULL;
}

static bool has_ended(const struct http2_client *client) {
    return client->left || (client->conversation.ending != ENDING_NONE &&
                            client->conversation.ending != ENDING_TIME);
}

static struct http2_client_request ordinary(const struct audit *audit) {
    return (struct http2_client_request){.authority = slice_from(audit->target.authority)};
}

// --- floods ---

struct flood {
    const char *what;
    size_t count;
    void (*put)(struct http2_client *client, const struct audit *audit, uint32_t number);
    bool opens; // a stream first
    enum outcome if_taken;
};

static void put_open(struct http2_client *client, const struct audit *audit, uint32_t stream) {
    struct http2_client_request request = ordinary(audit);
    request.goes_on = true;
    http2_client_put_request(client, stream, &request);
}

static void flood(struct audit *audit, const struct flood *flood, struct finding *finding) {
    struct http2_client *client = connect_or_fail(audit, finding);
    char text[HTTP2_CLIENT_TEXT_SIZE];
    if (client == NULL) {
        return;
    }
    if (flood->opens) {
        put_open(client, audit, 1);
    }
    for (uint32_t i = 0; i < flood->count; i++) {
        flood->put(client, audit, i);
    }
    bool served = http2_client_is_served(client);
    http2_client_text(client, text);
    if (served) {
        finding_set(finding, flood->if_taken, "all %zu %s were taken", flood->count, flood->what);
    } else if (has_ended(client)) {
        finding_set(finding, OUTCOME_PASS, "ended: %s", text);
    } else {
        finding_set(finding, OUTCOME_WARN, "neither taken nor ended: %s", text);
    }
    http2_client_close(client);
}

static void put_ping(struct http2_client *client, const struct audit *audit, uint32_t number) {
    (void)audit, (void)number;
    http2_client_put_frame(client, FRAME_PING, 0, 0, SLICE("ravelin "));
}

static void put_settings(struct http2_client *client, const struct audit *audit, uint32_t number) {
    (void)audit, (void)number;
    http2_client_put_frame(client, FRAME_SETTINGS, 0, 0, SLICE(""));
}

static void put_empty(struct http2_client *client, const struct audit *audit, uint32_t number) {
    (void)audit, (void)number;
    http2_client_put_frame(client, FRAME_DATA, 0, 1, SLICE(""));
}

static void put_canceled(struct http2_client *client, const struct audit *audit, uint32_t number) {
    struct http2_client_request request = ordinary(audit);
    http2_client_put_request(client, 2 * number + 1, &request);
    http2_client_put_frame(client, FRAME_RST_STREAM, 0, 2 * number + 1, SLICE("\0\0\0\x08"));
}

// An increment of 0 is a stream error.
static void put_faulty(struct http2_client *client, const struct audit *audit, uint32_t number) {
    put_open(client, audit, 2 * number + 1);
    http2_client_put_frame(client, FRAME_WINDOW_UPDATE, 0, 2 * number + 1, SLICE("\0\0\0\0"));
}

void check_http2_ping(struct audit *audit, struct finding *finding) {
    flood(audit, &(struct flood){"frames", FLOOD_FRAMES, put_ping, false, OUTCOME_WARN}, finding);
}

void check_http2_settings(struct audit *audit, struct finding *finding) {
    flood(audit, &(struct flood){"frames", FLOOD_FRAMES, put_settings, false, OUTCOME_WARN},
          finding);
}

void check_http2_empty(struct audit *audit, struct finding *finding) {
    flood(audit, &(struct flood){"frames", FLOOD_FRAMES, put_empty, true, OUTCOME_WARN}, finding);
}

void check_http2_rapid_reset(struct audit *audit, struct finding *finding) {
    flood(audit, &(struct flood){"requests", FLOOD_STREAMS, put_canceled, false, OUTCOME_FAIL},
          finding);
}

void check_http2_made_resets(struct audit *audit, struct finding *finding) {
    flood(audit, &(struct flood){"requests", FLOOD_STREAMS, put_faulty, false, OUTCOME_FAIL},
          finding);
}

// --- one request ---

// Statuses that mean that the request itself was wrong.
static bool is_refusal(uint16_t status) {
    return status == 400 || status == 411 || status == 413 || status == 421 || status == 431 ||
           status == 501;
}

static void judge(const struct audit *audit, const struct http2_client *client, bool errors_refuse,
                  struct finding *finding) {
    char text[HTTP2_CLIENT_TEXT_SIZE];
    bool refused = is_refusal(client->status) || (errors_refuse && client->status >= 400);
    http2_client_text(client, text);
    if (is_refusal(audit->http2_status)) {
        finding_set(finding, OUTCOME_SKIP, "an ordinary request is refused too, with status %u",
                    audit->http2_status);
    } else if (has_ended(client) || client->reset_count > 0 || refused) {
        finding_set(finding, OUTCOME_PASS, "refused: %s", text);
    } else {
        finding_set(finding, client->status == 0 ? OUTCOME_WARN : OUTCOME_FAIL, "%s: %s",
                    client->status == 0 ? "neither taken nor refused" : "taken", text);
    }
}

static void ask(struct audit *audit, const struct http2_client_request *request, struct slice body,
                bool errors_refuse, struct finding *finding) {
    struct http2_client *client = connect_or_fail(audit, finding);
    if (client == NULL) {
        return;
    }
    http2_client_put_request(client, 1, request);
    if (request->goes_on) {
        http2_client_put_frame(client, FRAME_DATA, FRAME_END_STREAM, 1, body);
    }
    http2_client_read_answer(client);
    judge(audit, client, errors_refuse, finding);
    http2_client_close(client);
}

static void ask_with_field(struct audit *audit, struct slice name, struct slice value,
                           struct slice body, struct finding *finding) {
    struct http2_client_request request = ordinary(audit);
    request.field = (struct http2_client_field){name, value};
    request.goes_on = body.size > 0;
    ask(audit, &request, body, false, finding);
}

void check_http2_continuation(struct audit *audit, struct finding *finding) {
    struct http2_client *client = connect_or_fail(audit, finding);
    char value[FRAGMENT_SIZE];
    uint8_t bytes[FRAGMENT_SIZE + 32];
    struct builder block = builder_over(bytes, sizeof(bytes));
    if (client == NULL) {
        return;
    }
    memset(value, 'd', sizeof(value));
    http2_client_put_literal(&block, SLICE("x-doctor"), (struct slice){value, sizeof(value)});
    struct slice fragment = {(const char *)bytes, block.size};
    struct http2_client_request request = ordinary(audit);
    request.is_cut = true;
    http2_client_put_request(client, 1, &request);
    for (size_t i = 0; i < CONTINUATIONS; i++) {
        uint8_t flags = i + 1 == CONTINUATIONS ? FRAME_END_HEADERS : 0;
        http2_client_put_frame(client, FRAME_CONTINUATION, flags, 1, fragment);
    }
    http2_client_read_answer(client);
    judge(audit, client, false, finding);
    http2_client_close(client);
}

void check_http2_line_break(struct audit *audit, struct finding *finding) {
    ask_with_field(audit, SLICE("x-doctor"), SLICE("a\r\nx-doctor: b"), SLICE(""), finding);
}

void check_http2_coding(struct audit *audit, struct finding *finding) {
    // The body ends there, for every reading of the request.
    ask_with_field(audit, SLICE("transfer-encoding"), SLICE("chunked"), SLICE("0\r\n\r\n"),
                   finding);
}

void check_http2_length(struct audit *audit, struct finding *finding) {
    ask_with_field(audit, SLICE("content-length"), SLICE("+0"), SLICE(""), finding);
}

void check_http2_path(struct audit *audit, struct finding *finding) {
    struct http2_client_request request = ordinary(audit);
    request.path = SLICE("/ doctor");
    ask(audit, &request, SLICE(""), false, finding);
}

void check_http2_other_host(struct audit *audit, struct finding *finding) {
    const struct http2_client_request request = {.authority = SLICE("another-name.invalid")};
    ask(audit, &request, SLICE(""), true, finding);
}
