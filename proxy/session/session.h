// A session: one client connection, from accept to close.
//
// Lifetimes: worker > service > session > exchange > lease. A session owns its transport and the
// objects of its phase. The phases of a connection follow each other: PROXY header
// (proxy_header.h), handshake (handshaking.h), HTTP (http1.h, http2.h) or tunnel (tunnel.h), end
// (linger.h). A phase is a table of verbs. session.c includes none of the phases.
//
// session_advance() does the work of a session. Loop callbacks only set flags of readiness and call
// session_advance(). It runs steps of the phase until no more can be done now. Then it sets the
// deadline, and watches for the events that the phase waits for. After a bounded number of steps,
// it continues in the next turn of the loop, so that a fast client and server do not block other
// sessions.
//
// session_close() may be called at any point and more than once. The memory is freed at the end of
// the loop turn.
//
// An idle keep-alive session holds only this struct: no ring, no send buffer, no wolfSSL object, no
// key schedule. Exception: it keeps the connections that a server authenticates (backend/pool.h),
// at most one for each backend, until the session ends.
//
// A reload may happen between any two calls. Therefore every buffer has its own capacity, and a
// handshake or an exchange holds the generation with which it began. sessions->shared.current is
// read only where something begins. It never bounds memory that exists already.
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

#define SESSION_NO_LISTENER UINT32_MAX

// A committed reload.
struct reload {
    const struct generation *before;
    const struct generation *now;
    // Indexes in `now` of the listeners of `before`; SESSION_NO_LISTENER: removed.
    uint32_t listeners[CONFIG_LISTENERS_MAX];
};

// A part of a session's life. Only step(), arm() and time_out() are never NULL.
struct session_phase {
    // Does one step. RESULT_OK: another step may follow at once. The session may be in another
    // phase afterwards, or closed.
    enum result (*step)(struct session *session);
    // Called when nothing more can be done now. Sets the deadline, and returns the events of the
    // client's socket to wait for (EV_READ, EV_WRITE). May close the session.
    int (*arm)(struct session *session);
    // The deadline has passed.
    void (*time_out)(struct session *session);
    // The service drains. Must not close the session. NULL: this phase continues, and the next one
    // checks for the drain.
    void (*drain)(struct session *session);
    // A reload was committed. Must not close the session. NULL: the next phase uses the new
    // generation.
    void (*reload)(struct session *session, const struct reload *reload);
    // Another phase follows, or the session is closed. Frees the objects of this phase. NULL: none.
    void (*leave)(struct session *session);
};

struct session {
    struct list_node node;      // in sessions->open, or in sessions->closed
    struct list_node turn_node; // in sessions->unfinished, or in no list
    struct sessions *sessions;
    struct transport transport;
    ev_io watcher;
    struct wheel_node due;             // in sessions->wheel
    int64_t deadline_ms;               // when time_out() of the phase is called
    uint32_t steps_left;               // steps left in this turn of the loop
    const struct session_phase *phase; // NULL: closed; the memory is not freed yet
    struct client client;
    bool offers_http2;       // the listener offers HTTP/2 by ALPN
    bool counted;            // counted in the table of clients
    bool counted_idle;       // counted as idle in the metrics
    bool advancing;          // session_advance() is on the stack
    bool again;              // session_advance() must run once more
    uint64_t dropped;        // bytes dropped so far: of requests, and after the end
    uint64_t dropped_before; // value of `dropped` when this period of dropping began
    int64_t drop_until_ms;   // when dropping ends; 0: dropping has not begun
    uint64_t client_key;     // key in the table of clients
    int64_t accepted_us;     // monotonic clock
    struct handshake *handshake;
    struct generation *handshake_generation;
    uint64_t signing; // number of the signature that the handshake waits for; 0: none
    struct signing_owner signing_owner;
    // Only for a listener with a backend of its own, until the tunnel begins: a reference to its
    // generation. NULL: HTTP.
    struct generation *listener_generation;
    // Index of the listener in that generation, or else in the current one. SESSION_NO_LISTENER: a
    // reload has removed the listener, or the tunnel has begun.
    uint32_t listener;
    struct http1 http1;
    struct http2 *http2;   // NULL: the client does not use HTTP/2
    struct list_node kept; // connections to servers that are bound to this client
};

// Makes a session without a phase, and takes ownership of the client's descriptor. NULL: no memory;
// the descriptor is closed.
struct session *session_new(struct sessions *sessions, int fd, const struct sockaddr *peer);
// Leaves the present phase, if there is one, and enters `phase`.
void session_enter(struct session *session, const struct session_phase *phase);
// Waits for bytes of the client and for the deadline.
void session_wait(struct session *session);
// Sets the address of the client: of the peer, or from the PROXY header. An IPv4-mapped IPv6
// address becomes an IPv4 address.
void session_set_client(struct session *session, const struct sockaddr *address);
void session_advance(struct session *session);
// Call it after a change of deadline_ms.
void session_await_deadline(struct session *session);
// Counts the session as idle, or no longer as idle, in the metrics.
void session_count_idle(struct session *session, bool idle);
// The service drains. Calls drain() of the phase.
void session_drain(struct session *session);
// A reload was committed.
void session_reload(struct session *session, const struct reload *reload);
// Closes the connection at once, without close_notify, so that the client sees the received
// response as incomplete.
void session_close(struct session *session);
// Closes a session that is over a limit or not allowed, and logs the reason `why`.
void session_refuse(struct session *session, const char *why);
// Frees a closed session. The service calls it at the end of a loop turn.
void session_free(struct session *session);

// The event that the loop must report before more can be received. 0: none.
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
