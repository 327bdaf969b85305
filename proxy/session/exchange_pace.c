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

// --- deadlock ---

// A client that reads only after it has sent everything, and a server that reads only after it has
// sent everything, wait for each other. After STALL_MS in which neither read a byte, the request is
// given up, so that the response can end.
enum { STALL_MS = 5000 };

static void note_stall(struct exchange *exchange) {
    if (!exchange_is_stuck(exchange)) {
        exchange->stalled_ms = 0;
    } else if (exchange->stalled_ms == 0 || exchange->stalled_before != moved(exchange)) {
        exchange->stalled_ms = now_ms(exchange);
        exchange->stalled_before = moved(exchange);
    }
}

// True if that is what the deadline was for.
static bool end_stall(struct exchange *exchange) {
    if (exchange->stalled_ms == 0 || now_ms(exchange) - exchange->stalled_ms < STALL_MS) {
        return false;
    }
    if (exchange->stalled_before == moved(exchange)) {
        exchange_give_up_request(exchange);
        exchange->request_failed = true;
        exchange->ended = "the server stopped reading the request";
    }
    exchange->stalled_ms = 0;
    return true;
}

// --- deadlines ---

void pace_note_wait(struct exchange *exchange) {
    if (pace_waits_for_client(exchange)) {
        begin_wait(exchange);
        note_stall(exchange);
    }
}

int64_t exchange_deadline(const struct exchange *exchange) {
    if (pace_waits_for_client(exchange)) {
        int64_t at_ms =
            exchange->wait_begun_ms + limits(exchange)->idle_timeout_ms - exchange->waited_ms;
        int64_t stall_ms = exchange->stalled_ms + STALL_MS;
        return exchange->stalled_ms != 0 && stall_ms < at_ms ? stall_ms : at_ms;
    }
    int64_t wait_ms = limits(exchange)->idle_timeout_ms;
    if (!answering(exchange)) {
        bool connecting = exchange->lease != NULL && !exchange->lease->connected;
        wait_ms = connecting ? exchange->choice.backend->connect_timeout_ms
                             : exchange->choice.backend->response_timeout_ms;
    }
    return exchange->active_ms + wait_ms;
}

enum result pace_client_timed_out(struct exchange *exchange) {
    if (end_stall(exchange)) {
        return RESULT_OK;
    }
    if (!is_too_slow(exchange)) {
        open_window(exchange);
        return RESULT_OK;
    }
    if (answering(exchange) || exchange->response_started) {
        exchange->ended = "the client took the response too slowly";
        return RESULT_ERROR;
    }
    exchange->rest_is_lost = true;
    return exchange_refuse(exchange, 408, "the request body came too slowly");
}
