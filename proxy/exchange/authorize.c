#include "exchange/authorize.h"

#include "config/field.h"
#include "exchange/login_page.h"
#include "exchange/shared.h"
#include "exchange/subrequest.h"
#include "http/bytes.h"
#include "http/writer.h"

#include <stdlib.h>
#include <string.h>

enum {
    HEAD_GROWTH = 768,   // of the subrequest beyond the counted bytes: names of fields, and numbers
    COPIES_MAX = 16384,  // bytes of fields that are copied
    DENIAL_MAX = 12288,  // of a denial; a page of Ravelin must fit into the same record
    TYPE_SIZE_MAX = 256, // of a denial's Content-Type
};

static const char failed[] = "the authorization failed";
static const char no_memory[] = "no memory for an authorization";

struct authorize {
    struct verdict verdict;
    struct subrequest subrequest;
    struct generation *generation; // reference of the exchange
    struct choice choice;          // of the subrequest
    struct config_route route;     // of that choice
    const struct config_authorize *config;
    struct slice head; // of the subrequest until it has begun; from malloc()
    // Decision:
    struct buffer fields, response_fields;
    struct http_page page;
    char type[TYPE_SIZE_MAX];
};

static struct authorize *authorize_of(struct verdict *verdict) {
    return LIST_ENTRY(verdict, struct authorize, verdict);
}

static void count(const struct authorize *authorize, enum metric metric) {
    metric_add(authorize->choice.shared->metrics, metric, 1);
}

// --- the decision ---

// Iterates over lines of a subrequest. False: no more.
static bool next_line(struct slice *lines, struct slice *name, struct slice *value) {
    const char *cr = lines->data == NULL ? NULL : memchr(lines->data, '\r', lines->size);
    const char *colon = cr == NULL ? NULL : memchr(lines->data, ':', (size_t)(cr - lines->data));
    if (colon == NULL) {
        return false;
    }
    *name = (struct slice){lines->data, (size_t)(colon - lines->data)};
    *value = (struct slice){colon + 2, (size_t)(cr - colon - 2)};
    size_t size = (size_t)(cr + 2 - lines->data);
    *lines = (struct slice){lines->data + size, lines->size - size};
    return true;
}

static struct slice text_of(const struct buffer *buffer) {
    return (struct slice){(const char *)buffer_bytes(buffer), buffer_size(buffer)};
}

// Servers may send bytes that messages of Ravelin must not contain.
static bool add_line(struct buffer *lines, struct slice name, struct slice value, size_t most) {
    return http_is_value(value) && subrequest_add_line(lines, name, value, most);
}

// Copies a field under each of its names. False: see copy_fields().
static bool copy_field(struct slice name, struct slice value, const struct config_names *copies,
                       struct buffer *to) {
    bool copied = true;
    for (size_t i = 0; i < copies->count && copied; i++) {
        if (slice_equal_nocase(name, field_copy_source(copies->items[i]))) {
            copied =
                add_line(to, slice_from(field_copy_target(copies->items[i])), value, COPIES_MAX);
        }
    }
    return copied;
}

// Makes these copies. False: a value has such bytes, there are too many bytes, or memory is short.
static bool copy_fields(const struct buffer *from, const struct config_names *copies,
                        struct buffer *to) {
    struct slice lines = text_of(from), name, value;
    bool copied = true;
    while (copied && next_line(&lines, &name, &value)) {
        copied = copy_field(name, value, copies, to);
    }
    return copied;
}

static enum result refuse(struct authorize *authorize, const char *why) {
    count(authorize, METRIC_authorize_failed);
    return verdict_refuse(&authorize->verdict, answer_of(503, why));
}

static enum result fail(struct authorize *authorize, const char *problem) {
    struct server *server = authorize->subrequest.exchange->attempt.server;
    if (server != NULL) {
        complain_of_server(&authorize->choice.shared->complaints, server, "authorize: %s", problem);
    }
    return refuse(authorize, failed);
}

static enum result let_pass(struct authorize *authorize) {
    const struct config_authorize *config = authorize->config;
    const struct buffer *from = &authorize->subrequest.fields;
    if (!copy_fields(from, &config->headers, &authorize->fields) ||
        !copy_fields(from, &config->response_headers, &authorize->response_fields)) {
        return fail(authorize, "its response headers cannot be copied");
    }
    authorize->verdict.fields = text_of(&authorize->fields);
    authorize->verdict.response_fields = text_of(&authorize->response_fields);
    count(authorize, METRIC_authorize_allowed);
    return RESULT_OK;
}

// Whether Ravelin writes the field itself, or the field describes a body that is not sent.
static bool is_own(const struct authorize *authorize, struct slice name) {
    static const struct slice names[] = {
        SLICE("Accept-Ranges"), SLICE("Cache-Control"), SLICE("Content-Location"),
        SLICE("Content-MD5"),   SLICE("Content-Range"), SLICE("Content-Type"),
        SLICE("ETag"),          SLICE("Last-Modified"), SLICE("Content-Digest"),
    };
    static const struct slice of_body[] = {SLICE("Content-Encoding"), SLICE("Content-Language"),
                                           SLICE("Content-Disposition")};
    bool found = authorize->choice.site->hsts_s > 0 && slice_equal_nocase(name, HSTS_NAME);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        found = found || slice_equal_nocase(name, names[i]);
    }
    for (size_t i = 0; i < sizeof(of_body) / sizeof(of_body[0]); i++) {
        found = found || (authorize->page.body.size == 0 && slice_equal_nocase(name, of_body[i]));
    }
    return found;
}

// Keeps the type of the page. Returns whether there is a Location.
static bool look_at_fields(struct authorize *authorize) {
    struct slice lines = text_of(&authorize->subrequest.fields), name, value;
    bool has_location = false;
    authorize->page.type = SLICE("text/plain");
    while (next_line(&lines, &name, &value)) {
        has_location = has_location || slice_equal_nocase(name, SLICE("Location"));
        if (slice_equal_nocase(name, SLICE("Content-Type")) && value.size <= TYPE_SIZE_MAX &&
            http_is_value(value)) {
            memcpy(authorize->type, value.data, value.size);
            authorize->page.type = (struct slice){authorize->type, value.size};
        }
    }
    return has_location;
}

static bool is_redirect(uint16_t status) {
    return (status >= 301 && status <= 303) || status == 307 || status == 308;
}

// Copies the fields for a response with this status. `has_login`: its Location is another one.
static bool copy_denial(struct authorize *authorize, bool is_redirected, bool has_login) {
    struct slice lines = text_of(&authorize->subrequest.fields), name, value;
    bool copied = true;
    while (copied && next_line(&lines, &name, &value)) {
        bool is_left_out = is_own(authorize, name) ||
                           (is_redirected && slice_equal_nocase(name, SLICE("WWW-Authenticate"))) ||
                           (has_login && slice_equal_nocase(name, SLICE("Location")));
        copied = is_left_out || add_line(&authorize->fields, name, value, DENIAL_MAX);
    }
    return copied;
}

// Finds the redirect to the login page in place of a 401. `location`: LOGIN_PAGE_MAX bytes, for
// *login, which stays empty if the Location of the response is the login page. False: no redirect.
static bool find_login(const struct authorize *authorize, bool has_location, char *location,
                       struct slice *login) {
    const struct exchange_http *asked = authorize->subrequest.exchange->http;
    const struct slice head = {asked->head, asked->head_size};
    const char *page = authorize->config->login;
    if (page == NULL || authorize->subrequest.status != 401 || !login_page_is_for(head)) {
        return false;
    }
    if (strcmp(page, LOGIN_BY_SERVER) == 0) {
        return has_location;
    }
    *login = login_page_location(page, head, location);
    return login->size > 0;
}

static enum result deny(struct authorize *authorize) {
    struct subrequest *subrequest = &authorize->subrequest;
    char location[LOGIN_PAGE_MAX];
    struct slice login = {NULL, 0};
    bool has_location = look_at_fields(authorize);
    bool is_redirected = find_login(authorize, has_location, location, &login);
    if (!subrequest->body_is_cut && !is_redirected) {
        authorize->page.body = text_of(&subrequest->body);
    }
    if (!has_location && is_redirect(subrequest->status)) {
        return fail(authorize, "a redirect without Location");
    }
    if (!copy_denial(authorize, is_redirected, login.size > 0) ||
        (login.size > 0 &&
         !add_line(&authorize->fields, SLICE("Location"), login, ANSWER_FIELDS_MAX))) {
        return fail(authorize, "its response headers cannot be copied");
    }
    struct answer answer = answer_of(is_redirected ? 302 : subrequest->status, "not authorized");
    answer.fields = text_of(&authorize->fields);
    answer.text = authorize->page.body.size > 0 ? &authorize->page : NULL;
    count(authorize, METRIC_authorize_denied);
    return verdict_refuse(&authorize->verdict, answer);
}

static enum result decide(struct authorize *authorize) {
    uint16_t status = authorize->subrequest.status;
    if (status / 100 == 2) {
        return let_pass(authorize);
    }
    return status == 401 || status == 403 || is_redirect(status)
               ? deny(authorize)
               : fail(authorize, "a status that is no decision (2xx, 401, 403 or a redirect)");
}

// --- the verdict ---

static void on_wake(struct subrequest *subrequest) {
    verdict_wake(&LIST_ENTRY(subrequest, struct authorize, subrequest)->verdict);
}

static enum result advance(struct verdict *verdict) {
    struct authorize *authorize = authorize_of(verdict);
    struct subrequest *subrequest = &authorize->subrequest;
    if (subrequest->exchange == NULL) {
        struct slice head = authorize->head;
        authorize->head = (struct slice){NULL, 0};
        if (!subrequest_begin(subrequest, verdict->stream, authorize->generation,
                              &authorize->choice, head)) {
            return refuse(authorize, no_memory);
        }
    }
    enum result result = subrequest_advance(subrequest);
    if (result == RESULT_ERROR) {
        return refuse(authorize, failed); // the subrequest has logged the reason
    }
    return result == RESULT_OK ? decide(authorize) : result;
}

static void arm(struct verdict *verdict) {
    struct exchange *exchange = authorize_of(verdict)->subrequest.exchange;
    if (exchange != NULL) { // otherwise other sessions have their turn
        exchange_arm(exchange);
        verdict->deadline_ms = exchange_deadline(exchange);
    }
}

static enum result timed_out(struct verdict *verdict) {
    struct authorize *authorize = authorize_of(verdict);
    return subrequest_timed_out(&authorize->subrequest) == RESULT_ERROR ? refuse(authorize, failed)
                                                                        : RESULT_OK;
}

static void leave(struct verdict *verdict) {
    struct authorize *authorize = authorize_of(verdict);
    metric_subtract(authorize->choice.shared->metrics, METRIC_authorize_waiting, 1);
    subrequest_end(&authorize->subrequest);
    free((char *)(uintptr_t)authorize->head.data);
    buffer_free(&authorize->fields);
    buffer_free(&authorize->response_fields);
    free(authorize);
}

static const struct verdict_verbs verbs = {advance, arm, timed_out, leave};

// --- the subrequest ---

// Fields of the client that the subrequest does not have: those that Ravelin writes, those that
// describe a body, and those that could select another response.
static const char *const dropped[] = {
    "X-Original-URL",
    "X-Original-URI",
    "X-Original-Method",
    "X-Original-Host",
    "X-Forwarded-Method",
    "X-Forwarded-Uri",
    "X-Auth-Request-Redirect",
    "Content-Type",
    "Content-Encoding",
    "Content-Language",
    "Content-Location",
    "Content-Disposition",
    "Content-MD5",
    "Content-Digest",
    "Content-Range",
    "Range",
    "If-Match",
    "If-None-Match",
    "If-Modified-Since",
    "If-Unmodified-Since",
    "If-Range",
    "Max-Forwards",
    "Trailer",
    "Upgrade",
};

// Only the times and the dropped fields of this route are used.
static void make_route(struct authorize *authorize) {
    static char prefix[] = "/";
    authorize->route = (struct config_route){
        .prefix = prefix,
        .prefix_size = 1,
        .request_timeout_ms = authorize->config->timeout_ms,
    };
    authorize->route.request.reserved[ROUTE_GUARD_AUTHORIZE] =
        (struct config_names){(char **)(uintptr_t)dropped, sizeof(dropped) / sizeof(dropped[0])};
}

static void make_choice(struct authorize *authorize, const struct verdict_question *question) {
    const struct config *config = question->choice->generation->config;
    struct choice *choice = &authorize->choice;
    *choice = *question->choice;
    choice->route = &authorize->route;
    choice->backend = &config->backends[authorize->config->backend_index];
    choice->affinity = (struct affinity){.has_key = false};
    affinity_find(&choice->affinity, choice->backend, question->request, &choice->client_address);
}

static size_t size_of_fields(const struct http_request *request) {
    size_t size = 0;
    for (uint32_t i = 0; i < request->fields->count; i++) {
        size += request->fields->items[i].name.size + request->fields->items[i].value.size + 4;
    }
    return size;
}

// Writes the facts for the server's decision behind the head, which was written without its end.
// Protocol and host are those of the other fields.
static void put_facts(struct writer *writer, const struct http_request *request) {
    const struct slice head = {writer->start, (size_t)(writer->at - writer->start)};
    struct slice proto = http_head_field(head, SLICE("X-Forwarded-Proto"));
    struct slice host = http_head_field(head, SLICE("X-Forwarded-Host"));
    struct slice path = slice_equal(request->path, SLICE("*")) ? SLICE("/") : request->path;
    writer_put_text(writer, "X-Original-URL: ");
    writer_put(writer, proto);
    writer_put_text(writer, "://");
    writer_put(writer, host);
    writer_put(writer, path);
    writer_put_text(writer, "\r\n");
    writer_put_field(writer, SLICE("X-Original-URI"), path);
    writer_put_field(writer, SLICE("X-Original-Method"), request->method);
    writer_put_field(writer, SLICE("X-Forwarded-Method"), request->method);
    writer_put_field(writer, SLICE("X-Forwarded-Uri"), path);
    writer_put_text(writer, "\r\n");
}

// Empty: memory is short.
static struct slice encode(const struct authorize *authorize,
                           const struct verdict_question *question) {
    const struct http_request *request = question->request;
    struct http_request asked = *request;
    asked.method = SLICE("GET");
    asked.path = slice_from(authorize->config->path);
    asked.framing = FRAMING_NONE;
    asked.content_length = 0;
    asked.expects_continue = asked.upgrade = false;
    asked.max_forwards = -1;
    struct http_forwarding forwarding =
        rules_forwarding(&authorize->choice, &asked, question->told);
    forwarding.request_id = question->request_id;
    forwarding.without_body = true;
    struct slice host =
        request->authority.size > 0 ? request->authority : slice_from(authorize->choice.site->name);
    size_t told_size = question->told == NULL ? 0 : http_told_size(question->told);
    size_t capacity = HEAD_GROWTH + asked.path.size + 2 * size_of_fields(request) + told_size +
                      4 * host.size + 3 * request->path.size + 2 * request->method.size +
                      forwarding.request_id.size + forwarding.certificate_subject.size +
                      forwarding.certificate_fingerprint.size;
    char *head = malloc(capacity);
    size_t size = head == NULL ? 0 : http_encode_request(&asked, &forwarding, host, head, capacity);
    struct writer writer = {head, head + (size > 0 ? size - 2 : 0), head + capacity, size == 0};
    if (size > 0) {
        put_facts(&writer, request);
    }
    if (writer_finish(&writer) == 0) {
        free(head);
        return (struct slice){NULL, 0};
    }
    return (struct slice){head, writer_finish(&writer)};
}

struct answer authorize_ask(const struct verdict_question *question, struct verdict **verdict) {
    struct metrics_slot *metrics = question->choice->shared->metrics;
    struct authorize *authorize = calloc(1, sizeof(*authorize));
    if (authorize != NULL) {
        authorize->config = &question->choice->route->authorize[0];
        authorize->generation = question->generation;
        authorize->subrequest.wake = on_wake;
        make_route(authorize);
        make_choice(authorize, question);
        authorize->head = encode(authorize, question);
    }
    if (authorize == NULL || authorize->head.size == 0) {
        free(authorize);
        metric_add(metrics, METRIC_authorize_failed, 1);
        return answer_of(503, no_memory);
    }
    authorize->verdict.verbs = &verbs;
    authorize->verdict.deadline_ms = INT64_MAX;
    metric_add(metrics, METRIC_authorize_waiting, 1);
    *verdict = &authorize->verdict;
    return NO_ANSWER;
}
