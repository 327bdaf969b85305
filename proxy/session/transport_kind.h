// A kind of transport: the functions that differ between kinds, and functions of transport.c for
// all kinds. Private to transport.c, records.h and plain.h.
//
// A verb is called once a round (owes() once a record), never once a byte.
#ifndef RAVELIN_SESSION_TRANSPORT_KIND_H
#define RAVELIN_SESSION_TRANSPORT_KIND_H

#include "session/transport.h"

struct transport_kind {
    bool in_records; // see struct transport
    // Receives once. The buffer exists and its ring has space. Results as of transport_receive().
    enum result (*receive)(struct transport *transport);
    // Turns the bytes in the ring from `opened` on into segments. RESULT_ERROR: TRANSPORT_CUT, or
    // TRANSPORT_BROKEN with `alert`.
    enum result (*open)(struct transport *transport);
    // Turns the spans into iov[], which is empty before. RESULT_ERROR: nothing more can be sent.
    enum result (*seal)(struct transport *transport);
    // Whether seal() must be called soon, although there are no spans.
    bool (*owes)(const struct transport *transport);
    // Sends an alert, if the socket accepts it at once.
    void (*say)(struct transport *transport, uint8_t alert);
};

// Sets the kind of a transport for the rest of its life. Cannot fail.
void transport_commit(struct transport *transport, const struct transport_kind *kind);
// Sets the state of the client's direction to `end`, unless the present state is worse.
static inline void transport_ends(struct transport *transport, enum transport_end end) {
    if (transport->end < end) {
        transport->end = end;
    }
}

// Calls recv() once, into the ring. `at_end`: state of the client's direction if the connection has
// ended. Results as of transport_receive().
enum result transport_read(struct transport *transport, enum transport_end at_end) MUST_CHECK;
// Adds a segment of plaintext in the ring, at or behind `opened`. There must be space for it.
void transport_add_segment(struct receive_buffer *receive, uint8_t *data, size_t size);
// Releases bytes before `opened` that became no segment, if no segment is before them.
void transport_release_opened(struct receive_buffer *receive);
// Adds bytes to iov[], joined to those before them if they touch.
void transport_add_iov(struct send_buffer *buffer, uint8_t *data, size_t size);
// The verbs owes() and say() of a kind that sends no bytes of its own.
bool transport_owes_nothing(const struct transport *transport);
void transport_says_nothing(struct transport *transport, uint8_t alert);

#endif
