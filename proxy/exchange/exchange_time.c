// Which side an exchange waits for, until when, and what follows after a time-out.
#include "base/clock.h"
#include "exchange/exchange_internal.h"

static uint64_t moved(const struct exchange *exchange) {
    return exchange->account.request_bytes + exchange->stream->verbs->moved(exchange->stream);
}

bool exchange_is_stuck(const struct exchange *exchange) {
    bool unwritten =
        exchange->request_state == REQUEST_BODY || exchange->request_state == REQUEST_LAST;
    return exchange->response_started && unwritten && exchange->write != NULL &&
           !exchange->attempt.lease->writable && exchange->stream->unsent;
}

bool exchange_waits_for_client(const struct exchange *exchange) {
    const struct stream *stream = exchange->stream;
    return (stream->unsent && stream->held_by != HELD_TURN) ||
           (exchange->request_state == REQUEST_BODY && exchange->write == NULL);
}

void exchange_note_wait(struct exchange *exchange) {
    struct pace *pace = &exchange->pace;
    if (!exchange_waits_for_client(exchange)) {
        return;
    }
    if (!pace->window_open) {
        pace_open_window(pace, moved(exchange));
    }
    pace_begin_wait(pace, now_ms(exchange));
    if (exchange_is_stuck(exchange)) {
        pace_note_stall(pace, now_ms(exchange), moved(exchange));
    } else {
        pace_forget_stall(pace);
    }
}

static uint32_t first_of(uint32_t of_route, uint32_t of_backend) {
    return of_route != 0 ? of_route : of_backend;
}

// The route may have another time than its backend. A tunnel of `protocol = tcp` has no route.
static uint32_t connect_timeout(const struct choice *choice) {
    return first_of(choice->route == NULL ? 0 : choice->route->connect_timeout_ms,
                    choice->backend->connect_timeout_ms);
}

static uint32_t response_timeout(const struct choice *choice) {
    return first_of(choice->route == NULL ? 0 : choice->route->response_timeout_ms,
                    choice->backend->response_timeout_ms);
}

// When `request-timeout` ends; INT64_MAX: never.
static int64_t last_deadline(const struct exchange *exchange) {
    const struct choice *choice = &exchange->choice;
    if (answering(exchange) || choice->route == NULL || choice->backend == NULL ||
        exchange_is_tunnel(exchange)) {
        return INT64_MAX;
    }
    uint32_t time_ms =
        first_of(choice->route->request_timeout_ms, choice->backend->request_timeout_ms);
    return time_ms == 0 ? INT64_MAX : exchange->account.started_mono_us / 1000 + time_ms;
}

bool exchange_is_over(const struct exchange *exchange) {
    return now_ms(exchange) >= last_deadline(exchange);
}

// The time limit of the side that is waited for.
static int64_t side_deadline(const struct exchange *exchange) {
    int64_t wait_ms = limits(exchange)->idle_timeout_ms;
    if (exchange_waits_for_client(exchange)) {
        return pace_deadline(&exchange->pace, wait_ms);
    }
    if (exchange->stream->unsent) { // for its turn, as long as others have theirs
        return INT64_MAX;
    }
    if (exchange->verdict != NULL) {
        return exchange_verdict_deadline(exchange);
    }
    if (attempt_is_queued(&exchange->attempt)) {
        return exchange->attempt.wait->waiter.since_ms + exchange->choice.backend->queue_timeout_ms;
    }
    if (attempt_is_connecting(&exchange->attempt)) {
        wait_ms = connect_timeout(&exchange->choice);
    } else if (!answering(exchange) && !exchange_is_tunnel(exchange)) {
        wait_ms = response_timeout(&exchange->choice);
    }
    return exchange->active_ms + wait_ms;
}

int64_t exchange_deadline(const struct exchange *exchange) {
    return clock_earlier(side_deadline(exchange), last_deadline(exchange));
}

enum result exchange_client_timed_out(struct exchange *exchange) {
    struct pace *pace = &exchange->pace;
    if (pace_stall_is_due(pace, now_ms(exchange))) {
        if (pace_end_stall(pace, moved(exchange))) {
            exchange_give_up_request(exchange, true);
            exchange->account.ended = "the server stopped reading the request";
        }
        return RESULT_OK;
    }
    if (!pace_is_too_slow(pace, limits(exchange)->body_rate, limits(exchange)->idle_timeout_ms,
                          moved(exchange))) {
        pace_open_window(pace, moved(exchange));
        return RESULT_OK;
    }
    if (answering(exchange) || exchange->response_started) {
        exchange->account.ended = exchange->stream->unsent
                                      ? "the client read the response too slowly"
                                      : "the request body came too slowly";
        return RESULT_ERROR;
    }
    exchange_give_up_request(exchange, false);
    return exchange_refuse(exchange, 408, "the request body came too slowly");
}
