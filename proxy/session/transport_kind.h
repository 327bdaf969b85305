// A kind of transport: the verbs in which kinds differ, and what transport.c lends to all of them.
// Private to transport.c, records.h and plain.h.
//
// A verb is called once a round (owes() once a record), never once a byte.
#ifndef RAVELIN_SESSION_TRANSPORT_KIND_H
#define RAVELIN_SESSION_TRANSPORT_KIND_H

#include "session/transport.h"

struct transport_kind {
    bool in_records; // see struct transport
    // Receives once. The buffer exists and its ring has room. Results as of transport_receive().
    enum result (*receive)(struct transport *transport);
    // Turns what lies in the ring from `opened` on into segments. RESULT_ERROR: TRANSPORT_CUT, or
    // TRANSPORT_BROKEN with `alert`.
    enum result (*open)(struct transport *transport);
    // Turns the spans into iov[], which is empty before. RESULT_ERROR: no more may be sent.
    enum result (*seal)(struct transport *transport);
    // Whether seal() must be called soon although there are no spans.
    bool (*owes)(const struct transport *transport);
    // Sends an alert, as far as the socket takes it at once.
    void (*say)(struct transport *transport, uint8_t alert);
};

// The one point at which a transport gets its kind for the rest of its life. Cannot fail.
void transport_commit(struct transport *transport, const struct transport_kind *kind);
// The client's direction is now like that, if it was not worse before.
static inline void transport_ends(struct transport *transport, enum transport_end end) {
    if (transport->end < end) {
        transport->end = end;
    }
}

// One recv() into the ring; `at_end` is what an end of the connection means. Results as of
// transport_receive().
enum result transport_read(struct transport *transport, enum transport_end at_end) MUST_CHECK;
// Names a run of plaintext that lies in the ring, at or behind `opened`. There must be room for it.
void transport_add_segment(struct receive_buffer *receive, uint8_t *data, size_t size);
// Bytes before `opened` that became no segment are let go when no segment lies before them.
void transport_release_opened(struct receive_buffer *receive);
// Adds bytes to what is sent next, joined to those before it where they touch.
void transport_add_iov(struct send_buffer *buffer, uint8_t *data, size_t size);
// The verbs owes() and say() of a kind that sends nothing of its own.
bool transport_owes_nothing(const struct transport *transport);
void transport_says_nothing(struct transport *transport, uint8_t alert);

#endif
