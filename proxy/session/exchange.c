#include "session/exchange.h"

#include "base/clock.h"
#include "exchange/dav.h"
#include "http/encode.h"
#include "session/exchange_internal.h"
#include "session/relay.h"
#include "session/relay_head.h"
#include "session/service_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

// What the encoded head may be longer than the received one: the forwarding fields, with the
// client's address twice.
enum { HEAD_GROWTH = 768 };
// And what a client's certificate adds: two names, and what they are given.
enum { CERTIFICATE_GROWTH = 80 + sizeof(struct client_identity) };

// --- beginning ---

static void on_lease_ready(struct lease_owner *owner) {
    session_advance(LIST_ENTRY(owner, struct exchange, attempt.owner)->session);
}

static struct exchange *allocate(struct session *session) {
    struct shared *shared = &session->service->shared;
    struct exchange *exchange = slab_get(&shared->exchange_slab);
    if (exchange == NULL) {
        return NULL;
    }
    memset(exchange, 0, offsetof(struct exchange, iov));
    exchange->session = session;
    exchange->shared = shared;
    exchange->client = &session->client;
    exchange->attempt.kept = &session->kept;
    exchange->generation = generation_hold(shared->current);
    exchange->attempt.owner.ready = on_lease_ready;
    exchange->active_ms = now_ms(exchange);
    account_begin(&exchange->account, shared, session->head_since_ms);
    struct choice *choice = &exchange->choice;
    choice->shared = shared;
    choice->generation = exchange->generation;
    choice->client = exchange->client;
    choice->begun_us = exchange->account.started_mono_us;
    choice->client_address = exchange->client->address;
    choice->client_shown = client_text(exchange->client);
    session->requests++;
    metric_add(shared->metrics, METRIC_requests, 1);
    return exchange;
}

static struct http_forwarding make_forwarding(const struct exchange *exchange,
                                              const struct http_request *request,
                                              const struct http_told *told) {
    const struct client *client = exchange->client;
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

// Writes the head for the server, without an allocation where that is not unusually long.
static struct answer encode_head(struct exchange *exchange, const struct http_request *request,
                                 const struct http_told *told, size_t head_size) {
    struct http_forwarding forwarding = make_forwarding(exchange, request, told);
    struct slice host =
        request->authority.size > 0 ? request->authority : slice_from(exchange->choice.site->name);
    // Field lines without a space after the colon grow by it; the host is written three times.
    size_t capacity = head_size + request->fields->count + 3 * host.size + HEAD_GROWTH +
                      (exchange->choice.is_certified ? CERTIFICATE_GROWTH : 0) +
                      (told == NULL ? 0 : http_told_size(told)) +
                      (forwarding.changes == NULL ? 0 : http_changes_size(forwarding.changes));
    bool fits = capacity <= sizeof(exchange->room) - exchange->room_used;
    exchange->head = fits ? exchange->room + exchange->room_used : malloc(capacity);
    if (exchange->head != NULL) {
        exchange->head_size =
            http_encode_request(request, &forwarding, host, exchange->head, capacity);
    }
    return exchange->head_size > 0 ? NO_ANSWER : answer_of(431, "the head is too large to pass on");
}

static void note_request(struct exchange *exchange, const struct http_request *request) {
    exchange->account.minor_version = request->minor_version;
    exchange->is_head = request->is_head;
    exchange->idempotent = request->idempotent;
    uint32_t most = limits(exchange)->requests_per_connection;
    exchange->keep_alive = request->keep_alive && (most == 0 || exchange->session->requests < most);
    exchange->attempt.binds_lease = request->binds_connection;
    exchange->body_in_doubt = request->body_is_unusual;
    exchange->awaits_continue = request->expects_continue;
    exchange->request_framing = request->framing;
    exchange->request_left = request->content_length;
    chunk_decoder_init(&exchange->request_decoder);
}

// What is answered instead of asking a server, first reason first. *growth: by how much field
// values are longer than they were received.
static struct answer judge(struct exchange *exchange, struct http_request *request,
                           const struct http_told **told, size_t *growth) {
    bool redirect = exchange->client->redirect;
    struct answer answer = redirect ? NO_ANSWER : rules_choose(&exchange->choice, request);
    *told = rules_find_client(&exchange->choice, request);
    exchange->choice.of_site = exchange->choice.site != NULL;
    if (!exchange->choice.of_site) { // for the log line and the default host
        exchange->choice.site = &exchange->generation->config->sites[ROUTER_DEFAULT_SITE];
    }
    if (request->target.size > exchange->session->target_size) {
        return answer_of(414, "the target is too long");
    }
    if (redirect) {
        return rules_to_https(&exchange->choice, request);
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

static void keep_refused(struct exchange *exchange, struct slice bytes) {
    exchange->room_used =
        account_keep_refused(&exchange->account, bytes, exchange->room, sizeof(exchange->room));
}

// Takes a whole head. What is answered instead of asking a server.
static struct answer take_request(struct exchange *exchange, struct slice head) {
    struct http_fields *fields = shared_fields(exchange->shared, exchange->session->header_count);
    struct http_request request;
    struct http_refusal refusal;
    if (http_parse_request(head, fields, &request, &refusal) != RESULT_OK) {
        exchange->is_head = request.is_head;
        keep_refused(exchange, head);
        return answer_of(refusal.status, refusal.why);
    }
    const struct http_told *told;
    size_t growth = 0;
    note_request(exchange, &request);
    struct answer answer = judge(exchange, &request, &told, &growth);
    exchange->keep_alive = exchange->keep_alive && !exchange->choice.ends_connection;
    exchange->room_used = account_keep_request(&exchange->account, &request, told, exchange->room,
                                               sizeof(exchange->room));
    return answer.status == 0 ? encode_head(exchange, &request, told, head.size + growth) : answer;
}

// What a part could not do (it returned RESULT_ERROR): its answer is the response, if it has one
// and nothing was sent. RESULT_ERROR: the session must be cut.
static enum result settle(struct exchange *exchange) {
    if (exchange->answer.status == 0) {
        exchange_give_up_request(exchange); // the session drops the rest of it before it cuts
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

struct exchange *exchange_new(struct session *session, struct slice head) {
    struct exchange *exchange = allocate(session);
    if (exchange == NULL) {
        return NULL;
    }
    exchange->answer = take_request(exchange, head);
    return begin(exchange);
}

struct exchange *exchange_new_refused(struct session *session, struct slice part, uint16_t status,
                                      const char *why) {
    struct exchange *exchange = allocate(session);
    if (exchange == NULL) {
        return NULL;
    }
    exchange->is_head = part.size >= 5 && memcmp(part.data, "HEAD ", 5) == 0;
    keep_refused(exchange, part);
    exchange->answer = answer_of(status, why);
    return begin(exchange);
}

// --- the server ---

// After a server failed: RESULT_OK: another try, where that is allowed, and the state of the
// request is as before the first one. RESULT_ERROR: an answer.
static enum result retry(struct exchange *exchange, bool may_repeat, uint16_t status,
                         const char *why) {
    attempt_fail(&exchange->attempt, &exchange->choice, why);
    if (!may_repeat || exchange->response_started ||
        !attempt_may_repeat(&exchange->attempt, &exchange->choice)) {
        return exchange_refuse(exchange, status, why);
    }
    exchange->request_state = REQUEST_HEAD;
    exchange->request_whole = exchange->request_failed = exchange->request_given_up = false;
    exchange->iov_first = exchange->iov_count = 0;
    metric_add(exchange->shared->metrics, METRIC_server_retries, 1);
    return RESULT_OK;
}

// Nothing of the response was seen, nothing of a body was sent, and doing it twice is doing it
// once.
static bool can_repeat(const struct exchange *exchange) {
    return exchange->idempotent && exchange->request_framing == FRAMING_NONE &&
           exchange->interim_count == 0 && exchange->gathered_head == NULL &&
           !transport_has_fills(&exchange->session->transport);
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
        if (attempt->lease == NULL) {
            exchange->active_ms = now_ms(exchange);
        }
        int error = attempt_connect(attempt, &exchange->choice, &exchange->account);
        if (error == 0 || error == EINPROGRESS) {
            return error == 0 ? RESULT_OK : RESULT_AGAIN;
        }
        bool unmade = attempt->lease == NULL;
        result =
            unmade && is_own_shortage(error)
                ? exchange_refuse(exchange, 503, "no connection can be made")
                : retry(exchange, true, 502, unmade ? "the connection failed" : strerror(error));
    }
    return result;
}

// --- advancing ---

// The server closed or broke its connection where it must not.
static enum result server_gone(struct exchange *exchange) {
    if (exchange->response_started) { // the client must see that something is missing
        exchange->account.ended = "the server broke off";
        metric_add(exchange->shared->metrics, METRIC_server_failures, 1);
        return RESULT_ERROR;
    }
    return retry(exchange, can_repeat(exchange), 502,
                 exchange->gathered_head != NULL ||
                         transport_has_fills(&exchange->session->transport)
                     ? "the server closed the connection in the middle of its response headers"
                     : "the server closed the connection without an answer");
}

// One round of both directions. RESULT_OK after progress.
static enum result relay(struct exchange *exchange) {
    enum result response = relay_response(exchange);
    if (response == RESULT_EOF) {
        return server_gone(exchange);
    }
    if (response == RESULT_ERROR || answering(exchange)) {
        return response;
    }
    enum result request = relay_request(exchange);
    if (request == RESULT_EOF) {
        // Perhaps the server answered before it closed: what it said is read first.
        exchange_give_up_request(exchange);
        exchange->request_state = REQUEST_DONE;
        exchange->request_failed = exchange->attempt.lease->readable = true;
        return RESULT_OK;
    }
    if (request == RESULT_ERROR) {
        return RESULT_ERROR;
    }
    // The client may be one that reads only after it has sent everything.
    if (response == RESULT_AGAIN && request == RESULT_AGAIN && exchange->account.status >= 300 &&
        exchange_is_stuck(exchange)) {
        exchange_give_up_request(exchange);
        exchange->request_failed = true;
        return RESULT_OK;
    }
    return response == RESULT_OK || request == RESULT_OK ? RESULT_OK : RESULT_AGAIN;
}

static enum result advance(struct exchange *exchange) {
    struct transport *transport = &exchange->session->transport;
    while (!answering(exchange)) {
        if (exchange->session->steps_left == 0) { // it is the turn of others
            return RESULT_AGAIN;
        }
        exchange->session->steps_left--;
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
                        exchange->server_keep_alive && exchange->request_state == REQUEST_DONE &&
                            !exchange->request_failed);
        if (exchange->request_state != REQUEST_DONE) {
            exchange_give_up_request(exchange);
        }
        enum result result = transport_flush(transport);
        if (result != RESULT_OK) {
            return result;
        }
        exchange->keep_alive = exchange->keep_alive && exchange_request_ends(exchange);
        exchange->response_state = RESPONSE_DONE;
    }
    return RESULT_OK;
}

enum result exchange_advance(struct exchange *exchange) {
    uint64_t sent = exchange->session->transport.sent;
    pace_end_wait(&exchange->pace, now_ms(exchange));
    enum result result = advance(exchange);
    if (exchange->session->transport.sent != sent) { // a client that takes a little is not idle
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
    bool blocked = transport_has_unsent(&exchange->session->transport);
    lease_want_read(lease, lease->connected && !lease->readable && !blocked);
    bool unwritten = exchange->iov_first < exchange->iov_count;
    lease_want_write(lease, !lease->writable && (!lease->connected || unwritten));
}

static enum result at_deadline(struct exchange *exchange) {
    pace_end_wait(&exchange->pace, now_ms(exchange));
    if (exchange_waits_for_client(exchange)) {
        return exchange_client_timed_out(exchange);
    }
    if (answering(exchange) || exchange->response_started) {
        exchange->account.ended = "timed out";
        return RESULT_ERROR;
    }
    struct shared *shared = exchange->shared;
    if (attempt_is_connecting(&exchange->attempt)) {
        return retry(exchange, true, 504, "connect timeout");
    }
    metric_add(shared->metrics, METRIC_server_failures, 1);
    return exchange_refuse(exchange, 504, "response timeout");
}

enum result exchange_timed_out(struct exchange *exchange) {
    enum result result = at_deadline(exchange);
    return result == RESULT_ERROR ? settle(exchange) : result;
}

// --- the end ---

void exchange_finish(struct exchange *exchange) {
    struct shared *shared = exchange->shared;
    account_close(&exchange->account, &exchange->choice, exchange->response_state == RESPONSE_DONE);
    attempt_drop(&exchange->attempt);
    response_head_free(exchange);
    trailers_free(&exchange->request_trailers);
    trailers_free(&exchange->response_trailers);
    free(exchange->request_final);
    free(exchange->final);
    if (exchange->head != exchange->room + exchange->room_used) {
        free(exchange->head);
    }
    generation_release(exchange->generation);
    slab_put(&shared->exchange_slab, exchange);
}
