// A session: one client connection, from accept to close.
//
// Lifetimes: worker > service > session > exchange > lease. The service owns its sessions; a
// session owns its transport, its handshake while there is one, and at most one exchange at a time
// (pipelined requests wait in the ring).
//
// session_advance() is the one function that decides: loop callbacks note readiness and call it; it
// does all that can be done now and then has the loop watch for exactly what is needed, and puts
// the session where the service finds it when it is due. With a client and a server that never let
// it wait there would be no end to that: after a bounded number of steps it goes on in the next
// turn of the loop. session_close() may be called at any point and more than once; the memory goes
// back at the end of the loop turn.
//
// An idle keep-alive session holds this struct and nothing else: no ring, no send buffer, no
// wolfSSL object, no key schedule. Only connections that a server authenticates (backend/pool.h)
// stay with it, at most one for each backend, until it ends.
//
// A reload may happen between any two calls. Every buffer carries its own capacity, and a handshake
// or an exchange holds the generation that it began with. service->shared.current is read only
// where something begins, and never to bound memory that exists already.
#ifndef RAVELIN_SESSION_SESSION_H
#define RAVELIN_SESSION_SESSION_H

#include "base/list.h"
#include "base/network.h"
#include "base/wheel.h"
#include "exchange/client.h"
#include "exchange/generation.h"
#include "session/http1.h"
#include "session/signing.h"
#include "session/transport.h"
#include "tls/handshake/handshake.h"

#include <ev.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct listener;
struct service;

enum session_state {
    SESSION_PROXY_HEADER, // of a listener whose clients come through a proxy that says who they are
    SESSION_HANDSHAKE,
    SESSION_OPEN,
    SESSION_LINGER, // our direction is closed; what the client still sends is thrown away
    SESSION_CLOSED, // waits to be freed
};

struct session {
    struct list_node node;      // in service->sessions, or in service->closed
    struct list_node turn_node; // in service->unfinished, or in no list
    struct service *service;
    struct transport transport;
    ev_io watcher;
    struct wheel_node due; // in service->wheel
    int64_t deadline_ms;   // when something must have happened
    uint32_t steps_left;   // of this turn of the loop: then others have theirs
    enum session_state state;
    struct client client;
    bool counted; // in the table of clients
    bool counted_idle;
    bool advancing;          // session_advance() is on the stack
    bool again;              // and must run once more
    uint64_t dropped;        // bytes of requests and after the end, ever
    uint64_t dropped_before; // when this period of dropping began
    int64_t drop_until_ms;   // dropping ends then, whatever arrives; 0: it has not begun
    uint64_t client_key;     // in the table of clients
    int64_t accepted_us;     // monotonic clock
    struct handshake *handshake;
    struct generation *handshake_generation;
    uint64_t signing; // number of the signature waited for; 0: none
    struct signing_owner signing_owner;
    struct http1 http1;
    struct list_node kept; // connections to servers that are bound to this client
};

// Takes over a descriptor that `listener` accepted. Closes it when memory is short.
void session_start(const struct listener *listener, int fd, const struct sockaddr_storage *peer);
// Says who the client is: the peer of the connection, or whom that names. An IPv4 address inside an
// IPv6 one is kept as IPv4.
void session_set_client(struct session *session, const struct sockaddr *address);
// The client is known: counts it and begins the handshake (or HTTP, where the listener is plain).
void session_begin(struct session *session);
void session_advance(struct session *session);
// The deadline was changed.
void session_await_deadline(struct session *session);
// Counts it among the idle ones, or no more.
void session_count_idle(struct session *session, bool idle);
// The service drains: between exchanges the session is due to end now.
void session_drain(struct session *session);
// Drops the connection at once, without close_notify: what the client has received is to be seen as
// cut.
void session_close(struct session *session);
// Ends it so that the client, which still sends, sees what it has received as cut. What it sends is
// dropped, as a reset would destroy what it has not read.
void session_cut(struct session *session);
// Ends it in order: sends the alert (0: close_notify), then lingers. Nothing must be unsent.
void session_end(struct session *session, uint8_t alert);
// Frees what session_close() has left; the service calls it at the end of a loop turn.
void session_free(struct session *session);

static inline void session_set_idle(struct session *session, bool idle) {
    if (session->counted_idle != idle) {
        session_count_idle(session, idle);
    }
}

#endif
