#include "exchange/account.h"

#include "http/glance.h"

#include <stdlib.h>
#include <string.h>

enum { LOG_TEXT_MAX = 2048 };

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

// A text, and where it is to be kept.
struct kept_text {
    struct slice *to;
    struct slice text;
};

// Keeps the texts and returns where `more` bytes behind them are. NULL: no memory.
static char *keep_texts(struct account *account, struct shared *shared,
                        const struct kept_text *texts, size_t count, size_t more) {
    size_t size = more;
    for (size_t i = 0; i < count; i++) {
        size += kept_size(texts[i].text);
    }
    account->memory_is_small = size <= SHARED_MEMORY_SIZE;
    char *at = account->memory_is_small ? slab_get(&shared->memory_slab) : malloc(size);
    account->memory = at;
    for (size_t i = 0; i < count && at != NULL; i++) {
        size_t part = kept_size(texts[i].text);
        *texts[i].to = (struct slice){at, part};
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
        {&account->method, request->method},
        {&account->target, request->target},
        {&account->host, request->host},
        {&account->referer, request->referer},
        {&account->user_agent, request->user_agent},
        {&account->protocols, request->protocols},
        {&account->client_unread, told == NULL ? (struct slice){NULL, 0} : told->unread},
    };
    return keep_texts(account, shared, texts, sizeof(texts) / sizeof(texts[0]), more);
}

void account_keep_refused(struct account *account, struct shared *shared, struct slice bytes) {
    struct http_glance glance = http_glance(bytes);
    const struct kept_text texts[] = {
        {&account->request_line, glance.line},
        {&account->method, glance.method},
        {&account->target, glance.target},
        {&account->protocol, glance.protocol},
        {&account->host, glance.host},
        {&account->referer, glance.referer},
        {&account->user_agent, glance.user_agent},
    };
    account->refused = true;
    (void)keep_texts(account, shared, texts, sizeof(texts) / sizeof(texts[0]), 0);
}

// --- lines ---

static void write_access_log(const struct account *account, const struct choice *choice,
                             const char *ended) {
    const struct client *client = choice->client;
    struct access_log *log = &choice->shared->access_log;
    if (!access_log_enabled(log)) {
        return;
    }
    struct access_entry entry = {
        .started_us = account->started_us - account->head_us,
        .client = choice->client_shown,
        .client_port = client->port,
        .client_unread = account->client_unread,
        .site = choice->site == NULL ? (struct slice){NULL, 0} : slice_from(choice->site->name),
        .request_line = account->request_line,
        .method = account->method,
        .target = account->target,
        .host = account->host,
        .protocol = account->protocol,
        .minor_version = account->minor_version,
        .http2 = account->http2,
        .status = account->status,
        .request_bytes = account->request_bytes,
        .response_bytes = account->response_bytes,
        .referer = account->referer,
        .user_agent = account->user_agent,
        .has_request_id = account->has_request_id,
        .request_id = account->request_id,
        .traceparent = account->traceparent,
        .backend =
            choice->backend == NULL ? (struct slice){NULL, 0} : slice_from(choice->backend->name),
        .server = account->server == NULL ? (struct slice){NULL, 0} : slice_from(account->server),
        .server_reused = account->server_reused,
        .duration_us = clock_monotonic_us() - account->started_mono_us + account->head_us,
        .connect_us = account->connect_us,
        .response_us = account->response_us,
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

// Status, reason and request line of a request that Ravelin answered: level info if it was
// malformed or never whole, debug otherwise.
static void log_refused(const struct account *account, const struct choice *choice) {
    const struct client *client = choice->client;
    bool malformed = account->refused || account->status == 400 || account->status == 408;
    bool unread = account->request_line.size > 0;
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
             unread ? 0 : (int)account->method.size, account->method.data,
             unread || account->method.size == 0 ? "" : " ",
             log_quote(unread ? account->request_line : account->target, line),
             log_quote(account->host, host), log_quote(account->user_agent, agent));
}

// For the site, and for the server that was asked last.
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

// Whether Ravelin itself refused the request. What went wrong with a server has a line of its own.
static bool is_refusal(const struct account *account) {
    bool not_by_server =
        account->status / 100 == 4 || (account->status / 100 == 5 && account->server == NULL);
    return account->answered && account->ended != NULL && (account->refused || not_by_server);
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
    if (account->memory_is_small) {
        slab_put(&choice->shared->memory_slab, account->memory);
    } else {
        free(account->memory);
    }
    account->memory = NULL;
}
