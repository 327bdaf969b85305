// What the parts of session/ know of their service; nobody outside session/ includes it.
#ifndef RAVELIN_SESSION_SERVICE_INTERNAL_H
#define RAVELIN_SESSION_SERVICE_INTERNAL_H

#include "backend/pool.h"
#include "base/clock.h"
#include "base/pages.h"
#include "base/rate.h"
#include "base/wheel.h"
#include "exchange/generation.h"
#include "http/forwarded.h"
#include "observe/access_log.h"
#include "session/complaints.h"
#include "session/listener.h"
#include "session/service.h"
#include "session/session.h"
#include "session/signing.h"
#include "session/transport.h"

#include <ev.h>

#define HTTP_FIELDS_MAX 1000 // the largest header-count; responses may use it all

struct service {
    struct service_options options;
    struct generation *current;
    struct generation *staged;
    struct listener_set listeners;
    struct listener_set staged_listeners;
    int staged_access_log_fd;
    struct list_node sessions;
    struct list_node closed;     // freed at the end of the loop turn
    struct list_node unfinished; // sessions that have used up their turn
    struct wheel wheel;          // of all that waits for a time
    struct pages session_pages;
    struct slab exchange_slab;
    struct transport_pools transports;
    struct pool pool;
    struct signing signing;
    struct access_log access_log;
    bool access_log_ready;
    int access_log_fd;
    uint64_t lines_lost; // of both logs, as counted in the metrics
    bool draining;
    ev_timer tick;
    ev_timer wheel_timer;
    int64_t wheel_timer_ms; // when it fires; INT64_MAX: never
    ev_check turn_begin;
    ev_prepare turn_end;
    ev_idle busy; // active while there are unfinished sessions: the loop does not sleep then
    int64_t wall_offset_us; // of the wall clock before the monotonic one, looked at once a second
    int64_t now_ms;         // of the monotonic clock, as this loop turn began
    time_t date_second;
    char date[CLOCK_HTTP_DATE_SIZE];
    struct http_fields fields; // scratch: of the head being parsed
    struct http_told told;     // scratch: what a trusted proxy told in it
    char *scratch;             // scratch: a response head being encoded
    size_t scratch_size;
    struct complaints complaints;
    struct rate refusal_lines; // of refused handshakes, see refusals.h
};

static inline int64_t service_now_ms(const struct service *service) {
    return service->now_ms;
}

// Has the callback of this node called, at this time or somewhat later.
void service_await(struct service *service, struct wheel_node *node, int64_t at_ms);

// The scratch space for the fields of a message, for at most `most` of them. The array itself bounds
// them too, whatever a configuration says.
static inline struct http_fields *service_fields(struct service *service, uint32_t most) {
    service->fields.capacity = most < HTTP_FIELDS_MAX ? most : HTTP_FIELDS_MAX;
    return &service->fields;
}

// The Date of this second, for responses.
struct slice service_date(struct service *service);

#endif
