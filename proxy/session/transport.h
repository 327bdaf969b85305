// The client's side of a session: receives and sends bytes, as TLS records sealed and opened in
// place, or plain.
//
// The functions are the same for all kinds of transport. transport_receive() reads bytes into a
// ring. transport_open() turns them into segments of plaintext, in place. transport_consume()
// releases segments. Outgoing plaintext is written into the slots of a send buffer and named by
// spans. transport_seal() seals it in place, and transport_flush() sends it with one sendmsg.
//
// A transport begins raw. transport_input(), transport_take() and transport_write() serve the PROXY
// header and the handshake. Then records_commit() (records.h) or plain_commit() (plain.h) sets its
// kind for the rest of its life. The differences between kinds are in transport_kind.h.
//
// Invariants: a raw transport gives out no plaintext and seals none. Only the files of the
// transport may use the ring, the record layer and the space for sealed output.
//
// Body bytes are never copied here, in either direction: only the AEAD touches them. Both buffers
// are allocated only while they hold bytes. transport_trim() frees empty buffers.
//
// Readiness: the loop's callbacks set `readable` and `writable`. The transport clears them after a
// short read or write. It never makes a read only to find out whether bytes are there.
#ifndef RAVELIN_SESSION_TRANSPORT_H
#define RAVELIN_SESSION_TRANSPORT_H

#include "base/result.h"
#include "base/ring.h"
#include "base/slab.h"
#include "base/slice.h"
#include "base/socket.h"
#include "exchange/stream.h"
#include "observe/metrics.h"
#include "tls/record/record.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#define SEGMENTS_MAX 16

// A run of plaintext in the ring.
struct segment {
    uint8_t *data;
    uint32_t size;
    uint64_t position; // ring position of data
};

struct receive_buffer {
    struct ring *ring;
    uint64_t opened; // ring position up to which bytes have been turned into segments
    uint32_t first;  // index in segments[]
    uint32_t count;
    struct segment segments[SEGMENTS_MAX];
};

// A slot holds the bytes of a server for one record. Before them is space for a record header and a
// chunk-size line. After them is space for CRLF, the inner content type and the tag.
#define SEND_SLOTS ROOM_PARTS
#define SLOT_LEAD 32
#define SLOT_TAIL 32
// Two limits: a chunk line and CRLF must fit in the same record, and the records of all slots must
// fit in one TCP segment of the loopback (SEGMENT_MAX). A few bytes more would be sent as another
// segment each time, which costs a third more system time.
#define SLOT_READ_MAX ((size_t)RECORD_PAYLOAD_MAX - 64)
#define SEGMENT_MAX (65536 - 40 - 32) // its MTU minus the headers of IPv6 and TCP with timestamps
#define SLOT_SIZE (SLOT_LEAD + SLOT_READ_MAX + SLOT_TAIL)
#define SPANS_MAX 16

// A client can decrypt a record only when it has received its last byte. A connection that is new,
// or was idle, sends about ten packets in its first round trip and twice as many in the next. The
// first bytes of a 16 KiB record would therefore wait for the second round trip. So the connection
// is cold until COLD_SIZE bytes have been sent: a slot gets at most COLD_READ_MAX, which is three
// packets.
#define COLD_SIZE 65536
#define COLD_READ_MAX ((size_t)4096)

// A run of plaintext that is sent as one record.
struct span {
    uint8_t *data;
    uint32_t size;
    uint32_t slot;
};

struct send_buffer {
    struct room room;    // slots, as lent to an exchange
    uint32_t first_slot; // slot of the first part of the room
    uint32_t span_count;
    uint32_t iov_first;
    uint32_t iov_count;
    struct span spans[SPANS_MAX];
    struct iovec iov[SPANS_MAX * 3 + 1];
    uint8_t side[SPANS_MAX]
                // Header and tag of records without space around them.
                [RECORD_HEADER_SIZE + RECORD_TAG_SIZE];
    uint8_t key_update[RECORD_KEY_UPDATE_SIZE];
    uint8_t slots[SEND_SLOTS][SLOT_SIZE];
};

static inline uint8_t *slot_payload(struct send_buffer *buffer, uint32_t slot) {
    return buffer->slots[slot] + SLOT_LEAD;
}

// State of the client's direction. Later values are worse: a transport never returns to an earlier
// one.
enum transport_end {
    TRANSPORT_OPEN,
    TRANSPORT_ENDED,  // the client has ended its direction in order (close_notify; plain: FIN)
    TRANSPORT_BROKEN, // a record could not be opened; `alert` must be sent
    TRANSPORT_CUT,    // the connection broke or ended without close_notify; nothing can be sent
};

// System calls of a transport. Tests replace them, to produce rare results of a kernel.
struct transport_calls {
    ssize_t (*recv)(int fd, void *data, size_t size, int flags);
    ssize_t (*send)(int fd, const void *data, size_t size, int flags);
    ssize_t (*send_parts)(int fd, struct iovec *parts, size_t count); // socket_send()
    int (*shutdown)(int fd, int how);
    int64_t (*round_trip_us)(int fd);             // socket_round_trip_us()
    void (*limit_unsent)(int fd, uint32_t size);  // socket_limit_unsent()
    void (*set_low_water)(int fd, uint32_t size); // socket_set_low_water()
};

// The state that all transports of a worker share.
struct transport_pools {
    struct slab receive_buffers;
    struct slab send_buffers;
    struct ring_pool rings;
    struct record_engine *engine;
    struct metrics_slot *metrics;
    struct transport_calls calls;
};

bool transport_pools_init(struct transport_pools *pools, struct metrics_slot *metrics);
void transport_pools_free(struct transport_pools *pools);
void transport_pools_trim(struct transport_pools *pools);

struct transport_kind;

struct transport {
    struct transport_pools *pools;
    const struct transport_kind *kind;
    int fd;
    enum transport_end end;
    uint8_t alert;   // to send after TRANSPORT_BROKEN
    bool in_records; // the client can use a byte only after it has received the whole record
    bool readable;
    bool writable;
    uint64_t received; // bytes received so far
    uint64_t sent;     // bytes sent since the commit
    uint64_t warm_at;  // the connection is cold until `sent` reaches this value
    uint64_t consumed; // bytes of segments released so far
    struct receive_buffer *receive;
    struct send_buffer *send;
    struct record_layer records; // used by the kind that seals and opens records
};

// Makes a raw transport, and takes ownership of the descriptor.
void transport_init(struct transport *transport, struct transport_pools *pools, int fd);
// Frees buffers, wipes keys, closes the descriptor. May be called again.
void transport_close(struct transport *transport);

// --- raw ---

struct transport_input {
    uint8_t *data; // may be modified
    size_t size;
};
// Received bytes that were not taken.
struct transport_input transport_input(const struct transport *transport);
void transport_take(struct transport *transport, size_t size);
// Sends raw bytes. *sent: number of sent bytes, for every result. RESULT_OK: all were sent.
// RESULT_AGAIN: the client does not accept more now. RESULT_ERROR: TRANSPORT_CUT.
enum result transport_write(struct transport *transport, struct slice bytes,
                            size_t *sent) MUST_CHECK;

// --- receiving ---

// Calls recv() once, if the descriptor is readable and the ring has space. RESULT_OK: bytes were
// received. RESULT_AGAIN: nothing to do now. RESULT_EOF: the end of the connection was read
// (TRANSPORT_ENDED or TRANSPORT_CUT). RESULT_ERROR: the connection broke, or memory is short
// (TRANSPORT_CUT).
enum result transport_receive(struct transport *transport) MUST_CHECK;
// Opens received records into segments, while there is space for segments. RESULT_ERROR:
// TRANSPORT_BROKEN or TRANSPORT_CUT.
enum result transport_open(struct transport *transport) MUST_CHECK;
static inline bool transport_has_segments(const struct transport *transport) {
    return transport->receive != NULL && transport->receive->count > 0;
}
static inline struct segment *transport_segment(const struct transport *transport, uint32_t index) {
    return &transport->receive->segments[(transport->receive->first + index) % SEGMENTS_MAX];
}
static inline uint32_t transport_segment_count(const struct transport *transport) {
    return transport->receive == NULL ? 0 : transport->receive->count;
}
// Received bytes in the ring, whether they were opened or not.
static inline size_t transport_held(const struct transport *transport) {
    return transport->receive == NULL ? 0 : ring_used(transport->receive->ring);
}
// Releases the first `size` bytes of the segments.
void transport_consume(struct transport *transport, size_t size);
// Whether more could be received and the ring has space for it.
bool transport_wants_receive(const struct transport *transport);

// From now on, the loop reports no fewer received bytes than `size`. It always reports the end of
// the connection. 1: it reports any byte.
static inline void transport_set_low_water(const struct transport *transport, uint32_t size) {
    transport->pools->calls.set_low_water(transport->fd, size);
}

// Reads a bounded number of received bytes and drops them. *dropped grows by their number.
// RESULT_AGAIN: more may arrive. RESULT_OK: the client has ended or broken the connection.
enum result transport_drop_received(struct transport *transport, uint64_t *dropped) MUST_CHECK;
// Has the kernel acknowledge received bytes at once.
void transport_acknowledge(const struct transport *transport);
// The local address of the connection. 0.0.0.0:0: the kernel does not give it.
struct address transport_local_address(const struct transport *transport);

// --- sending ---

// Call it after an idle period, because the congestion window may have been reset.
static inline void transport_cool(struct transport *transport) {
    transport->warm_at = transport->sent + COLD_SIZE;
}
static inline bool transport_is_cold(const struct transport *transport) {
    return transport->in_records && transport->sent < transport->warm_at;
}

// Returns the send buffer, and allocates it if there is none. NULL: memory is short.
struct send_buffer *transport_send_buffer(struct transport *transport);
// Adds plaintext in `slot`. Joins it to the span before it, if they touch and fit in one record.
// False: no space for another span.
bool transport_add_span(struct send_buffer *buffer, uint32_t slot, uint8_t *data, size_t size);
// Seals all spans. No byte may be unsent. RESULT_ERROR: the kind failed (TRANSPORT_CUT).
enum result transport_seal(struct transport *transport) MUST_CHECK;
// Sends sealed bytes. RESULT_OK: all were sent. RESULT_AGAIN: the client does not accept more now.
enum result transport_flush(struct transport *transport) MUST_CHECK;
static inline bool transport_has_unsent(const struct transport *transport) {
    return transport->send != NULL && transport->send->iov_first < transport->send->iov_count;
}
// Whether the lent room holds bytes that its exchange has not used.
static inline bool transport_has_unread(const struct transport *transport) {
    return transport->send != NULL && room_unread(&transport->send->room) > 0;
}
// Sends a KeyUpdate, if one must be sent and no other byte is unsent.
enum result transport_send_key_update(struct transport *transport) MUST_CHECK;
// From now on, the kernel accepts no bytes while it has `size` or more that it has not sent yet.
static inline void transport_limit_unsent(const struct transport *transport, uint32_t size) {
    transport->pools->calls.limit_unsent(transport->fd, size);
}
// Bytes that the client has acknowledged so far, including those before the commit. See
// socket_acknowledged().
uint64_t transport_acknowledged(const struct transport *transport);
// Shortest round trip to the client in the last time, in µs; 0: unknown.
static inline int64_t transport_round_trip_us(const struct transport *transport) {
    return transport->pools->calls.round_trip_us(transport->fd);
}
// Sends an alert (0: close_notify), if the kind has alerts, and ends Ravelin's direction. Best
// effort. Sends no alert if any byte is unsent. If the client's direction has ended, alert and end
// may wait for transport_close(), which must follow.
void transport_shutdown(struct transport *transport, uint8_t alert);
// Ends Ravelin's direction without an alert, so that the client sees the response as incomplete.
// Best effort. No byte may be unsent.
void transport_shut(const struct transport *transport);
// Frees both buffers with their bytes. These bytes are neither read nor sent.
void transport_drop_buffers(struct transport *transport);
// Frees empty buffers.
void transport_trim(struct transport *transport);
static inline bool transport_has_buffers(const struct transport *transport) {
    return transport->receive != NULL || transport->send != NULL;
}

#endif
