// What the parts of session/ know of their service; nobody outside session/ includes it.
#ifndef RAVELIN_SESSION_SERVICE_INTERNAL_H
#define RAVELIN_SESSION_SERVICE_INTERNAL_H

#include "base/pages.h"
#include "base/rate.h"
#include "base/wheel.h"
#include "exchange/shared.h"
#include "session/listener.h"
#include "session/service.h"
#include "session/session.h"
#include "session/signing.h"
#include "session/transport.h"

#include <ev.h>

struct service {
    struct service_options options;
    struct shared shared; // what exchanges know of their service
    struct generation *staged;
    struct listener_set listeners;
    struct listener_set staged_listeners;
    int staged_access_log_fd;
    struct list_node sessions;
    struct list_node closed;     // freed at the end of the loop turn
    struct list_node unfinished; // sessions that have used up their turn
    struct wheel wheel;          // of all that waits for a time
    struct pages session_pages;
    struct slab http1_streams;
    struct transport_pools transports;
    struct signing signing;
    bool access_log_ready;
    int access_log_fd;
    uint64_t lines_lost; // of both logs, as counted in the metrics
    ev_timer tick;
    ev_timer wheel_timer;
    int64_t wheel_timer_ms; // when it fires; INT64_MAX: never
    ev_check turn_begin;
    ev_prepare turn_end;
    ev_idle busy; // active while there are unfinished sessions: the loop does not sleep then
    struct rate refusal_lines; // of refused handshakes, see refusals.h
};

static inline int64_t service_now_ms(const struct service *service) {
    return shared_now_ms(&service->shared);
}

// Has the callback of this node called, at this time or somewhat later.
void service_await(struct service *service, struct wheel_node *node, int64_t at_ms);

#endif
