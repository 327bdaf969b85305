// Listeners: accept client connections on the sockets that the master opened for this worker's
// slot.
//
// A set belongs to one generation and owns its descriptors. At a reload, the new set starts before
// the old set stops. Both watch the same sockets for addresses that stay, so no queued connection
// is lost.
//
// listener.c has a table of the errors of accept4(). If one connection failed, the listener skips
// it. If no connection can be accepted, the listener logs the reason: at most three lines at once,
// then one in 10 seconds. Then it pauses: 0.1 s in a shortage, up to 1 s if the socket does not
// listen any more. The master notices such a socket (process/listeners.h).
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
    ev_timer pause;          // runs while no connection can be accepted
    double pause_s;          // length of the last pause; 0: a connection was accepted since
    unsigned failures;       // connections in a row that could not be accepted
    struct rate pause_lines; // limits the log lines about pauses
    char address[ADDRESS_TEXT_SIZE];
    enum listen_protocol protocol;
    uint32_t index; // index in the configuration
    bool proxy_protocol;
    bool http2;
    bool challenges;     // serves challenges of ACME clients; see config/challenge.h
    uint16_t https_port; // of a redirect listener; 0: the generation has the port
    int batch;           // largest number of connections to accept in one callback
    unsigned turn;       // turn of the loop in which connections were accepted last
};

struct listener_set {
    struct listener *listeners;
    size_t count;
};

// Initialises the set and takes ownership of the descriptors, also on failure.
//   fds    [count], `count` is a multiple of the number of listeners: one for each listener in the
//          order of the configuration, then again
//   False  memory is short or `count` does not fit
bool listener_set_init(struct listener_set *set, struct sessions *sessions,
                       const struct config *config, const int *fds, size_t count);
void listener_set_start(struct listener_set *set);
// Replaces the sockets and closes the former ones. `fds` as in listener_set_init(). False: `count`
// does not fit; nothing was done and the caller still owns `fds`.
bool listener_set_replace(struct listener_set *set, const int *fds, size_t count);
// Accepts all connections that wait in the queues, because closing the sockets would reset them.
void listener_set_accept_queued(struct listener_set *set);
// Begins the session of a new client. Takes ownership of the descriptor.
void listener_start_session(const struct listener *listener, int fd, const struct sockaddr *peer);
void listener_set_free(struct listener_set *set); // stops and closes

#endif
