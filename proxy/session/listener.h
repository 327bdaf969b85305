// Listeners: accepting client connections on sockets the master opened for this worker's slot.
//
// A set belongs to one generation; at a reload the new set starts before the old one stops, and
// both watch the same sockets where the addresses are the same, so no queued connection is lost.
// The set owns its descriptors.
#ifndef RAVELIN_SESSION_LISTENER_H
#define RAVELIN_SESSION_LISTENER_H

#include "config/config.h"

#include <ev.h>
#include <stddef.h>

struct service;

struct listener {
    struct service *service;
    ev_io watcher;
    ev_timer pause; // after the process ran out of descriptors
    enum listen_protocol protocol;
    bool proxy_protocol;
    int batch;     // how many connections to accept when some wait
    unsigned turn; // of the loop, when some were accepted last
};

struct listener_set {
    struct listener *listeners;
    size_t count;
};

// Takes the descriptors, on failure too. False when memory is short.
bool listener_set_init(struct listener_set *set, struct service *service,
                       const struct config *config, const int *fds, size_t count);
void listener_set_start(struct listener_set *set);
// Accepts all that wait in the queues, which closing would reset.
void listener_set_accept_queued(struct listener_set *set);
void listener_set_free(struct listener_set *set); // stops and closes

#endif
