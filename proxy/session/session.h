// A session: one client connection, from accept to close.
//
// Lifetimes: worker > service > session > exchange > lease. A session owns its transport and what
// its phase holds. The phases of a connection follow each other, each in a file: the PROXY header
// (proxy_header.h), the handshake (handshaking.h), HTTP (http1.h, http2.h), the end (linger.h). A
// phase is a row of verbs; session.c knows none of them.
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
// or an exchange holds the generation that it began with. sessions->shared.current is read only
// where something begins, and never to bound memory that exists already.
#ifndef RAVELIN_SESSION_SESSION_H
#define RAVELIN_SESSION_SESSION_H

#include "base/list.h"
#include "base/network.h"
#include "base/wheel.h"
#include "exchange/client.h"
#include "exchange/generation.h"
#include "session/http1_state.h"
#include "session/sessions.h"
#include "tls/handshake/handshake.h"

#include <ev.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct session;
struct http2;

// A part of a session's life.
struct session_phase {
    // One step; RESULT_OK when another may follow at once. The session may be in another phase
    // afterwards, or closed.
    enum result (*step)(struct session *session);
    // Nothing more can be done now: sets the deadline, and returns what the loop is to watch the
    // client for (EV_READ, EV_WRITE). May close the session.
    int (*arm)(struct session *session);
    // The deadline passed.
    void (*time_out)(struct session *session);
    // The service drains. Must not close the session. NULL: the phase goes on as before, and what
    // follows it sees the drain.
    void (*drain)(struct session *session);
    // Another phase follows, or the session is closed: gives up what this one holds. NULL: nothing.
    void (*leave)(struct session *session);
};

struct session {
    struct list_node node;      // in sessions->open, or in sessions->closed
    struct list_node turn_node; // in sessions->unfinished, or in no list
    struct sessions *sessions;
    struct transport transport;
    ev_io watcher;
    struct wheel_node due;             // in sessions->wheel
    int64_t deadline_ms;               // when something must have happened
    uint32_t steps_left;               // of this turn of the loop: then others have theirs
    const struct session_phase *phase; // NULL: closed, and waits to be freed
    struct client client;
    bool offers_http2; // by ALPN
    bool counted;      // in the table of clients
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
    // Of a listener that has a backend of its own, until the tunnel has begun: its generation,
    // which is held, and its place in there. NULL: HTTP.
    struct generation *listener_generation;
    uint32_t listener;
    struct http1 http1;
    struct http2 *http2;   // NULL unless HTTP/2 is spoken
    struct list_node kept; // connections to servers that are bound to this client
};

// Takes over the descriptor of a client, whose phase is still to be entered. NULL, the descriptor
// being closed: no memory.
struct session *session_new(struct sessions *sessions, int fd, const struct sockaddr *peer);
// Leaves the phase it is in, if any, and enters another.
void session_enter(struct session *session, const struct session_phase *phase);
// Has the loop watch for bytes of the client and for the deadline.
void session_wait(struct session *session);
// Says who the client is: the peer of the connection, or whom that names. An IPv4 address inside an
// IPv6 one is kept as IPv4.
void session_set_client(struct session *session, const struct sockaddr *address);
void session_advance(struct session *session);
// The deadline was changed.
void session_await_deadline(struct session *session);
// Counts it among the idle ones, or no more.
void session_count_idle(struct session *session, bool idle);
// The service drains: what it waits for is due soon.
void session_drain(struct session *session);
// Drops the connection at once, without close_notify: what the client has received is to be seen as
// cut.
void session_close(struct session *session);
// The same with one that is over a limit or not let in, which is logged.
void session_refuse(struct session *session, const char *why);
// Frees what session_close() has left; the service calls it at the end of a loop turn.
void session_free(struct session *session);

// What the loop has to tell of before more can be received.
static inline int session_read_event(const struct session *session) {
    const struct transport *transport = &session->transport;
    return transport_wants_receive(transport) && !transport->readable ? EV_READ : 0;
}

static inline void session_set_idle(struct session *session, bool idle) {
    if (session->counted_idle != idle) {
        session_count_idle(session, idle);
    }
}

#endif
