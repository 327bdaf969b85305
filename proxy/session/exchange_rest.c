// Giving up a request: from then on its server gets no more of it.
#include "session/body_rest.h"
#include "session/exchange_internal.h"

#include <stdlib.h>

static struct body_rest *new_rest(struct exchange *exchange) {
    struct body_rest *rest = malloc(sizeof(*rest));
    if (rest != NULL) {
        *rest = (struct body_rest){
            .framing = exchange->request_framing,
            .left = exchange->request_left,
            .decoder = exchange->request_decoder,
            .trailers = exchange->request_trailers,
        };
        exchange->request_trailers = (struct trailers){.data = NULL};
    }
    return rest;
}

static bool has_body(const struct exchange *exchange) {
    return exchange->request_framing == FRAMING_LENGTH ||
           exchange->request_framing == FRAMING_CHUNKED;
}

bool exchange_is_stuck(const struct exchange *exchange) {
    return exchange->response_started && exchange->request_state == REQUEST_BODY &&
           !exchange->request_given_up && exchange->request_framing != FRAMING_TUNNEL &&
           exchange->iov_first < exchange->iov_count && !exchange->attempt.lease->writable &&
           transport_has_unsent(&exchange->session->transport);
}

void exchange_give_up_request(struct exchange *exchange) {
    struct session *session = exchange->session;
    if (exchange->request_given_up) {
        return;
    }
    exchange->request_given_up = true;
    transport_consume(&session->transport, exchange->taken);
    exchange->taken = 0;
    exchange->iov_first = exchange->iov_count = 0;
    // A client that waits for 100 (Continue) sends no body after another response.
    if (has_body(exchange) && !exchange->request_whole && !exchange->rest_is_lost &&
        !exchange->awaits_continue) {
        session->rest = new_rest(exchange);
    }
}

bool exchange_request_ends(const struct exchange *exchange) {
    return exchange->request_framing == FRAMING_NONE ||
           (exchange->request_state == REQUEST_DONE && !exchange->request_failed);
}
