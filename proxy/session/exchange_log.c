// What an exchange leaves in the logs.
#include "http/glance.h"
#include "session/exchange_internal.h"
#include "session/refusals.h"

#include <stdlib.h>

enum { LOG_TEXT_MAX = 2048 };

static size_t kept_size(struct slice text) {
    return text.size < LOG_TEXT_MAX ? text.size : LOG_TEXT_MAX;
}

// A text, and where it is to be kept.
struct kept_text {
    struct slice *to;
    struct slice text;
};

// Without an allocation where the texts are not unusually long. Without memory they are not logged.
static void keep_texts(struct exchange *exchange, const struct kept_text *texts, size_t count) {
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += kept_size(texts[i].text);
    }
    char *at = size <= sizeof(exchange->room) ? exchange->room : malloc(size);
    exchange->texts = at;
    exchange->room_used = at == exchange->room ? size : 0;
    for (size_t i = 0; i < count && at != NULL; i++) {
        size_t part = kept_size(texts[i].text);
        *texts[i].to = (struct slice){at, part};
        if (part > 0) {
            memcpy(at, texts[i].text.data, part);
            at += part;
        }
    }
}

void exchange_keep_request(struct exchange *exchange, const struct http_request *request,
                           const struct http_told *told) {
    const struct kept_text texts[] = {
        {&exchange->method, request->method},
        {&exchange->target, request->target},
        {&exchange->host, request->host},
        {&exchange->referer, request->referer},
        {&exchange->user_agent, request->user_agent},
        {&exchange->protocols, request->protocols},
        {&exchange->client_unread, told == NULL ? (struct slice){NULL, 0} : told->unread},
    };
    keep_texts(exchange, texts, sizeof(texts) / sizeof(texts[0]));
}

void exchange_keep_refused(struct exchange *exchange, struct slice bytes) {
    struct http_glance glance = http_glance(bytes);
    const struct kept_text texts[] = {
        {&exchange->request_line, glance.line},
        {&exchange->method, glance.method},
        {&exchange->target, glance.target},
        {&exchange->protocol, glance.protocol},
        {&exchange->host, glance.host},
        {&exchange->referer, glance.referer},
        {&exchange->user_agent, glance.user_agent},
    };
    exchange->refused = true;
    keep_texts(exchange, texts, sizeof(texts) / sizeof(texts[0]));
}

static void write_access_log(const struct exchange *exchange, const char *ended) {
    const struct session *session = exchange->session;
    struct access_log *log = &session->service->access_log;
    if (!access_log_enabled(log)) {
        return;
    }
    struct access_entry entry = {
        .started_us = exchange->started_us - exchange->head_us,
        .client = exchange->client,
        .client_port = session->client_port,
        .client_unread = exchange->client_unread,
        .site = exchange->site == NULL ? (struct slice){NULL, 0} : slice_from(exchange->site->name),
        .request_line = exchange->request_line,
        .method = exchange->method,
        .target = exchange->target,
        .host = exchange->host,
        .protocol = exchange->protocol,
        .minor_version = exchange->client_minor_version,
        .status = exchange->status,
        .request_bytes = exchange->request_bytes,
        .response_bytes = exchange->response_bytes,
        .referer = exchange->referer,
        .user_agent = exchange->user_agent,
        .backend = exchange->backend == NULL ? (struct slice){NULL, 0}
                                             : slice_from(exchange->backend->name),
        .server = exchange->server == NULL ? (struct slice){NULL, 0}
                                           : slice_from(exchange->server->config->text),
        .server_reused = exchange->lease_reused,
        .duration_us = clock_monotonic_us() - exchange->started_mono_us + exchange->head_us,
        .connect_us = exchange->connect_us,
        .response_us = exchange->response_us,
        .tls_version = session->redirect ? NULL : "TLSv1.3",
        .tls_group = session->tls_group,
        .tls_suite = session->tls_suite,
        .tls_resumed = session->resumed,
        .tls_sni = session_server_name(session),
        .tls_client = session->client_identity == NULL
                          ? (struct slice){NULL, 0}
                          : slice_from(session->client_identity->subject),
        .ended = ended,
    };
    access_log_write(log, &entry);
}

void exchange_write_log(const struct exchange *exchange) {
    const char *ended = exchange->ended;
    if (ended == NULL && exchange->response_state != RESPONSE_DONE) {
        ended = "the client closed the connection";
    }
    write_access_log(exchange, ended);
    if (exchange->answered && exchange->ended != NULL &&
        (exchange->refused || exchange->status / 100 == 4)) {
        refusals_note_request(exchange);
    }
}
