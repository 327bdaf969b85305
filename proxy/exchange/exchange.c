#include "exchange/exchange.h"

#include "base/clock.h"
#include "exchange/dav.h"
#include "exchange/exchange_internal.h"
#include "exchange/request_write.h"
#include "http/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

// What the encoded head may be longer than the received one: the forwarding fields and X-TLS-Facts,
// with the client's address twice. The host is counted apart.
enum { HEAD_GROWTH = 448 };
// And what a client's certificate adds: two names, and what they are given.
enum { CERTIFICATE_GROWTH = 80 + sizeof(struct client_identity) };
enum { REQUEST_ID_GROWTH = 16 + REQUEST_ID_KEPT_MAX }; // name, colon and CRLF, and an id
enum { SPARES_MAX = 256 };                             // of each slab

// --- beginning ---

void exchange_slabs_init(struct shared *shared) {
    slab_init(&shared->exchange_slab, sizeof(struct exchange), SPARES_MAX);
    slab_init(&shared->write_slab, sizeof(struct request_write), SPARES_MAX);
    slab_init(&shared->memory_slab, SHARED_MEMORY_SIZE, SPARES_MAX);
}

void exchange_slabs_trim(struct shared *shared) {
    slab_trim(&shared->exchange_slab);
    slab_trim(&shared->write_slab);
    slab_trim(&shared->memory_slab);
}

void exchange_slabs_free(struct shared *shared) {
    slab_free(&shared->exchange_slab);
    slab_free(&shared->write_slab);
    slab_free(&shared->memory_slab);
}

static void on_lease_ready(struct lease_owner *owner) {
    struct stream *stream = LIST_ENTRY(owner, struct exchange, attempt.owner)->stream;
    stream->verbs->wake(stream);
}

static struct exchange *allocate(struct stream *stream, struct shared *shared,
                                 struct generation *generation, int64_t head_since_ms) {
    struct exchange *exchange = slab_get(&shared->exchange_slab);
    if (exchange == NULL) {
        return NULL;
    }
    memset(exchange, 0, sizeof(*exchange));
    exchange->stream = stream;
    exchange->shared = shared;
    exchange->attempt.kept = stream->kept;
    exchange->generation = generation_hold(generation);
    exchange->attempt.owner.ready = on_lease_ready;
    exchange->active_ms = now_ms(exchange);
    exchange->account.http2 = stream->http2;
    account_begin(&exchange->account, shared, head_since_ms);
    exchange->account.has_request_id = exchange->generation->config->request_id;
    struct choice *choice = &exchange->choice;
    choice->shared = shared;
    choice->generation = exchange->generation;
    choice->client = stream->client;
    choice->begun_us = exchange->account.started_mono_us;
    choice->client_address = stream->client->address;
    choice->client_shown = client_text(stream->client);
    metric_add(shared->metrics, METRIC_requests, 1);
    return exchange;
}

static struct http_forwarding make_forwarding(const struct exchange *exchange,
                                              const struct http_request *request,
                                              const struct http_told *told) {
    const struct client *client = exchange->choice.client;
    struct http_forwarding forwarding = {
        .client_host = client->unknown ? SLICE("") : client_text(client),
        .proto = client->redirect ? SLICE("http") : SLICE("https"),
        .told = told,
    };
    if (exchange->choice.route != NULL) {
        forwarding.path = rules_path(&exchange->choice, request);
        forwarding.changes = &exchange->choice.route->request;
    }
    if (exchange->choice.is_certified) {
        forwarding.certificate_subject = slice_from(client->identity->subject);
        forwarding.certificate_fingerprint = slice_from(client->identity->fingerprint);
    }
    if (exchange->choice.backend != NULL && exchange->choice.backend->tls_facts) {
        forwarding.tls_group = slice_from(client->tls_group);
        forwarding.tls_suite = slice_from(client->tls_suite);
        forwarding.tls_resumed = client->resumed;
    }
    return forwarding;
}

// The id of a request: that of a trusted proxy, or a new one, in `text`. Empty: the route sets one.
static struct slice find_request_id(struct exchange *exchange, const struct http_request *request,
                                    bool told, char text[REQUEST_ID_SIZE]) {
    const struct http_field *field = http_fields_find(request->fields, FIELD_X_REQUEST_ID);
    if (http_is_changed(&exchange->choice.route->request, SLICE("X-Request-Id"))) {
        return (struct slice){NULL, 0};
    }
    if (told && field != NULL && request_id_is_usable(field->value)) {
        return field->value;
    }
    request_ids_next(&exchange->shared->request_ids, text);
    return (struct slice){text, REQUEST_ID_SIZE};
}

// Notes for the log what the head for the server has.
static void note_ids(struct exchange *exchange) {
    struct account *account = &exchange->account;
    struct slice head = {exchange->head, exchange->head_size};
    account->request_id = http_head_field(head, SLICE("X-Request-Id"));
    account->traceparent = http_head_field(head, SLICE("traceparent"));
}

// Writes the head for the server into memory of the account, behind its texts.
static struct answer encode_head(struct exchange *exchange, const struct http_request *request,
                                 const struct http_told *told, size_t head_size) {
    struct http_forwarding forwarding = make_forwarding(exchange, request, told);
    bool has_id = exchange->account.has_request_id && exchange->choice.route != NULL;
    char id[REQUEST_ID_SIZE];
    if (has_id) {
        forwarding.request_id = find_request_id(exchange, request, told != NULL, id);
    }
    struct slice host =
        request->authority.size > 0 ? request->authority : slice_from(exchange->choice.site->name);
    // Field lines without a space after the colon grow by it; the host is written three times.
    size_t capacity = head_size + request->fields->count + 3 * host.size + HEAD_GROWTH +
                      (exchange->choice.is_certified ? CERTIFICATE_GROWTH : 0) +
                      (has_id ? REQUEST_ID_GROWTH : 0) + (told == NULL ? 0 : http_told_size(told)) +
                      (forwarding.changes == NULL ? 0 : http_changes_size(forwarding.changes));
    exchange->head =
        account_keep_request(&exchange->account, exchange->shared, request, told, capacity);
    if (exchange->head == NULL) {
        return answer_of(503, "no memory for a request");
    }
    exchange->head_size = http_encode_request(request, &forwarding, host, exchange->head, capacity);
    if (exchange->head_size == 0) {
        return answer_of(431, "the head is too large to pass on");
    }
    if (has_id) {
        note_ids(exchange);
    }
    return NO_ANSWER;
}

static void note_request(struct exchange *exchange, const struct http_request *request) {
    exchange->account.minor_version = request->minor_version;
    exchange->is_head = request->is_head;
    exchange->attempt.binds_lease = request->binds_connection;
    exchange->body_in_doubt = request->body_is_unusual;
    exchange->awaits_continue = request->expects_continue;
    exchange->request_framing = request->framing;
    exchange->attempt.can_repeat = request->idempotent && request->framing == FRAMING_NONE;
}

// What is answered instead of asking a server, first reason first. *growth: by how much field
// values are longer than they were received.
static struct answer judge(struct exchange *exchange, struct http_request *request,
                           const struct http_told **told, size_t *growth) {
    bool redirect = exchange->choice.client->redirect;
    struct answer answer = redirect ? NO_ANSWER : rules_choose(&exchange->choice, request);
    *told = rules_find_client(&exchange->choice, request);
    exchange->choice.of_site = exchange->choice.site != NULL;
    if (!exchange->choice.of_site) { // for the log line and the default host
        const struct config *config = exchange->generation->config;
        exchange->choice.site =
            config->site_count == 0 ? NULL : &config->sites[ROUTER_DEFAULT_SITE];
    }
    if (request->target.size > exchange->stream->target_size) {
        return answer_of(414, "the target is too long");
    }
    if (redirect) {
        return rules_find_challenge(&exchange->choice, request)
                   ? NO_ANSWER
                   : rules_to_https(&exchange->choice, request);
    }
    if (answer.status == 0 && request->has_dav_fields) {
        answer = dav_rewrite(&exchange->choice, request, *told, growth);
    }
    if (answer.status == 0 && request->max_forwards == 0) {
        answer = answer_of(204, "Max-Forwards is 0");
        answer.fields = SLICE(HTTP_ALLOW);
    }
    return answer.status == 0 ? rules_apply(&exchange->choice, request) : answer;
}

// What is answered instead of asking a server.
static struct answer take_request(struct exchange *exchange, struct http_request *request,
                                  size_t head_size) {
    const struct http_told *told;
    size_t growth = 0;
    note_request(exchange, request);
    struct answer answer = judge(exchange, request, &told, &growth);
    if (exchange->choice.ends_connection) {
        exchange->stream->keep_alive = false;
    }
    if (answer.status == 0) {
        bool may_keep = request->idempotent && request->framing != FRAMING_NONE;
        exchange->kept.limit =
            may_keep && !request->expects_continue ? exchange->choice.backend->retry_body : 0;
        return encode_head(exchange, request, told, head_size + growth);
    }
    (void)account_keep_request(&exchange->account, exchange->shared, request, told, 0);
    exchange_note_accept(exchange, request);
    return answer;
}

// What a part could not do (it returned RESULT_ERROR): its answer is the response, if it has one
// and nothing was sent. RESULT_ERROR: the stream must be cut.
static enum result settle(struct exchange *exchange) {
    if (exchange->answer.status == 0) {
        exchange_give_up_request(exchange, true); // its rest is dropped before the cut
        return RESULT_ERROR;
    }
    return exchange_answer(exchange);
}

// Gives the answer that the new exchange begins with, if any.
static struct exchange *begin(struct exchange *exchange) {
    if (exchange->answer.status != 0 && settle(exchange) != RESULT_OK) {
        exchange_finish(exchange);
        return NULL;
    }
    return exchange;
}

struct exchange *exchange_new(struct stream *stream, struct shared *shared,
                              struct http_request *request, size_t head_size,
                              int64_t head_since_ms) {
    struct exchange *exchange = allocate(stream, shared, shared->current, head_since_ms);
    if (exchange == NULL) {
        return NULL;
    }
    exchange->answer = take_request(exchange, request, head_size);
    return begin(exchange);
}

struct exchange *exchange_new_tunnel(struct stream *stream, struct shared *shared,
                                     struct generation *generation, const struct config_site *site,
                                     const struct config_backend *backend) {
    struct exchange *exchange = allocate(stream, shared, generation, 0);
    if (exchange == NULL) {
        return NULL;
    }
    struct choice *choice = &exchange->choice;
    choice->site = site;
    choice->of_site = true;
    choice->backend = backend;
    affinity_find_client(&choice->affinity, backend, &choice->client_address);
    exchange->attempt.wants_unused = true;
    exchange->request_framing = exchange->response_framing = FRAMING_TUNNEL;
    exchange->response_state = RESPONSE_BODY;
    exchange->account.protocol = SLICE("tcp");
    return exchange;
}

struct exchange *exchange_new_refused(struct stream *stream, struct shared *shared,
                                      const struct refused_request *refused,
                                      int64_t head_since_ms) {
    struct exchange *exchange = allocate(stream, shared, shared->current, head_since_ms);
    if (exchange == NULL) {
        return NULL;
    }
    exchange->is_head = refused->is_head;
    account_keep_refused(&exchange->account, shared, refused->bytes);
    exchange->answer = answer_of(refused->status, refused->why);
    return begin(exchange);
}

// --- the server ---

// A server failed, and what the client gets if no other is asked.
struct setback {
    struct failure failure;
    bool may_repeat; // the request may be sent again
    bool elsewhere;  // but not to the same server
    bool is_logged;
    uint16_t status;
    const char *why; // static
};

// After a server failed: RESULT_OK: another try, where that is allowed, and the state of the
// request is as before the first one. RESULT_ERROR: an answer.
static enum result retry(struct exchange *exchange, const struct setback *setback) {
    struct attempt *attempt = &exchange->attempt;
    attempt_fail(attempt, &exchange->choice, setback->failure,
                 setback->is_logged ? NULL : setback->why);
    if (!setback->may_repeat || exchange->response_started ||
        !attempt_may_repeat(attempt, &exchange->choice, setback->elsewhere)) {
        return exchange_refuse(exchange, setback->status, setback->why);
    }
    exchange_rewind_request(exchange);
    exchange_forget_response(exchange);
    metric_add(exchange->shared->metrics, METRIC_server_retries, 1);
    return RESULT_OK;
}

// Nothing of a response was passed on, what was sent of a body is kept, and doing it twice is doing
// it once.
static bool can_repeat(const struct exchange *exchange) {
    bool is_kept = exchange->kept.limit > 0 && exchange->request_state != REQUEST_GIVEN_UP;
    return (exchange->attempt.can_repeat || is_kept) && exchange->interim_count == 0 &&
           exchange->response_state == RESPONSE_HEAD;
}

// No server is to blame when this process or host has run out of something.
static bool is_own_shortage(int error) {
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS ||
           error == EADDRNOTAVAIL;
}

// RESULT_OK: connected. RESULT_AGAIN: not yet. RESULT_ERROR: no server can be asked.
static enum result connect_server(struct exchange *exchange) {
    struct attempt *attempt = &exchange->attempt;
    enum result result = RESULT_OK;
    while (result == RESULT_OK) {
        if (attempt->lease == NULL && !attempt_is_queued(attempt)) {
            exchange->active_ms = now_ms(exchange);
        }
        int error = attempt_connect(attempt, &exchange->choice, &exchange->account);
        if (error == 0 || error == EINPROGRESS) {
            return error == 0 ? RESULT_OK : RESULT_AGAIN;
        }
        if (error == EBUSY) {
            exchange->answer = attempt_refuse(attempt, &exchange->choice);
            return RESULT_ERROR;
        }
        bool unmade = attempt->lease == NULL;
        const struct setback setback = {
            .failure = {FAULT_CONNECT, (uint32_t)error},
            .may_repeat = true,
            .status = 502,
            .why = unmade ? "the connection failed" : strerror(error),
        };
        result = unmade && is_own_shortage(error)
                     ? exchange_refuse(exchange, 503, "no connection can be made")
                     : retry(exchange, &setback);
    }
    return result;
}

// --- advancing ---

// The server closed or broke its connection where it must not.
static enum result server_gone(struct exchange *exchange) {
    if (exchange->response_started) { // the client must see that something is missing
        exchange->account.ended = "the server broke off";
        metric_add(exchange->shared->metrics, METRIC_server_failures, 1);
        if (exchange->response_framing != FRAMING_TUNNEL) {
            attempt_blame(&exchange->attempt, &exchange->choice, (struct failure){FAULT_BROKEN, 0});
        }
        return RESULT_ERROR;
    }
    bool has_begun = exchange_head_has_begun(exchange) || has_unread(exchange);
    bool tunnel = exchange->response_framing == FRAMING_TUNNEL;
    const struct setback setback = {
        .failure = {tunnel      ? FAULT_NONE
                    : has_begun ? FAULT_BROKEN
                                : FAULT_CLOSED,
                    0},
        .may_repeat = can_repeat(exchange),
        .elsewhere = has_begun,
        .status = 502,
        .why = has_begun ? "the server closed the connection in the middle of its response headers"
                         : "the server closed the connection without an answer",
    };
    return retry(exchange, &setback);
}

// The response cannot be understood; exchange->answer says why.
static enum result response_was_bad(struct exchange *exchange) {
    const struct setback setback = {
        .failure = {FAULT_MALFORMED, 0},
        .may_repeat = can_repeat(exchange),
        .elsewhere = true,
        .is_logged = true,
        .status = 502,
        .why = exchange->answer.why,
    };
    exchange->answer = NO_ANSWER;
    return retry(exchange, &setback);
}

// One round of both directions. RESULT_OK after progress.
static enum result relay(struct exchange *exchange) {
    enum result response = exchange_respond(exchange);
    if (response == RESULT_EOF) {
        return server_gone(exchange);
    }
    if (response == RESULT_ERROR && exchange->response_is_bad) {
        return response_was_bad(exchange);
    }
    if (response == RESULT_ERROR || answering(exchange)) {
        return response;
    }
    enum result request = exchange_request(exchange);
    if (request == RESULT_EOF) {
        // Perhaps the server answered before it closed: what it said is read first.
        if (can_repeat(exchange)) {
            exchange->write_failed = true;
        } else {
            exchange_give_up_request(exchange, true);
        }
        exchange->attempt.lease->readable = true;
        return RESULT_OK;
    }
    if (request == RESULT_ERROR) {
        return RESULT_ERROR;
    }
    // The client may be one that reads only after it has sent everything.
    if (response == RESULT_AGAIN && request == RESULT_AGAIN && exchange->account.status >= 300 &&
        exchange_is_stuck(exchange)) {
        exchange_give_up_request(exchange, true);
        return RESULT_OK;
    }
    return response == RESULT_OK || request == RESULT_OK ? RESULT_OK : RESULT_AGAIN;
}

static enum result advance(struct exchange *exchange) {
    struct stream *stream = exchange->stream;
    while (!answering(exchange)) {
        if (*stream->steps_left == 0) { // it is the turn of others
            return RESULT_AGAIN;
        }
        --*stream->steps_left;
        enum result result = connect_server(exchange);
        if (result == RESULT_OK) {
            result = relay(exchange);
        }
        if (result == RESULT_ERROR) {
            result = settle(exchange);
        }
        if (result == RESULT_OK) {
            exchange->active_ms = now_ms(exchange);
        } else {
            return result;
        }
    }
    if (exchange->response_state == RESPONSE_SENDING) {
        attempt_release(&exchange->attempt, &exchange->choice,
                        exchange->server_keep_alive && exchange->request_state == REQUEST_DONE);
        exchange_give_up_request(exchange, true);
        enum result result = stream->unsent ? stream->verbs->flush(stream) : RESULT_OK;
        if (result != RESULT_OK) {
            return result;
        }
        exchange->response_state = RESPONSE_DONE;
    }
    return RESULT_OK;
}

enum result exchange_advance(struct exchange *exchange) {
    uint64_t sent = exchange->stream->sent;
    pace_end_wait(&exchange->pace, now_ms(exchange));
    enum result result = advance(exchange);
    if (exchange->stream->sent != sent) { // a client that takes a little is not idle
        exchange->active_ms = now_ms(exchange);
    }
    return result;
}

void exchange_arm(struct exchange *exchange) {
    struct lease *lease = exchange->attempt.lease;
    exchange_note_wait(exchange);
    if (lease == NULL) {
        return;
    }
    bool wanted = !exchange->stream->unsent && exchange->response_state != RESPONSE_ENDED;
    lease_want_read(lease, lease->connected && !lease->readable && wanted);
    bool unwritten = exchange->write != NULL;
    lease_want_write(lease, !lease->writable && (!lease->connected || unwritten));
}

// `request-timeout` has passed. A server that was asked and has said nothing is to blame.
static enum result end_late(struct exchange *exchange) {
    struct attempt *attempt = &exchange->attempt;
    if (exchange->response_started) {
        exchange->account.ended = "request timeout";
        return RESULT_ERROR;
    }
    if (exchange_waits_for_client(exchange)) {
        exchange_give_up_request(exchange, false);
        return exchange_refuse(exchange, 408, "request timeout");
    }
    if (attempt->lease != NULL) {
        const struct failure failure = {
            attempt_is_connecting(attempt) ? FAULT_CONNECT_TIMEOUT : FAULT_RESPONSE_TIMEOUT, 0};
        attempt_fail(attempt, &exchange->choice, failure, "request timeout");
    }
    return exchange_refuse(exchange, 504, "request timeout");
}

// There is a response, or a tunnel to a server that may not have said anything yet.
static bool is_under_way(const struct exchange *exchange) {
    const struct lease *lease = exchange->attempt.lease;
    bool tunnels = exchange_is_tunnel(exchange) && lease != NULL && lease->connected;
    return answering(exchange) || exchange->response_started || tunnels;
}

static enum result at_deadline(struct exchange *exchange) {
    pace_end_wait(&exchange->pace, now_ms(exchange));
    if (exchange_is_over(exchange)) {
        return end_late(exchange);
    }
    if (exchange_waits_for_client(exchange)) {
        return exchange_client_timed_out(exchange);
    }
    if (is_under_way(exchange)) {
        exchange->account.ended =
            exchange_is_tunnel(exchange) ? "the tunnel was silent" : "timed out";
        return RESULT_ERROR;
    }
    if (attempt_is_queued(&exchange->attempt)) {
        exchange->answer = attempt_refuse(&exchange->attempt, &exchange->choice);
        return RESULT_ERROR;
    }
    if (attempt_is_connecting(&exchange->attempt)) {
        const struct setback setback = {
            .failure = {FAULT_CONNECT_TIMEOUT, 0},
            .may_repeat = true,
            .status = 504,
            .why = "connect timeout",
        };
        return retry(exchange, &setback);
    }
    const struct setback setback = {
        .failure = {FAULT_RESPONSE_TIMEOUT, 0},
        .may_repeat = can_repeat(exchange),
        .elsewhere = true,
        .status = 504,
        .why = "response timeout",
    };
    return retry(exchange, &setback);
}

enum result exchange_timed_out(struct exchange *exchange) {
    enum result result = at_deadline(exchange);
    return result == RESULT_ERROR ? settle(exchange) : result;
}

enum result exchange_expire(struct exchange *exchange) {
    static const char why[] = "drain-timeout was over";
    pace_end_wait(&exchange->pace, now_ms(exchange));
    if (is_under_way(exchange)) {
        exchange->account.ended = why;
        return exchange_is_tunnel(exchange) ? RESULT_EOF : RESULT_ERROR;
    }
    exchange_give_up_request(exchange, false);
    (void)exchange_refuse(exchange, 503, why);
    return settle(exchange);
}

// --- the end ---

void exchange_finish(struct exchange *exchange) {
    struct shared *shared = exchange->shared;
    account_close(&exchange->account, &exchange->choice, exchange->response_state == RESPONSE_DONE);
    attempt_drop(&exchange->attempt, &exchange->choice);
    exchange_free_response(exchange);
    exchange_free_request(exchange);
    free(exchange->request_trailers);
    kept_body_free(&exchange->kept);
    generation_release(exchange->generation);
    slab_put(&shared->exchange_slab, exchange);
}
