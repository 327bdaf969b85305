#include "session/tunnel.h"

#include "session/http1_internal.h"

// The memory of an idle connection. With the tables of the loop and the overhead of the allocator
// it must stay below 2 KiB of user memory (bench/run --scenario tcp-connections).
_Static_assert(sizeof(struct session) + sizeof(struct http1_stream) + sizeof(struct exchange) +
                       sizeof(struct lease) <=
                   1776,
               "an idle connection of plain TCP needs too much memory");

// Ravelin's direction ends after all named output was sent.
static enum result end(struct stream *stream, const struct http_fields *trailers) {
    (void)trailers;
    http1_of(stream)->closes = true;
    return RESULT_OK;
}

static enum result flush(struct stream *stream) {
    struct http1_stream *http1 = http1_of(stream);
    enum result result = http1_flush(stream);
    if (result == RESULT_OK && http1->closes) {
        http1->closes = false;
        transport_shutdown(&http1->session->transport, ALERT_CLOSE_NOTIFY);
    }
    return result;
}

static const struct stream_verbs tunnel_verbs = {
    .wake = http1_wake,
    .local_address = http1_local_address,
    .moved = http1_moved,
    .body = http1_body,
    .taken = http1_taken,
    .stop = http1_stop,
    .room = http1_room,
    .head = http1_head,
    .fits = http1_fits,
    .data = http1_data,
    .end = end,
    .answer = http1_answer,
    .flush = flush,
};

static const struct config_site *find_site(const struct session *session,
                                           const struct generation *generation) {
    size_t site = router_find_site(generation->router, client_server_name(&session->client));
    return &generation->config->sites[site == ROUTER_NO_SITE ? ROUTER_DEFAULT_SITE : site];
}

static struct exchange *begin(struct session *session, struct http1_stream *http1) {
    struct generation *generation = session->listener_generation;
    const struct config_listen *listen = &generation->config->listeners[session->listener];
    return exchange_new_tunnel(&http1->stream, &session->sessions->shared, generation,
                               find_site(session, generation),
                               &generation->config->backends[listen->backend_index]);
}

void tunnel_enter(struct session *session) {
    http1_enter(session);
    struct http1_stream *http1 = http1_new_stream(session);
    if (http1 != NULL) {
        http1->stream.verbs = &tunnel_verbs;
        http1->framing = FRAMING_TUNNEL;
        http1->whole = false;
        http1->exchange = begin(session, http1);
    }
    generation_release(session->listener_generation);
    session->listener_generation = NULL;
    session->listener = SESSION_NO_LISTENER;
    if (http1 == NULL || http1->exchange == NULL) {
        session_close(session);
    }
}
