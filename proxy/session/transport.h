// The client's side of a session: bytes in and out, through TLS records sealed and opened in place,
// or plain.
//
// The verbs are the same for all kinds: transport_receive() brings bytes into a ring,
// transport_open() turns them into segments of plaintext that lie where they were received,
// transport_consume() lets them go; outgoing plaintext is put into the slots of a send buffer,
// named by spans, sealed where it lies and sent with one sendmsg.
//
// A transport begins raw: transport_input(), transport_take() and transport_write() serve the PROXY
// header and the handshake. Then it is committed to a kind for the rest of its life, by
// records_commit() (records.h) or plain_commit() (plain.h). What differs between kinds is a row of
// verbs, see transport_kind.h.
//
// Invariants: a raw transport gives out no plaintext and seals none. The ring, the record layer and
// the room for sealed output are for the files of the transport only.
//
// No body byte is copied here in either direction: the AEAD is the only code that touches it. Both
// buffers are held only while they hold bytes: transport_trim() gives empty ones back.
//
// Readiness: `readable` and `writable` are set by the loop's callbacks and cleared here after a
// short read or write; nothing is read "to make sure".
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
    uint64_t position; // of data in the ring
};

struct receive_buffer {
    struct ring *ring;
    uint64_t opened; // ring position up to which bytes have been turned into segments
    uint32_t first;  // of segments[]
    uint32_t count;
    struct segment segments[SEGMENTS_MAX];
};

// A slot holds one record's worth of bytes from a server, with room before it for a record header
// and our chunk-size line, and after it for CRLF, the inner content type and the tag.
#define SEND_SLOTS ROOM_PARTS
#define SLOT_LEAD 32
#define SLOT_TAIL 32
// A chunk line and CRLF must fit in the same record. And the records of all slots in one segment of
// the loopback (SEGMENT_MAX): a few bytes more would go as a segment of their own each time, which
// costs as much system time again as a third of the whole.
#define SLOT_READ_MAX ((size_t)RECORD_PAYLOAD_MAX - 64)
#define SEGMENT_MAX (65536 - 40 - 32) // its MTU less IPv6, TCP and timestamps
#define SLOT_SIZE (SLOT_LEAD + SLOT_READ_MAX + SLOT_TAIL)
#define SPANS_MAX 16

// A record is of use to the client when its last byte has come. A new connection, or one that has
// been idle, sends some ten packets in its first round trip and twice as many in the next: a record
// of 16 KiB would keep the first bytes waiting for the second. So until COLD_SIZE bytes have been
// sent it is cold, and a slot is filled with no more than COLD_READ_MAX, three packets.
#define COLD_SIZE 65536
#define COLD_READ_MAX ((size_t)4096)

// A run of plaintext to be sent as one record.
struct span {
    uint8_t *data;
    uint32_t size;
    uint32_t slot;
};

struct send_buffer {
    struct room room;    // slots, as they are lent
    uint32_t first_slot; // of the room
    uint32_t span_count;
    uint32_t iov_first;
    uint32_t iov_count;
    struct span spans[SPANS_MAX];
    struct iovec iov[SPANS_MAX * 3 + 1];
    uint8_t side[SPANS_MAX]
                [RECORD_HEADER_SIZE + RECORD_TAG_SIZE]; // for records with no room around them
    uint8_t key_update[RECORD_KEY_UPDATE_SIZE];
    uint8_t slots[SEND_SLOTS][SLOT_SIZE];
};

static inline uint8_t *slot_payload(struct send_buffer *buffer, uint32_t slot) {
    return buffer->slots[slot] + SLOT_LEAD;
}

// How the client's direction is. Later ones are worse: a transport never goes back to an earlier.
enum transport_end {
    TRANSPORT_OPEN,
    TRANSPORT_ENDED,  // the client sends nothing more, in good order (close_notify; plain: FIN)
    TRANSPORT_BROKEN, // a record could not be opened: `alert` is due
    TRANSPORT_CUT,    // the connection ended without close_notify, or broke; nothing can be sent
};

// The system calls of a transport. Tests put others in their place, to bring about what a kernel
// does only now and then.
struct transport_calls {
    ssize_t (*recv)(int fd, void *data, size_t size, int flags);
    ssize_t (*send)(int fd, const void *data, size_t size, int flags);
    ssize_t (*send_parts)(int fd, struct iovec *parts, size_t count); // socket_send()
    int (*shutdown)(int fd, int how);
};

// What all transports of a worker share.
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
    uint8_t alert;   // to be sent when TRANSPORT_BROKEN
    bool in_records; // the client can use a byte only when all of its record has come
    bool readable;
    bool writable;
    uint64_t received; // bytes, ever
    uint64_t sent;     // bytes after the commit, ever
    uint64_t warm_at;  // when `sent` is that
    uint64_t consumed; // bytes of segments let go, ever
    struct receive_buffer *receive;
    struct send_buffer *send;
    struct record_layer records; // of the kind that seals and opens records
};

// Raw, until it is committed. Takes over the descriptor.
void transport_init(struct transport *transport, struct transport_pools *pools, int fd);
// Gives back buffers, wipes keys, closes the descriptor. Once more is fine.
void transport_close(struct transport *transport);

// --- raw ---

struct transport_input {
    uint8_t *data; // may be changed
    size_t size;
};
// What has been received and not taken.
struct transport_input transport_input(const struct transport *transport);
void transport_take(struct transport *transport, size_t size);
// Sends bytes as they are. *sent: how many of them, whatever the result is. RESULT_OK: all.
// RESULT_AGAIN: the client does not take more now. RESULT_ERROR: TRANSPORT_CUT.
enum result transport_write(struct transport *transport, struct slice bytes,
                            size_t *sent) MUST_CHECK;

// --- receiving ---

// One recv() when the descriptor is readable and the ring has room. RESULT_OK: bytes came.
// RESULT_AGAIN: nothing to do now. RESULT_EOF: the connection's end was read (TRANSPORT_ENDED or
// TRANSPORT_CUT). RESULT_ERROR: broken, or no memory (TRANSPORT_CUT).
enum result transport_receive(struct transport *transport) MUST_CHECK;
// Opens received records into segments while there is room for segments. RESULT_ERROR:
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
// Lets go of the first `size` bytes of the segments.
void transport_consume(struct transport *transport, size_t size);
// True when more could be received and there is room for it.
bool transport_wants_receive(const struct transport *transport);

// Reads what has come, a bounded part of it, and throws it away. *dropped grows by its size.
// RESULT_AGAIN: more may come. RESULT_OK: the client has ended or broken the connection.
enum result transport_drop_received(struct transport *transport, uint64_t *dropped) MUST_CHECK;
// Acknowledges at once what has been received.
void transport_acknowledge(const struct transport *transport);
// The address that the client has connected to. 0.0.0.0:0 when the kernel does not tell.
struct address transport_local_address(const struct transport *transport);

// --- sending ---

// It has been idle: its congestion window may have gone back to where it began.
static inline void transport_cool(struct transport *transport) {
    transport->warm_at = transport->sent + COLD_SIZE;
}
static inline bool transport_is_cold(const struct transport *transport) {
    return transport->in_records && transport->sent < transport->warm_at;
}

// The send buffer, made when there is none. NULL when memory is short.
struct send_buffer *transport_send_buffer(struct transport *transport);
// Adds plaintext that lies in `slot`; joined to the span before it where they touch and fit in one
// record. False: no room for another span.
bool transport_add_span(struct send_buffer *buffer, uint32_t slot, uint8_t *data, size_t size);
// Seals all spans; nothing must be unsent. RESULT_ERROR: the kind refused (TRANSPORT_CUT).
enum result transport_seal(struct transport *transport) MUST_CHECK;
// Sends what is sealed. RESULT_OK: all of it. RESULT_AGAIN: the client does not take more now.
enum result transport_flush(struct transport *transport) MUST_CHECK;
static inline bool transport_has_unsent(const struct transport *transport) {
    return transport->send != NULL && transport->send->iov_first < transport->send->iov_count;
}
// The room that was lent still holds bytes that nobody has read.
static inline bool transport_has_unread(const struct transport *transport) {
    return transport->send != NULL && room_unread(&transport->send->room) > 0;
}
// Sends a due KeyUpdate, when nothing else waits to be sent.
enum result transport_send_key_update(struct transport *transport) MUST_CHECK;
// How many bytes the client has acknowledged, ever, with those before the commit: see
// socket_acknowledged().
uint64_t transport_acknowledged(const struct transport *transport);
// Best effort: an alert (0: close_notify), where the kind has alerts, and the end of our direction.
// No alert is sent if anything is unsent. When the client's direction has ended, the alert and the
// end may wait for transport_close(), which must then follow.
void transport_shutdown(struct transport *transport, uint8_t alert);
// Best effort: the end of our direction without an alert, so that the client sees that something is
// missing. Nothing must be unsent.
void transport_shut(const struct transport *transport);
// Gives back both buffers with what they hold: nothing more is read from them or sent.
void transport_drop_buffers(struct transport *transport);
// Gives back empty buffers.
void transport_trim(struct transport *transport);
static inline bool transport_has_buffers(const struct transport *transport) {
    return transport->receive != NULL || transport->send != NULL;
}

#endif
