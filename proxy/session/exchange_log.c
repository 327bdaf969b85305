// What an exchange leaves in the logs.
#include "http/glance.h"
#include "session/exchange_internal.h"

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
    const struct client *client = exchange->client;
    struct access_log *log = &exchange->shared->access_log;
    if (!access_log_enabled(log)) {
        return;
    }
    struct access_entry entry = {
        .started_us = exchange->started_us - exchange->head_us,
        .client = exchange->choice.client_shown,
        .client_port = client->port,
        .client_unread = exchange->client_unread,
        .site = exchange->choice.site == NULL ? (struct slice){NULL, 0}
                                              : slice_from(exchange->choice.site->name),
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
        .backend = exchange->choice.backend == NULL ? (struct slice){NULL, 0}
                                                    : slice_from(exchange->choice.backend->name),
        .server = exchange->server == NULL ? (struct slice){NULL, 0}
                                           : slice_from(exchange->server->config->text),
        .server_reused = exchange->lease_reused,
        .duration_us = clock_monotonic_us() - exchange->started_mono_us + exchange->head_us,
        .connect_us = exchange->connect_us,
        .response_us = exchange->response_us,
        .tls_version = client->redirect ? NULL : "TLSv1.3",
        .tls_group = client->tls_group,
        .tls_suite = client->tls_suite,
        .tls_resumed = client->resumed,
        .tls_sni = client_server_name(client),
        .tls_client = client->identity == NULL ? (struct slice){NULL, 0}
                                               : slice_from(client->identity->subject),
        .ended = ended,
    };
    access_log_write(log, &entry);
}

// Status, reason and request line of a request that Ravelin answered: level info if it was malformed or
// never whole, debug otherwise.
static void log_refused(const struct exchange *exchange) {
    const struct client *client = exchange->client;
    bool malformed = exchange->refused || exchange->status == 400 || exchange->status == 408;
    bool unread = exchange->request_line.size > 0;
    char line[LOG_QUOTE_SIZE];
    char host[LOG_QUOTE_SIZE];
    char agent[LOG_QUOTE_SIZE];
    enum log_severity severity = malformed ? SEVERITY_INFO : SEVERITY_DEBUG;
    if (!log_wants(exchange->shared->log, severity)) {
        return;
    }
    complain(exchange->shared, COMPLAINT_REQUEST, severity,
             "client %s port %u: request refused: %u %s: %.*s%s%s, host %s, user agent %s",
             client->text, client->port, exchange->status, exchange->ended,
             unread ? 0 : (int)exchange->method.size, exchange->method.data,
             unread || exchange->method.size == 0 ? "" : " ",
             log_quote(unread ? exchange->request_line : exchange->target, line),
             log_quote(exchange->host, host), log_quote(exchange->user_agent, agent));
}

void exchange_write_log(const struct exchange *exchange) {
    const char *ended = exchange->ended;
    if (ended == NULL && exchange->response_state != RESPONSE_DONE) {
        ended = "the client closed the connection";
    }
    write_access_log(exchange, ended);
    if (exchange->answered && exchange->ended != NULL &&
        (exchange->refused || exchange->status / 100 == 4)) {
        log_refused(exchange);
    }
}
