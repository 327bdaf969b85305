#include "session/linger.h"

#include "base/clock.h"

enum { REST_PERIOD_MS = 5000, LINGER_PERIOD_MS = 2000 };

static const struct session_phase linger_phase;

static int64_t period_ms(const struct session *session) {
    return session->phase == &linger_phase ? LINGER_PERIOD_MS : REST_PERIOD_MS;
}

static void begin_period(struct session *session) {
    int64_t end_ms = sessions_now_ms(session->sessions) + period_ms(session);
    session->dropped_before = session->dropped;
    session->deadline_ms = clock_earlier(end_ms, session->drop_until_ms);
}

void session_drop_begin(struct session *session) {
    int64_t most_ms = session->sessions->shared.draining ? DROP_DRAIN_MS : DROP_TOTAL_MS;
    int64_t until_ms = sessions_now_ms(session->sessions) + most_ms;
    session->drop_until_ms =
        session->drop_until_ms == 0 ? until_ms : clock_earlier(session->drop_until_ms, until_ms);
    begin_period(session);
}

bool session_drop_again(struct session *session) {
    uint64_t rate = session->sessions->shared.current->config->limits.body_rate;
    uint64_t least = rate * (uint64_t)period_ms(session) / 1000;
    if (sessions_now_ms(session->sessions) >= session->drop_until_ms ||
        session->dropped - session->dropped_before < (least == 0 ? 1 : least)) {
        return false;
    }
    begin_period(session);
    return true;
}

void session_drop_hurry(struct session *session) {
    int64_t until_ms = sessions_now_ms(session->sessions) + DROP_DRAIN_MS;
    session->drop_until_ms = clock_earlier(session->drop_until_ms, until_ms);
    session->deadline_ms = clock_earlier(session->deadline_ms, until_ms);
}

bool session_drops_now(struct session *session) {
    if (session->drop_until_ms == 0) {
        session_drop_begin(session);
    }
    return sessions_now_ms(session->sessions) < session->drop_until_ms;
}

// --- the phase ---

static enum result step(struct session *session) {
    if (transport_drop_received(&session->transport, &session->dropped) == RESULT_OK) {
        session_close(session);
    }
    return RESULT_AGAIN;
}

static int arm(struct session *session) {
    (void)session;
    return EV_READ;
}

static void time_out(struct session *session) {
    if (session_drop_again(session)) {
        session_await_deadline(session);
    } else {
        session_close(session);
    }
}

static void drain(struct session *session) {
    session_drop_hurry(session);
    session_await_deadline(session);
}

static const struct session_phase linger_phase = {
    .step = step,
    .arm = arm,
    .time_out = time_out,
    .drain = drain,
};

// Ravelin's direction has ended.
static void linger(struct session *session) {
    session_enter(session, &linger_phase);
    transport_drop_buffers(&session->transport);
    pool_close_kept(&session->kept);
    session_drop_begin(session);
    session_wait(session);
}

void session_cut(struct session *session) {
    struct transport *transport = &session->transport;
    if (transport->end != TRANSPORT_OPEN || transport_has_unsent(transport)) {
        session_close(session);
        return;
    }
    transport_shut(transport);
    linger(session);
}

void session_end(struct session *session, uint8_t alert) {
    if (session->phase == NULL || session->phase == &linger_phase) {
        return;
    }
    session_set_idle(session, false);
    transport_shutdown(&session->transport, alert);
    // A client that has ended its direction sends no more bytes, so close() sends no reset.
    if (session->transport.end == TRANSPORT_ENDED || session->transport.end == TRANSPORT_CUT) {
        session_close(session);
        return;
    }
    linger(session);
}
