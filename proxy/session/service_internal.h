// Private to service.c; tests of the service may look inside, too.
#ifndef RAVELIN_SESSION_SERVICE_INTERNAL_H
#define RAVELIN_SESSION_SERVICE_INTERNAL_H

#include "session/listener.h"
#include "session/service.h"
#include "session/sessions.h"

struct service {
    struct service_options options;
    struct sessions sessions;
    struct generation *staged;
    struct listener_set listeners;
    struct listener_set staged_listeners;
    int staged_access_log_fd;
    bool access_log_ready;
    bool is_closed; // accepts no more connections, and ends with its last session
    int access_log_fd;
    uint64_t lines_lost; // log lines lost in both logs, as counted in the metrics
    ev_timer tick;
    ev_check turn_begin;
    ev_prepare turn_end;
    ev_idle busy; // active while there are unfinished sessions, so that the loop does not sleep
};

#endif
