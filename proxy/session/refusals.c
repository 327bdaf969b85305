#include "session/refusals.h"

#include "session/service_internal.h"

#include <inttypes.h>
#include <stdio.h>

enum { WHY_SIZE = 160 };

static const enum metric metric_of[REFUSAL_COUNT] = {
#define REFUSAL_METRIC(name, alert, text) [REFUSAL_##name] = METRIC_refused_##name,
    REFUSALS(REFUSAL_METRIC)
#undef REFUSAL_METRIC
};

static void tell_left_out(struct service *service) {
    struct rate *rate = &service->refusal_lines;
    if (rate->left_out > 0) {
        log_info(service->options.log,
                 "%" PRIu64 " more TLS handshakes failed: not logged one by one", rate->left_out);
        rate->left_out = 0;
    }
}

static void log_refusal(struct session *session, const struct refusal *refusal, const char *why) {
    const struct client_hello *hello = handshake_hello(session->handshake);
    struct slice name = handshake_server_name(session->handshake);
    char quoted[LOG_QUOTE_SIZE];
    const char *shown = name.size == 0 ? "none" : name.data;
    char offered[HELLO_TEXT_SIZE] = "nothing that could be read";
    if (hello != NULL) {
        hello_describe(hello, offered);
    }
    log_info(session->service->options.log,
             "client %s port %u: TLS handshake refused: %s (%s); offered: %s; server name: %s",
             session->client, session->client_port, why,
             refusal->alert == REFUSAL_NO_ALERT ? "no alert" : alert_name(refusal->alert), offered,
             handshake_name_is_odd(session->handshake) ? log_quote(name, quoted) : shown);
}

static void write_access(struct session *session, const char *why) {
    struct service *service = session->service;
    const struct access_entry entry = {
        .started_us = session->accepted_us + service->wall_offset_us,
        .client = slice_from(session->client),
        .client_port = session->client_port,
        .duration_us = clock_monotonic_us() - session->accepted_us,
        .connect_us = -1,
        .response_us = -1,
        .tls_sni = handshake_server_name(session->handshake),
        .ended = why,
    };
    if (access_log_enabled(&service->access_log)) {
        access_log_write(&service->access_log, &entry);
    }
}

void refusals_note(struct session *session, const struct refusal *refusal) {
    struct service *service = session->service;
    if (session->transport.received == 0) { // a probe of the port: no handshake ever began
        complain(service, COMPLAINT_PROBE, SEVERITY_DEBUG, "client %s: not a word: %s",
                 session->client, refusal->text);
        return;
    }
    metric_add(service->options.metrics, METRIC_handshakes_failed, 1);
    metric_add(service->options.metrics, metric_of[refusal->reason], 1);
    if (!rate_take(&service->refusal_lines, service_now_ms(service))) {
        return;
    }
    tell_left_out(service);
    char why[WHY_SIZE];
    const char *reason = refusal_text(refusal->reason);
    (void)snprintf(why, sizeof(why), reason == refusal->text ? "%s" : "%s: %s", reason,
                   refusal->text);
    log_refusal(session, refusal, why);
    write_access(session, why);
}

void refusals_tick(struct service *service) {
    struct rate *rate = &service->refusal_lines;
    if (rate_take_summary(rate, service_now_ms(service))) {
        tell_left_out(service);
    }
}
