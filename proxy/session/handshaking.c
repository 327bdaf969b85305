#include "session/handshaking.h"

#include "session/http1.h"
#include "session/http2.h"
#include "session/linger.h"
#include "session/records.h"
#include "session/refusals.h"
#include "session/tunnel.h"

#include <assert.h>
#include <stdlib.h>

// Releases the handshake, its generation and its pending signature. May be called again.
static void leave(struct session *session) {
    if (session->signing != 0) {
        signing_forget(&session->sessions->signing, session->signing);
        session->signing = 0;
    }
    if (session->handshake != NULL) {
        handshake_free(session->handshake);
        session->handshake = NULL;
    }
    if (session->handshake_generation != NULL) {
        generation_release(session->handshake_generation);
        session->handshake_generation = NULL;
        metric_subtract(session->sessions->shared.metrics, METRIC_handshakes_open, 1);
    }
}

static size_t choose_site(void *context, struct slice name) {
    const struct generation *generation = context;
    size_t site = router_find_site(generation->router, name);
    return site == ROUTER_NO_SITE ? HANDSHAKE_NO_SITE : site;
}

static struct hello_protocols protocols_of(const struct session *session) {
    if (session->listener_generation != NULL) {
        const struct config *config = session->listener_generation->config;
        const struct config_listen *listen = &config->listeners[session->listener];
        return (struct hello_protocols){(const char *const *)listen->alpn, listen->alpn_count};
    }
    return session->offers_http2 ? hello_http2 : hello_http1;
}

static bool begin(struct session *session) {
    struct generation *generation = session->sessions->shared.current;
    session->handshake = handshake_new(generation->contexts, session->sessions->transports.engine,
                                       choose_site, generation);
    if (session->handshake == NULL) {
        return false;
    }
    handshake_use_protocols(session->handshake, protocols_of(session));
    session->handshake_generation = generation_hold(generation);
    metric_add(session->sessions->shared.metrics, METRIC_handshakes_open, 1);
    return true;
}

// A signer has the keys of a few generations only, and a client may be silent for longer than these
// generations exist. So a handshake uses the generation that is current when its ClientHello is
// complete.
static void renew_generation(struct session *session) {
    struct generation *current = session->sessions->shared.current;
    if (handshake_renew(session->handshake, current->contexts, current)) {
        generation_release(session->handshake_generation);
        session->handshake_generation = generation_hold(current);
        handshake_use_protocols(session->handshake, protocols_of(session));
    }
}

// RESULT_OK: all was sent. RESULT_AGAIN: the client does not accept more now.
static enum result flush_handshake(struct session *session) {
    struct slice output = handshake_output(session->handshake);
    enum result result = RESULT_OK;
    while (result == RESULT_OK && output.size > 0) {
        size_t sent;
        result = transport_write(&session->transport, output, &sent);
        handshake_sent(session->handshake, sent);
        output = handshake_output(session->handshake);
    }
    return result;
}

static void count_handshake(struct session *session, const struct handshake_facts *facts) {
    const struct shared *shared = &session->sessions->shared;
    struct metrics_slot *metrics = shared->metrics;
    metric_note_time(metrics, TIME_HANDSHAKE, shared->turn_us - session->accepted_us);
    metric_add(metrics, facts->resumed ? METRIC_handshakes_resumed : METRIC_handshakes_full, 1);
    metric_add(metrics, facts->suite->metric, 1);
    if (!facts->resumed && facts->group != NULL) {
        metric_add(metrics, facts->group->metric, 1);
    }
}

// If memory is short, continues as if the client had named no host.
static void keep_server_name(struct session *session, const struct handshake_facts *facts) {
    session->client.server_name = facts->name_size == 0 ? NULL : malloc(facts->name_size);
    if (session->client.server_name != NULL) {
        memcpy(session->client.server_name, facts->name, facts->name_size);
        session->client.server_name_size = facts->name_size;
        session->client.server_name_is_odd = facts->name_is_odd;
    }
}

static enum result finish_handshake(struct session *session) {
    struct handshake_facts facts;
    struct record_layer layer;
    enum result result = handshake_finish(session->handshake, &layer, &facts);
    session->handshake = NULL;
    if (result == RESULT_OK) {
        keep_server_name(session, &facts);
    }
    if (result != RESULT_OK) {
        return result;
    }
    records_commit(&session->transport, &layer);
    client_set_tls(&session->client, slice_from(facts.group == NULL ? NULL : facts.group->name),
                   slice_from(facts.suite->name));
    session->client.resumed = facts.resumed;
    session->client.uncertified = facts.is_own;
    session->client.identity = facts.client;
    memcpy(session->client.policy, facts.client_policy, sizeof(session->client.policy));
    count_handshake(session, &facts);
    if (session->listener_generation != NULL) {
        tunnel_enter(session);
    } else if (facts.http2) {
        http2_enter(session);
    } else {
        http1_enter(session);
    }
    return RESULT_OK;
}

// Counts and logs a handshake that ended for a reason outside of TLS.
static void note_broken(struct session *session, enum refusal_reason reason) {
    struct refusal refusal = {0};
    (void)!refusal_set(&refusal, reason, NULL);
    refusals_note(session, &refusal, SLICE(""));
}

#define PAGE "This port speaks HTTPS, not plain HTTP.\r\n"
static const char plain_http_answer[] =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    "Content-Length: 41\r\n\r\n" PAGE;
static_assert(sizeof(PAGE) - 1 == 41 && PLAIN_HTTP_ANSWER_SIZE == 41, "as Content-Length says");

static void refuse_handshake(struct session *session, struct slice bytes) {
    const struct refusal *refusal = handshake_refusal(session->handshake);
    refusals_note(session, refusal, bytes);
    if (refusal->reason == REFUSAL_plain_http) {
        size_t sent;
        (void)!transport_write(&session->transport, slice_from(plain_http_answer), &sent);
    } else {
        (void)!flush_handshake(session); // the alert, if there is one
    }
    session_end(session, ALERT_CLOSE_NOTIFY);
}

static void on_signature(struct signing_owner *owner, const uint8_t *signature, size_t size) {
    struct session *session = LIST_ENTRY(owner, struct session, signing_owner);
    session->signing = 0;
    if (session->handshake != NULL) {
        handshake_give_signature(session->handshake, signature, size);
        session_advance(session);
    }
}

// False: the handshake must continue at once, without a signature.
static bool ask_signer(struct session *session) {
    struct sign_request *request = handshake_wants_signature(session->handshake);
    if (request == NULL) {
        return true;
    }
    session->signing_owner.answered = on_signature;
    session->signing = signing_ask(&session->sessions->signing, &session->signing_owner, request);
    if (session->signing == 0) {
        handshake_give_signature(session->handshake, NULL, 0);
    }
    return session->signing != 0;
}

static enum result step(struct session *session) {
    struct transport *transport = &session->transport;
    enum result received = transport_receive(transport);
    struct transport_input input = transport_input(transport);
    size_t used = 0;
    if (session->handshake_generation != session->sessions->shared.current) {
        renew_generation(session);
    }
    enum result result = handshake_advance(session->handshake, input.data, input.size, &used);
    if (result == RESULT_ERROR) {
        refuse_handshake(session, (struct slice){(const char *)input.data, input.size});
        return RESULT_AGAIN;
    }
    transport_take(transport, used);
    bool asked = ask_signer(session);
    enum result flushed = flush_handshake(session);
    if (flushed == RESULT_ERROR || (result == RESULT_AGAIN && transport->end == TRANSPORT_CUT)) {
        note_broken(session, REFUSAL_client_left);
        session_close(session);
        return RESULT_AGAIN;
    }
    if (result == RESULT_OK && flushed == RESULT_OK) {
        if (finish_handshake(session) != RESULT_OK) {
            session_close(session);
            return RESULT_AGAIN;
        }
        if (input.size ==
            used) { // nothing came with Finished that is answered, and so acknowledged, now
            transport_acknowledge(transport);
        }
        return RESULT_OK;
    }
    // A full ring may have left bytes in the socket, and taken bytes made room in the ring.
    bool more = (received == RESULT_OK || used > 0) && transport->readable;
    return more || !asked ? RESULT_OK : RESULT_AGAIN;
}

static int arm(struct session *session) {
    transport_trim(&session->transport); // one that waits for its signature holds no buffer
    bool blocked = handshake_output(session->handshake).size > 0;
    return session_read_event(session) | (blocked ? EV_WRITE : 0);
}

static void time_out(struct session *session) {
    note_broken(session, REFUSAL_timeout);
    session_close(session);
}

static const struct session_phase phase = {
    .step = step,
    .arm = arm,
    .time_out = time_out,
    .leave = leave,
};

void handshaking_enter(struct session *session) {
    session_enter(session, &phase);
    session->deadline_ms = sessions_now_ms(session->sessions) +
                           session->sessions->shared.current->config->limits.handshake_timeout_ms;
    if (!begin(session)) {
        session_close(session);
    }
}
