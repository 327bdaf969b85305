// How fast the sides of an exchange must be. A client that moves a byte now and then is never idle, and
// would hold its exchange for ever. So the time that it is waited for is divided into windows of
// idle-timeout, and it must move body-rate in each.
#include "base/socket.h"
#include "session/exchange_internal.h"

static uint64_t moved(const struct exchange *exchange) {
    return exchange->request_bytes + exchange->session->dropped +
           socket_acknowledged(exchange->session->transport.fd);
}

static void open_window(struct exchange *exchange) {
    exchange->window_open = true;
    exchange->waited_ms = 0;
    exchange->moved_before = moved(exchange);
}

static void begin_wait(struct exchange *exchange) {
    if (!exchange->window_open) {
        open_window(exchange);
    }
    if (exchange->wait_begun_ms == 0) {
        exchange->wait_begun_ms = now_ms(exchange);
    }
}

void pace_end_wait(struct exchange *exchange) {
    if (exchange->wait_begun_ms != 0) {
        exchange->waited_ms += now_ms(exchange) - exchange->wait_begun_ms;
        exchange->wait_begun_ms = 0;
    }
}

bool pace_waits_for_client(const struct exchange *exchange) {
    return transport_has_unsent(&exchange->session->transport) ||
           (exchange->request_state == REQUEST_BODY && exchange->iov_first == exchange->iov_count &&
            exchange->request_framing != FRAMING_TUNNEL && !exchange->request_given_up);
}

// At the end of a window.
static bool is_too_slow(const struct exchange *exchange) {
    uint64_t least =
        (uint64_t)limits(exchange)->body_rate * limits(exchange)->idle_timeout_ms / 1000;
    return moved(exchange) - exchange->moved_before < (least == 0 ? 1 : least);
}

int64_t exchange_deadline(struct exchange *exchange) {
    if (pace_waits_for_client(exchange)) {
        begin_wait(exchange);
        return exchange->wait_begun_ms + limits(exchange)->idle_timeout_ms - exchange->waited_ms;
    }
    int64_t wait_ms = limits(exchange)->idle_timeout_ms;
    if (!answering(exchange)) {
        bool connecting = exchange->lease != NULL && !exchange->lease->connected;
        wait_ms = connecting ? exchange->backend->connect_timeout_ms
                             : exchange->backend->response_timeout_ms;
    }
    return exchange->active_ms + wait_ms;
}

enum result pace_client_timed_out(struct exchange *exchange) {
    if (!is_too_slow(exchange)) {
        open_window(exchange);
        return RESULT_OK;
    }
    if (answering(exchange) || exchange->response_started) {
        exchange->ended = "the client took the response too slowly";
        return RESULT_ERROR;
    }
    exchange->rest_is_lost = true;
    return exchange_answer(exchange, 408, "the request body came too slowly");
}
