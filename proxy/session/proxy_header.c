#include "session/proxy_header.h"

#include "http/proxy_protocol.h"
#include "session/admission.h"

enum { RECEIVED_SHOWN = 64 };

// `bytes`: received bytes, of which the beginning is logged.
static void refuse(struct session *session, const char *why, struct slice bytes) {
    char quoted[LOG_QUOTE_SIZE];
    bytes.size = bytes.size < RECEIVED_SHOWN ? bytes.size : RECEIVED_SHOWN;
    complain(&session->sessions->shared.complaints, COMPLAINT_PROXY_HEADER, SEVERITY_INFO,
             "proxy %s: %s; received: %s", session->client.text, why, log_quote(bytes, quoted));
    metric_add(session->sessions->shared.metrics, METRIC_sessions_refused, 1);
    session_close(session);
}

static enum result step(struct session *session) {
    struct transport *transport = &session->transport;
    enum result received = transport_receive(transport);
    const struct transport_input input = transport_input(transport);
    if (input.data == NULL) {
        return RESULT_AGAIN;
    }
    struct proxy_header header;
    const char *why = NULL;
    struct slice bytes = {(const char *)input.data, input.size};
    switch (proxy_header_read(input.data, input.size, &header, &why)) {
    case RESULT_OK:
        transport_take(transport, header.size);
        session->client.untold = !header.has_client;
        session->client.unknown = !header.has_client && !header.local;
        if (header.has_client) {
            session_set_client(session, &header.client.as.any);
        }
        session_admit(session);
        return RESULT_OK;
    case RESULT_AGAIN:
        if (transport->end != TRANSPORT_OPEN) {
            refuse(session, "the connection ended before a whole PROXY header", bytes);
            return RESULT_AGAIN;
        }
        return received == RESULT_OK && transport->readable ? RESULT_OK : RESULT_AGAIN;
    default:
        refuse(session, why, bytes);
        return RESULT_AGAIN;
    }
}

static int arm(struct session *session) {
    return session_read_event(session);
}

static void time_out(struct session *session) {
    session_refuse(session, "no PROXY header in time");
}

static const struct session_phase phase = {
    .step = step,
    .arm = arm,
    .time_out = time_out,
};

void proxy_header_enter(struct session *session) {
    const struct config *config = session->sessions->shared.current->config;
    const struct network_lists trusted = config_trusted(config);
    session_enter(session, &phase);
    session->deadline_ms = sessions_now_ms(session->sessions) + config->limits.handshake_timeout_ms;
    if (!network_lists_contain(&trusted, &session->client.address.any)) {
        session_refuse(session,
                       "not among trusted-proxies, where every client must come through one");
    }
}
