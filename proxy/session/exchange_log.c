// What an exchange leaves in the logs.
#include "http/glance.h"
#include "session/exchange_internal.h"
#include "session/refusals.h"

#include <stdlib.h>

enum { LOG_TEXT_MAX = 2048 };

static size_t kept_size(struct slice text) {
    return text.size < LOG_TEXT_MAX ? text.size : LOG_TEXT_MAX;
}

size_t exchange_texts_size(const struct kept_text *texts, size_t count) {
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += kept_size(texts[i].text);
    }
    return size;
}

void exchange_keep_texts(const struct kept_text *texts, size_t count, char *at) {
    for (size_t i = 0; i < count; i++) {
        size_t size = kept_size(texts[i].text);
        *texts[i].to = (struct slice){at, size};
        if (size > 0) {
            memcpy(at, texts[i].text.data, size);
            at += size;
        }
    }
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
    size_t count = sizeof(texts) / sizeof(texts[0]);
    size_t size = exchange_texts_size(texts, count);
    exchange->refused = true;
    exchange->block = size <= sizeof(exchange->room) ? exchange->room : malloc(size);
    if (exchange->block != NULL) {
        exchange_keep_texts(texts, count, exchange->block);
    }
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
