#include "session/session_drop.h"

#include "session/service_internal.h"

enum { REST_PERIOD_MS = 5000, LINGER_PERIOD_MS = 2000 };

static int64_t min_ms(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t period_ms(const struct session *session) {
    return session->state == SESSION_LINGER ? LINGER_PERIOD_MS : REST_PERIOD_MS;
}

static void begin_period(struct session *session) {
    int64_t end_ms = service_now_ms(session->service) + period_ms(session);
    session->dropped_before = session->dropped;
    session->deadline_ms = min_ms(end_ms, session->drop_until_ms);
}

void session_drop_begin(struct session *session) {
    int64_t most_ms = session->service->shared.draining ? DROP_DRAIN_MS : DROP_TOTAL_MS;
    int64_t until_ms = service_now_ms(session->service) + most_ms;
    session->drop_until_ms =
        session->drop_until_ms == 0 ? until_ms : min_ms(session->drop_until_ms, until_ms);
    begin_period(session);
}

bool session_drop_again(struct session *session) {
    uint64_t rate = session->service->shared.current->config->limits.body_rate;
    uint64_t least = rate * (uint64_t)period_ms(session) / 1000;
    if (service_now_ms(session->service) >= session->drop_until_ms ||
        session->dropped - session->dropped_before < (least == 0 ? 1 : least)) {
        return false;
    }
    begin_period(session);
    return true;
}

void session_drop_hurry(struct session *session) {
    int64_t until_ms = service_now_ms(session->service) + DROP_DRAIN_MS;
    session->drop_until_ms = min_ms(session->drop_until_ms, until_ms);
    session->deadline_ms = min_ms(session->deadline_ms, until_ms);
}

bool session_may_drop(struct session *session) {
    if (session->drop_until_ms == 0) {
        session_drop_begin(session);
    }
    return service_now_ms(session->service) < session->drop_until_ms;
}
