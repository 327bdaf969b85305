#include "exchange/exchange.h"

#include "base/clock.h"
#include "exchange/dav.h"
#include "exchange/exchange_internal.h"
#include "exchange/request_write.h"
#include "http/websocket.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { SPARES_MAX = 256 }; // of each slab

struct with_http {
    struct exchange exchange; // its `http` points to the next member
    struct exchange_http http;
};

// --- beginning ---

void exchange_slabs_init(struct shared *shared) {
    slab_init(&shared->exchange_slab, sizeof(struct with_http), SPARES_MAX);
    slab_init(&shared->tunnel_slab, sizeof(struct exchange), SPARES_MAX);
    slab_init(&shared->write_slab, sizeof(struct request_write), SPARES_MAX);
    slab_init(&shared->memory_slab, SHARED_MEMORY_SIZE, SPARES_MAX);
}

void exchange_slabs_trim(struct shared *shared) {
    slab_trim(&shared->exchange_slab);
    slab_trim(&shared->tunnel_slab);
    slab_trim(&shared->write_slab);
    slab_trim(&shared->memory_slab);
}

void exchange_slabs_free(struct shared *shared) {
    slab_free(&shared->exchange_slab);
    slab_free(&shared->tunnel_slab);
    slab_free(&shared->write_slab);
    slab_free(&shared->memory_slab);
}

static void on_lease_ready(struct lease_owner *owner) {
    struct stream *stream = LIST_ENTRY(owner, struct exchange, attempt.owner)->stream;
    stream->verbs->wake(stream);
}

// All zero. NULL: no memory.
static struct exchange *allocate_tunnel(struct shared *shared) {
    struct exchange *exchange = slab_get(&shared->tunnel_slab);
    if (exchange != NULL) {
        memset(exchange, 0, sizeof(*exchange));
    }
    return exchange;
}

static struct exchange *allocate_http(struct shared *shared) {
    struct with_http *both = slab_get(&shared->exchange_slab);
    if (both == NULL) {
        return NULL;
    }
    memset(both, 0, sizeof(*both));
    both->exchange.http = &both->http;
    return &both->exchange;
}

static struct exchange *allocate(struct stream *stream, struct shared *shared,
                                 struct generation *generation, int64_t head_since_ms,
                                 bool has_http) {
    struct exchange *exchange = has_http ? allocate_http(shared) : allocate_tunnel(shared);
    if (exchange == NULL) {
        return NULL;
    }
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
    return exchange;
}

// Allocates an exchange for a request of a client.
static struct exchange *allocate_first(struct stream *stream, struct shared *shared,
                                       struct generation *generation, int64_t head_since_ms,
                                       bool has_http) {
    struct exchange *exchange = allocate(stream, shared, generation, head_since_ms, has_http);
    metric_add(shared->metrics, METRIC_requests, exchange == NULL ? 0 : 1);
    return exchange;
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

// Returns the answer in place of a server's response; the first reason counts. *growth: bytes by
// which field values are longer than received.
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

// The answer in place of a server's response.
static struct answer take_request(struct exchange *exchange, struct http_request *request,
                                  size_t head_size) {
    const struct http_told *told;
    size_t growth = 0;
    note_request(exchange, request);
    struct answer answer = judge(exchange, request, &told, &growth);
    if (exchange->stream->websocket && answer.status / 100 == 2) {
        answer = answer_of(501, WEBSOCKET_NOT_OPENED);
    }
    account_keep_request_headers(&exchange->account, &exchange->choice, request->fields);
    if (exchange->choice.ends_connection) {
        exchange->stream->keep_alive = false;
    }
    if (answer.status == 0) {
        bool may_keep = request->idempotent && request->framing != FRAMING_NONE;
        exchange->http->kept.limit =
            may_keep && !request->expects_continue ? exchange->choice.backend->retry_body : 0;
        answer = exchange_encode_head(exchange, request, told, head_size + growth);
        bool is_guarded = exchange->choice.route->guards != 0;
        return answer.status == 0 && is_guarded ? exchange_ask_guards(exchange, request, told)
                                                : answer;
    }
    (void)account_keep_request(&exchange->account, exchange->shared, request, told, 0);
    exchange_note_accept(exchange, request);
    return answer;
}

// Handles the RESULT_ERROR of a part: its answer becomes the response, if it has one and nothing
// was sent. RESULT_ERROR: the stream must be cut.
static enum result settle(struct exchange *exchange) {
    if (exchange->answer.status == 0) {
        exchange_give_up_request(exchange, true); // its rest is dropped before the cut
        return RESULT_ERROR;
    }
    return exchange_answer(exchange);
}

// Sends the answer of a new exchange, if it has one.
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
    struct exchange *exchange =
        allocate_first(stream, shared, shared->current, head_since_ms, true);
    if (exchange == NULL) {
        return NULL;
    }
    exchange->answer = take_request(exchange, request, head_size);
    return begin(exchange);
}

struct exchange *exchange_new_tunnel(struct stream *stream, struct shared *shared,
                                     struct generation *generation, const struct config_site *site,
                                     const struct config_backend *backend) {
    struct exchange *exchange = allocate_first(stream, shared, generation, 0, false);
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
    exchange->account.tcp = true;
    return exchange;
}

struct exchange *exchange_new_refused(struct stream *stream, struct shared *shared,
                                      const struct refused_request *refused,
                                      int64_t head_since_ms) {
    struct exchange *exchange =
        allocate_first(stream, shared, shared->current, head_since_ms, true);
    if (exchange == NULL) {
        return NULL;
    }
    exchange->is_head = refused->is_head;
    account_keep_refused(&exchange->account, shared, refused->bytes);
    exchange->answer = answer_of(refused->status, refused->why);
    return begin(exchange);
}

struct exchange *exchange_new_subrequest(struct stream *stream, struct generation *generation,
                                         const struct choice *choice, struct slice head) {
    struct exchange *exchange = allocate(stream, choice->shared, generation, 0, true);
    if (exchange == NULL) {
        return NULL;
    }
    exchange->is_subrequest = true;
    exchange->choice = *choice;
    exchange->choice.begun_us = exchange->account.started_mono_us;
    exchange->attempt.can_repeat = true;
    exchange->http->head = exchange->http->grown_head = (char *)(uintptr_t)head.data;
    exchange->http->head_size = head.size;
    return exchange;
}

// --- the server ---

// A failure of a server, and the answer for the client if no other server is tried.
struct setback {
    struct failure failure;
    bool may_repeat; // the request may be sent again
    bool elsewhere;  // but not to the same server
    bool is_logged;
    uint16_t status;
    const char *why; // static
};

static void begin_again(struct exchange *exchange) {
    exchange_rewind_request(exchange);
    exchange_forget_response(exchange);
    metric_add(exchange->shared->metrics, METRIC_server_retries, 1);
}

// Called after a server failed. RESULT_OK: another try is allowed, and the state of the request is
// as before the first one. RESULT_ERROR: an answer.
static enum result retry(struct exchange *exchange, const struct setback *setback) {
    struct attempt *attempt = &exchange->attempt;
    attempt_fail(attempt, &exchange->choice, setback->failure,
                 setback->is_logged ? NULL : setback->why);
    if (!setback->may_repeat || exchange->response_started ||
        !attempt_may_repeat(attempt, &exchange->choice, setback->elsewhere)) {
        return exchange_refuse(exchange, setback->status, setback->why);
    }
    begin_again(exchange);
    return RESULT_OK;
}

// A shortage of this process or host is not the server's fault.
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
            .is_logged = unmade, // by attempt_connect()
            .status = 502,
            .why = strerror(error),
        };
        result = unmade && is_own_shortage(error)
                     ? exchange_refuse(exchange, 503, "no connection can be made")
                     : retry(exchange, &setback);
    }
    return result;
}

// --- advancing ---

// The server closed or broke its connection too early.
static enum result server_gone(struct exchange *exchange) {
    if (exchange->response_started) { // the client must see that something is missing
        exchange->account.ended = "the server closed before the end of its response";
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
        .may_repeat = exchange_can_repeat(exchange),
        .elsewhere = has_begun,
        .status = 502,
        .why = has_begun ? "the server closed the connection in the middle of its response headers"
                         : "the server closed the connection without a response",
    };
    return retry(exchange, &setback);
}

// The response is malformed; exchange->answer has the reason.
static enum result response_was_bad(struct exchange *exchange) {
    const struct setback setback = {
        .failure = {FAULT_MALFORMED, 0},
        .may_repeat = exchange_can_repeat(exchange),
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
    if (response == RESULT_ERROR && exchange->left_status != 0) {
        const struct failure failure = {FAULT_STATUS, exchange->left_status};
        attempt_fail(&exchange->attempt, &exchange->choice, failure, NULL);
        begin_again(exchange);
        return RESULT_OK;
    }
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
        // The server may have responded before it closed, so its response is read first.
        if (exchange_can_repeat(exchange)) {
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
        if (*stream->steps_left == 0) { // other sessions have their turn
            return RESULT_AGAIN;
        }
        --*stream->steps_left;
        enum result result =
            exchange->verdict == NULL ? RESULT_OK : exchange_await_verdicts(exchange);
        if (result == RESULT_OK) {
            result = connect_server(exchange);
        }
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
    if (exchange->stream->sent != sent) { // a client that takes a few bytes is not idle
        exchange->active_ms = now_ms(exchange);
    }
    return result;
}

bool exchange_only_reads(const struct exchange *exchange) {
    const struct lease *lease = exchange->attempt.lease;
    return exchange->request_state == REQUEST_DONE && exchange->response_state <= RESPONSE_BODY &&
           !has_unread(exchange) && lease != NULL && lease->readable;
}

void exchange_arm(struct exchange *exchange) {
    struct lease *lease = exchange->attempt.lease;
    exchange_note_wait(exchange);
    exchange_arm_verdict(exchange);
    if (lease == NULL) {
        return;
    }
    bool wanted = !exchange->stream->unsent && exchange->response_state != RESPONSE_ENDED;
    lease_want_read(lease, lease->connected && !lease->readable && wanted);
    bool unwritten = exchange->write != NULL;
    lease_want_write(lease, !lease->writable && (!lease->connected || unwritten));
}

// `request-timeout` has expired. Blames a server that was tried and has not responded. A response
// that waits for the turn of its stream may have arrived already.
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
    if (attempt->lease != NULL && !exchange->stream->unsent) {
        const struct failure failure = {
            attempt_is_connecting(attempt) ? FAULT_CONNECT_TIMEOUT : FAULT_RESPONSE_TIMEOUT, 0};
        attempt_fail(attempt, &exchange->choice, failure, "request timeout");
    }
    return exchange_refuse(exchange, 504, "request timeout");
}

// There is a response, or a tunnel to a server that may not have sent bytes yet.
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
    if (exchange->stream->unsent) { // it waits for its turn, which has no time limit
        return RESULT_OK;
    }
    if (is_under_way(exchange)) {
        exchange->account.ended =
            exchange_is_tunnel(exchange) ? "the tunnel was silent" : "timed out";
        return RESULT_ERROR;
    }
    if (exchange->verdict != NULL) {
        return exchange_verdict_timed_out(exchange);
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
        .may_repeat = exchange_can_repeat(exchange),
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
    static const char why[] = "drain-timeout expired";
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

// The memory of the exchange, too.
static void free_http(struct exchange *exchange) {
    struct exchange_http *http = exchange->http;
    free(http->grown_head);
    free(http->request_trailers);
    kept_body_free(&http->kept);
    free(http->gathered_head);
    free(http->added);
    free(http->response_trailers);
    slab_put(&exchange->shared->exchange_slab, LIST_ENTRY(exchange, struct with_http, exchange));
}

void exchange_finish(struct exchange *exchange) {
    struct shared *shared = exchange->shared;
    if (exchange->is_subrequest) {
        account_close_subrequest(&exchange->account);
    } else {
        account_close(&exchange->account, &exchange->choice,
                      exchange->response_state == RESPONSE_DONE);
    }
    attempt_drop(&exchange->attempt, &exchange->choice);
    exchange_drop_verdicts(exchange);
    exchange_free_request(exchange);
    generation_release(exchange->generation);
    if (exchange->http != NULL) {
        free_http(exchange);
    } else {
        slab_put(&shared->tunnel_slab, exchange);
    }
}
