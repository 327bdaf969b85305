// Listeners: accepting client connections on sockets the master opened for this worker's slot.
//
// A set belongs to one generation; at a reload the new set starts before the old one stops, and
// both watch the same sockets where the addresses are the same, so no queued connection is lost.
// The set owns its descriptors.
//
// Errors of accept4() are in one table in listener.c. A connection that failed by itself is
// skipped; where none can be accepted, the listener logs why, at most three lines at once and one
// in 10 seconds, and waits: 0.1 s in a shortage, up to 1 s if the socket does not listen any more,
// which the master notices (process/listeners.h).
#ifndef RAVELIN_SESSION_LISTENER_H
#define RAVELIN_SESSION_LISTENER_H

#include "base/rate.h"
#include "base/socket.h"
#include "config/config.h"

#include <ev.h>
#include <stddef.h>

struct sessions;

struct listener {
    struct sessions *sessions;
    ev_io watcher;
    ev_timer pause;          // while no connection can be accepted
    double pause_s;          // length of the last pause; 0: a connection was accepted since
    unsigned failures;       // connections that could not be accepted, in a row
    struct rate pause_lines; // of the log
    char address[ADDRESS_TEXT_SIZE];
    enum listen_protocol protocol;
    uint32_t index; // in the configuration
    bool proxy_protocol;
    bool http2;
    bool challenges;     // of ACME clients; see config/challenge.h
    uint16_t https_port; // of a redirect listener; 0: the generation knows
    int batch;           // how many connections to accept when some wait
    unsigned turn;       // of the loop, when some were accepted last
};

struct listener_set {
    struct listener *listeners;
    size_t count;
};

// Takes the descriptors, on failure too: one or more for each listener of the config, in its order
// again and again. False when memory is short or the number does not fit.
bool listener_set_init(struct listener_set *set, struct sessions *sessions,
                       const struct config *config, const int *fds, size_t count);
void listener_set_start(struct listener_set *set);
// Goes on with these sockets, one for each listener, and closes the former ones. False, with
// nothing done and `fds` still the caller's: the number does not fit.
bool listener_set_replace(struct listener_set *set, const int *fds, size_t count);
// Accepts all that wait in the queues, which closing would reset.
void listener_set_accept_queued(struct listener_set *set);
// A client has connected: begins its session. Takes over the descriptor.
void listener_start_session(const struct listener *listener, int fd, const struct sockaddr *peer);
void listener_set_free(struct listener_set *set); // stops and closes

#endif
