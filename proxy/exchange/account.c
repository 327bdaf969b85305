#include "exchange/account.h"

#include "exchange/logged_headers.h"
#include "http/glance.h"

#include <stdlib.h>
#include <string.h>

enum { LOG_TEXT_MAX = 2048 };

const struct account_texts account_no_texts;

void account_begin(struct account *account, const struct shared *shared, int64_t head_since_ms) {
    account->started_mono_us = shared->turn_us;
    account->started_us = account->started_mono_us + shared->wall_offset_us;
    if (head_since_ms != 0) {
        account->head_us = account->started_mono_us - head_since_ms * 1000;
    }
    account->connect_us = account->response_us = -1;
    account->minor_version = 1;
}

// --- texts ---

static size_t kept_size(struct slice text) {
    return text.size < LOG_TEXT_MAX ? text.size : LOG_TEXT_MAX;
}

// A text, and its member of struct account_texts.
struct kept_text {
    size_t member;
    struct slice text;
};

// Copies the texts, and returns the place of `more` bytes behind them. NULL: no memory.
static char *keep_texts(struct account *account, struct shared *shared,
                        const struct kept_text *texts, size_t count, size_t more) {
    size_t size = sizeof(struct account_texts) + more;
    for (size_t i = 0; i < count; i++) {
        size += kept_size(texts[i].text);
    }
    account->texts_are_small = size <= SHARED_MEMORY_SIZE;
    account->texts = account->texts_are_small ? slab_get(&shared->memory_slab) : malloc(size);
    if (account->texts == NULL) {
        return NULL;
    }
    *account->texts = account_no_texts;
    char *at = (char *)(account->texts + 1);
    for (size_t i = 0; i < count; i++) {
        size_t part = kept_size(texts[i].text);
        struct slice *to = (void *)((char *)account->texts + texts[i].member);
        *to = (struct slice){at, part};
        if (part > 0) {
            memcpy(at, texts[i].text.data, part);
            at += part;
        }
    }
    return at;
}

char *account_keep_request(struct account *account, struct shared *shared,
                           const struct http_request *request, const struct http_told *told,
                           size_t more) {
    const struct kept_text texts[] = {
        {offsetof(struct account_texts, method), request->method},
        {offsetof(struct account_texts, target), request->target},
        {offsetof(struct account_texts, host), request->host},
        {offsetof(struct account_texts, referer), request->referer},
        {offsetof(struct account_texts, user_agent), request->user_agent},
        {offsetof(struct account_texts, protocols), request->protocols},
        {offsetof(struct account_texts, client_unread),
         told == NULL ? (struct slice){NULL, 0} : told->unread},
    };
    return keep_texts(account, shared, texts, sizeof(texts) / sizeof(texts[0]), more);
}

void account_keep_refused(struct account *account, struct shared *shared, struct slice bytes) {
    struct http_glance glance = http_glance(bytes);
    const struct kept_text texts[] = {
        {offsetof(struct account_texts, request_line), glance.line},
        {offsetof(struct account_texts, method), glance.method},
        {offsetof(struct account_texts, target), glance.target},
        {offsetof(struct account_texts, protocol), glance.protocol},
        {offsetof(struct account_texts, host), glance.host},
        {offsetof(struct account_texts, referer), glance.referer},
        {offsetof(struct account_texts, user_agent), glance.user_agent},
    };
    account->refused = true;
    (void)keep_texts(account, shared, texts, sizeof(texts) / sizeof(texts[0]), 0);
}

void account_keep_user(struct account *account, struct slice user) {
    free(account->user);
    account->user = strndup(user.data, user.size);
}

void account_keep_headers(struct slice **kept, const struct choice *choice,
                          const struct access_headers *wanted, const struct http_fields *fields) {
    if (access_log_enabled(&choice->shared->access_log)) {
        free(*kept);
        *kept = logged_headers(wanted, fields);
    }
}

// --- lines ---

static void write_access_log(const struct account *account, const struct choice *choice,
                             const char *ended) {
    const struct client *client = choice->client;
    const struct account_texts *texts = account_texts(account);
    struct access_log *log = &choice->shared->access_log;
    char client_text[INET6_ADDRSTRLEN];
    if (!access_log_enabled(log)) {
        return;
    }
    struct access_entry entry = {
        .fields = &choice->generation->config->access_log_fields,
        .started_us = account->started_us - account->head_us,
        .client = rules_client_text(choice, client_text),
        .client_port = client->port,
        .client_unread = texts->client_unread,
        .site = choice->site == NULL ? (struct slice){NULL, 0} : slice_from(choice->site->name),
        .request_line = texts->request_line,
        .user = slice_from(account->user),
        .method = texts->method,
        .target = texts->target,
        .host = texts->host,
        .protocol = account->tcp ? SLICE("tcp") : texts->protocol,
        .minor_version = account->minor_version,
        .http2 = account->http2,
        .status = account->status,
        .request_bytes = account->request_bytes,
        .response_bytes = account->response_bytes,
        .referer = texts->referer,
        .user_agent = texts->user_agent,
        .has_request_id = account->has_request_id,
        .request_id = texts->request_id,
        .traceparent = texts->traceparent,
        .backend =
            choice->backend == NULL ? (struct slice){NULL, 0} : slice_from(choice->backend->name),
        .server = account->server == NULL ? (struct slice){NULL, 0} : slice_from(account->server),
        .server_reused = account->server_reused,
        .duration_us = clock_monotonic_us() - account->started_mono_us + account->head_us,
        .connect_us = account->connect_us,
        .response_us = account->response_us,
        .tls_version = client->redirect ? SLICE("") : SLICE("TLSv1.3"),
        .tls_group = client_tls_group(client),
        .tls_suite = client_tls_suite(client),
        .tls_resumed = client->resumed,
        .tls_sni = client_server_name(client),
        .tls_client = client->identity == NULL ? (struct slice){NULL, 0}
                                               : slice_from(client->identity->subject),
        .request_headers = account->request_headers,
        .response_headers = account->response_headers,
        .ended = ended,
    };
    access_log_write(log, &entry);
}

// Logs status, reason and request line of a request that Ravelin answered: with level info if it
// was malformed or never complete, otherwise with level debug.
static void log_refused(const struct account *account, const struct choice *choice) {
    const struct client *client = choice->client;
    const struct account_texts *texts = account_texts(account);
    bool malformed = account->refused || account->status == 400 || account->status == 408;
    bool unread = texts->request_line.size > 0;
    char line[LOG_QUOTE_SIZE];
    char host[LOG_QUOTE_SIZE];
    char agent[LOG_QUOTE_SIZE];
    enum log_severity severity = malformed ? SEVERITY_INFO : SEVERITY_DEBUG;
    if (!log_wants(choice->shared->log, severity)) {
        return;
    }
    complain(&choice->shared->complaints, COMPLAINT_REQUEST, severity,
             "client %s port %u: request refused: %u %s: %.*s%s%s, host %s, user agent %s",
             client->text, client->port, account->status, account->ended,
             unread ? 0 : (int)texts->method.size, texts->method.data,
             unread || texts->method.size == 0 ? "" : " ",
             log_quote(unread ? texts->request_line : texts->target, line),
             log_quote(texts->host, host), log_quote(texts->user_agent, agent));
}

// For the site, and for the last server that was tried.
static void count_series(const struct account *account, const struct choice *choice) {
    enum series_counter counter = series_of_status(account->status);
    const struct generation *generation = choice->generation;
    if (choice->site != NULL) {
        size_t index = (size_t)(choice->site - generation->config->sites);
        struct series_cell *cell = generation->site_series[index];
        series_add(cell, counter, 1);
        series_add(cell, SERIES_REQUEST_BYTES, account->request_bytes);
        series_add(cell, SERIES_RESPONSE_BYTES, account->response_bytes);
    }
    if (account->server_series != NULL) {
        series_add(account->server_series, counter, 1);
    }
}

static void count(const struct account *account, const struct shared *shared) {
    struct metrics_slot *metrics = shared->metrics;
    static const enum metric classes[] = {METRIC_responses_2xx, METRIC_responses_3xx,
                                          METRIC_responses_4xx, METRIC_responses_5xx};
    if (account->status >= 200 && account->status < 600) {
        metric_add(metrics, classes[account->status / 100 - 2], 1);
    }
    metric_add(metrics, METRIC_request_body_bytes, account->request_bytes);
    metric_add(metrics, METRIC_response_body_bytes, account->response_bytes);
    metric_note_time(metrics, TIME_REQUEST, shared->turn_us - account->started_mono_us);
}

// Whether Ravelin refused the request. Failures of servers have log lines of their own.
static bool is_refusal(const struct account *account) {
    bool not_by_server =
        account->status / 100 == 4 || (account->status / 100 == 5 && account->server == NULL);
    return account->answered && account->ended != NULL && (account->refused || not_by_server);
}

void account_close_subrequest(const struct account *account) {
    if (account->server_series != NULL) {
        series_add(account->server_series, series_of_status(account->status), 1);
    }
}

void account_close(struct account *account, const struct choice *choice, bool done) {
    const char *ended = account->ended;
    if (ended == NULL && !done) {
        ended = "the client closed the connection";
    }
    count(account, choice->shared);
    count_series(account, choice);
    write_access_log(account, choice, ended);
    if (is_refusal(account)) {
        log_refused(account, choice);
    }
    if (account->texts_are_small) {
        slab_put(&choice->shared->memory_slab, account->texts);
    } else {
        free(account->texts);
    }
    account->texts = NULL;
    free(account->user);
    account->user = NULL;
    if (account->request_headers != NULL || account->response_headers != NULL) {
        free(account->request_headers);
        free(account->response_headers);
        account->request_headers = account->response_headers = NULL;
    }
}
