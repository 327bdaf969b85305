// Request bodies that arrive fast are received in large pieces.
//
// On a fast path, a client writes one TLS record after another. A worker that is faster than its
// client then wakes up for each record: one turn of the loop, one recv() and one write to the
// server for 16 KiB. So while bodies arrive fast, the socket of the client becomes readable only
// with BULK_SIZE bytes.
//
// The delay is bounded. If nothing was received between two ticks of BULK_TICK_MS, the socket
// becomes readable with any byte again. If fewer bytes than BULK_SIZE are left of a body, or the
// client may not send as many now, this happens at once.
//
// Invariant: the low-water mark of the socket is more than 1 only while `active` is set. The stream
// or connection that contains the struct calls bulk_end() before it is freed.
#ifndef RAVELIN_SESSION_BULK_H
#define RAVELIN_SESSION_BULK_H

#include "session/session.h"

// Nearly a whole ring: seven of the largest records.
#define BULK_SIZE (RING_SIZE / 8 * 7)
#define BULK_TICK_MS 2
// Bulk receiving begins when BULK_BEGIN_SIZE bytes arrive within BULK_BEGIN_US. At this rate, 85
// MB/s, BULK_SIZE bytes arrive within a tick.
#define BULK_BEGIN_SIZE 262144
#define BULK_BEGIN_US 3000

// Zero it at the start.
struct bulk {
    bool active;
    struct list_node node; // in sessions->bulk; valid while active
    struct session *session;
    int64_t since_us;    // begin of the current measurement
    uint64_t since_size; // transport.received at that time
    uint64_t last_size;  // transport.received at the last tick
};

// Whether to call bulk_note() before the session waits for more bytes: bulk receiving is active, or
// bytes arrive fast.
static inline bool bulk_is_due(struct bulk *bulk, const struct session *session) {
    uint64_t received = session->transport.received;
    int64_t now_us = session->sessions->shared.turn_us;
    if (bulk->active || now_us - bulk->since_us <= BULK_BEGIN_US) {
        return bulk->active || received - bulk->since_size >= BULK_BEGIN_SIZE;
    }
    bulk->since_us = now_us;
    bulk->since_size = received;
    return false;
}
// Begins or ends bulk receiving.
//   expected  bytes that the client has to send and may send now; UINT64_MAX: unknown
void bulk_note(struct bulk *bulk, struct session *session, uint64_t expected);
// Ends bulk receiving. Does nothing if it is not active.
void bulk_end(struct bulk *bulk);

#endif
