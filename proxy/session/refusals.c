#include "session/refusals.h"

#include "http/glance.h"
#include "session/session.h"

#include <inttypes.h>
#include <stdio.h>

enum { WHY_SIZE = 160, RECEIVED_SHOWN = 64 };

static const enum metric metric_of[REFUSAL_COUNT] = {
#define REFUSAL_METRIC(name, alert, text) [REFUSAL_##name] = METRIC_refused_##name,
    REFUSALS(REFUSAL_METRIC)
#undef REFUSAL_METRIC
};

static void tell_left_out(struct sessions *sessions) {
    struct rate *rate = &sessions->refusal_lines;
    if (rate->left_out > 0) {
        log_info(sessions->shared.log,
                 "%" PRIu64 " more TLS handshakes failed: not logged one by one", rate->left_out);
        rate->left_out = 0;
    }
}

// Returns the first bytes of a client that sent no ClientHello: enough to recognise the protocol.
// For plain HTTP, the request line.
static struct slice first_bytes(struct slice bytes, bool is_http) {
    struct slice line = is_http ? http_glance(bytes).line : bytes;
    return (struct slice){line.data,
                          is_http || line.size < RECEIVED_SHOWN ? line.size : RECEIVED_SHOWN};
}

static void log_refusal(struct session *session, const struct refusal *refusal, const char *why,
                        struct slice bytes) {
    const struct client_hello *hello = handshake_hello(session->handshake);
    struct slice name = handshake_server_name(session->handshake);
    char quoted[LOG_QUOTE_SIZE];
    const char *shown = name.size == 0 ? "none" : name.data;
    char offered[HELLO_TEXT_SIZE] = "nothing that could be read";
    char received[LOG_QUOTE_SIZE] = "";
    if (hello != NULL) {
        hello_describe(hello, offered);
    } else if (bytes.size > 0) {
        log_quote(first_bytes(bytes, refusal->reason == REFUSAL_plain_http), received);
    }
    log_info(session->sessions->shared.log,
             "client %s port %u: TLS handshake refused: %s (%s); offered: %s; server name: %s%s%s",
             session->client.text, session->client.port, why,
             refusal->alert == REFUSAL_NO_ALERT ? "no alert" : alert_name(refusal->alert), offered,
             handshake_name_is_odd(session->handshake) ? log_quote(name, quoted) : shown,
             received[0] == '\0' ? "" : "; received: ", received);
}

static void describe_request(struct access_entry *entry, const struct http_glance *glance) {
    entry->request_line = glance->line;
    entry->method = glance->method;
    entry->target = glance->target;
    entry->protocol = glance->protocol;
    entry->host = glance->host;
    entry->referer = glance->referer;
    entry->user_agent = glance->user_agent;
}

// Sets the members for a response to plain HTTP, and for its request.
static void describe_plain_http(struct access_entry *entry, struct slice bytes) {
    struct http_glance glance = http_glance(bytes);
    describe_request(entry, &glance);
    entry->status = 400;
    entry->response_bytes = PLAIN_HTTP_ANSWER_SIZE;
}

static void write_access(struct session *session, const struct refusal *refusal, const char *why,
                         struct slice bytes) {
    struct sessions *sessions = session->sessions;
    struct access_entry entry = {
        .fields = &sessions->shared.current->config->access_log_fields,
        .started_us = session->accepted_us + sessions->shared.wall_offset_us,
        .client = slice_from(session->client.text),
        .client_port = session->client.port,
        .duration_us = clock_monotonic_us() - session->accepted_us,
        .connect_us = -1,
        .response_us = -1,
        .tls_sni = handshake_server_name(session->handshake),
        .ended = why,
    };
    if (refusal->reason == REFUSAL_plain_http) {
        describe_plain_http(&entry, bytes);
    }
    if (access_log_enabled(&sessions->shared.access_log)) {
        access_log_write(&sessions->shared.access_log, &entry);
    }
}

void refusals_note(struct session *session, const struct refusal *refusal, struct slice bytes) {
    struct sessions *sessions = session->sessions;
    if (session->transport.received == 0) { // a probe of the port: no handshake ever began
        complain(&sessions->shared.complaints, COMPLAINT_PROBE, SEVERITY_DEBUG,
                 "client %s: not a word: %s", session->client.text, refusal->text);
        return;
    }
    metric_add(sessions->shared.metrics, METRIC_handshakes_failed, 1);
    metric_add(sessions->shared.metrics, metric_of[refusal->reason], 1);
    if (!rate_take(&sessions->refusal_lines, sessions_now_ms(sessions))) {
        return;
    }
    tell_left_out(sessions);
    char why[WHY_SIZE];
    const char *reason = refusal_text(refusal->reason);
    (void)snprintf(why, sizeof(why), reason == refusal->text ? "%s" : "%s: %s", reason,
                   refusal->text);
    log_refusal(session, refusal, why, bytes);
    write_access(session, refusal, why, bytes);
}

// Logs a request without an exchange. `part`: of its head.
static void note_request(struct session *session, struct slice part, int64_t duration_us,
                         const char *why) {
    const struct client *client = &session->client;
    struct shared *shared = &session->sessions->shared;
    struct http_glance glance = http_glance(part);
    char line[LOG_QUOTE_SIZE];
    complain(&shared->complaints, COMPLAINT_REQUEST, SEVERITY_DEBUG, "client %s port %u: %s: %s",
             client->text, client->port, why, log_quote(glance.line, line));
    if (!access_log_enabled(&shared->access_log)) {
        return;
    }
    struct access_entry entry = {
        .fields = &shared->current->config->access_log_fields,
        .started_us = clock_monotonic_us() - duration_us + shared->wall_offset_us,
        .client = client_text(client),
        .client_port = client->port,
        .duration_us = duration_us,
        .connect_us = -1,
        .response_us = -1,
        .tls_version = client->redirect ? SLICE("") : SLICE("TLSv1.3"),
        .tls_group = client_tls_group(client),
        .tls_suite = client_tls_suite(client),
        .tls_resumed = client->resumed,
        .tls_sni = client_server_name(client),
        .ended = why,
    };
    describe_request(&entry, &glance);
    access_log_write(&shared->access_log, &entry);
}

void refusals_note_half(struct session *session, struct slice part) {
    int64_t duration_us =
        (sessions_now_ms(session->sessions) - session->http1.head_since_ms) * 1000;
    note_request(session, part, duration_us,
                 "the client left in the middle of its request headers");
}

void refusals_note_reset(struct session *session, struct slice part, const char *why) {
    note_request(session, part, 0, why);
}

void refusals_note_http2(struct session *session, const struct http2_fault *fault) {
    struct shared *shared = &session->sessions->shared;
    bool flood = fault->code == HTTP2_ENHANCE_YOUR_CALM;
    metric_add(shared->metrics, flood ? METRIC_http2_floods : METRIC_http2_faults, 1);
    complain(&shared->complaints, COMPLAINT_HTTP2, flood ? SEVERITY_WARNING : SEVERITY_INFO,
             "client %s port %u: HTTP/2 connection ended: %s", session->client.text,
             session->client.port, fault->why);
}

void refusals_tick(struct sessions *sessions) {
    struct rate *rate = &sessions->refusal_lines;
    if (rate_take_summary(rate, sessions_now_ms(sessions))) {
        tell_left_out(sessions);
    }
}
