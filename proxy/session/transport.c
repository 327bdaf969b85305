#include "session/transport.h"

#include "http/chunk.h"
#include "session/transport_kind.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SPARE_RECEIVE_MAX = 1024, SPARE_SEND_MAX = 1024 };
enum { DROP_SIZE = 16384, DROPS_MAX = 8 }; // of one transport_drop_received()

static_assert(SEND_SLOTS * (SLOT_READ_MAX + CHUNK_LINE_SIZE + 2 + RECORD_OVERHEAD) <= SEGMENT_MAX,
              "a batch of records is one segment");

bool transport_pools_init(struct transport_pools *pools, struct metrics_slot *metrics) {
    slab_init(&pools->receive_buffers, sizeof(struct receive_buffer), SPARE_RECEIVE_MAX);
    slab_init(&pools->send_buffers, sizeof(struct send_buffer), SPARE_SEND_MAX);
    ring_pool_init(&pools->rings, SPARE_RECEIVE_MAX);
    pools->metrics = metrics;
    pools->calls = (struct transport_calls){
        recv,
        send,
        socket_send,
        shutdown,
        socket_round_trip_us,
        socket_limit_unsent,
        socket_set_low_water,
    };
    pools->engine = record_engine_new();
    return pools->engine != NULL;
}

void transport_pools_free(struct transport_pools *pools) {
    record_engine_free(pools->engine);
    ring_pool_free(&pools->rings);
    slab_free(&pools->send_buffers);
    slab_free(&pools->receive_buffers);
}

void transport_pools_trim(struct transport_pools *pools) {
    ring_pool_trim(&pools->rings);
    slab_trim(&pools->send_buffers);
    slab_trim(&pools->receive_buffers);
}

// --- the kind that transports begin with ---

// The connection must not end here, so its end is TRANSPORT_CUT.
static enum result receive_raw(struct transport *transport) {
    return transport_read(transport, TRANSPORT_CUT);
}

static enum result open_raw(struct transport *transport) {
    (void)transport;
    return RESULT_OK;
}

static enum result seal_raw(struct transport *transport) {
    (void)transport;
    return RESULT_ERROR;
}

bool transport_owes_nothing(const struct transport *transport) {
    (void)transport;
    return false;
}

void transport_says_nothing(struct transport *transport, uint8_t alert) {
    (void)transport, (void)alert;
}

static const struct transport_kind raw_kind = {
    .receive = receive_raw,
    .open = open_raw,
    .seal = seal_raw,
    .owes = transport_owes_nothing,
    .say = transport_says_nothing,
};

// --- life ---

static void use_kind(struct transport *transport, const struct transport_kind *kind) {
    transport->kind = kind;
    transport->in_records = kind->in_records;
}

void transport_init(struct transport *transport, struct transport_pools *pools, int fd) {
    *transport = (struct transport){.pools = pools, .fd = fd, .writable = true};
    use_kind(transport, &raw_kind);
    transport_cool(transport);
}

void transport_commit(struct transport *transport, const struct transport_kind *kind) {
    use_kind(transport, kind);
    if (transport->receive != NULL) {
        transport->receive->opened = transport->receive->ring->head;
    }
}

static void put_receive_buffer(struct transport *transport) {
    if (transport->receive != NULL) {
        ring_put(&transport->pools->rings, transport->receive->ring);
        slab_put(&transport->pools->receive_buffers, transport->receive);
        transport->receive = NULL;
        metric_subtract(transport->pools->metrics, METRIC_receive_buffers, 1);
    }
}

static void put_send_buffer(struct transport *transport) {
    if (transport->send != NULL) {
        slab_put(&transport->pools->send_buffers, transport->send);
        transport->send = NULL;
        metric_subtract(transport->pools->metrics, METRIC_send_buffers, 1);
    }
}

void transport_close(struct transport *transport) {
    transport_drop_buffers(transport);
    record_layer_wipe(&transport->records);
    if (transport->fd >= 0) {
        close(transport->fd);
        transport->fd = -1;
    }
}

void transport_drop_buffers(struct transport *transport) {
    put_receive_buffer(transport);
    put_send_buffer(transport);
}

void transport_trim(struct transport *transport) {
    struct receive_buffer *receive = transport->receive;
    if (receive != NULL && receive->count == 0 && ring_used(receive->ring) == 0) {
        put_receive_buffer(transport);
    }
    if (transport->send != NULL && !transport_has_unsent(transport) &&
        !transport_has_unread(transport)) {
        put_send_buffer(transport);
    }
}

// --- raw ---

struct transport_input transport_input(const struct transport *transport) {
    if (transport->receive == NULL) {
        return (struct transport_input){NULL, 0};
    }
    const struct ring *ring = transport->receive->ring;
    return (struct transport_input){ring_at(ring, ring->head), ring_used(ring)};
}

void transport_take(struct transport *transport, size_t size) {
    if (size > 0) {
        struct ring *ring = transport->receive->ring;
        ring_release(ring, ring->head + size);
    }
}

enum result transport_write(struct transport *transport, struct slice bytes, size_t *sent) {
    *sent = 0;
    while (*sent < bytes.size) {
        ssize_t size = transport->pools->calls.send(transport->fd, bytes.data + *sent,
                                                    bytes.size - *sent, MSG_NOSIGNAL);
        if (size >= 0) {
            *sent += (size_t)size;
        } else if (errno == EAGAIN) {
            transport->writable = false;
            return RESULT_AGAIN;
        } else if (errno != EINTR) {
            transport_ends(transport, TRANSPORT_CUT);
            return RESULT_ERROR;
        }
    }
    return RESULT_OK;
}

// --- receiving ---

static bool get_receive_buffer(struct transport *transport) {
    struct ring *ring = ring_get(&transport->pools->rings);
    struct receive_buffer *receive =
        ring == NULL ? NULL : slab_get(&transport->pools->receive_buffers);
    if (receive == NULL) {
        if (ring != NULL) {
            ring_put(&transport->pools->rings, ring);
        }
        return false;
    }
    receive->ring = ring;
    receive->opened = ring->head;
    receive->first = receive->count = 0;
    transport->receive = receive;
    metric_add(transport->pools->metrics, METRIC_receive_buffers, 1);
    return true;
}

bool transport_wants_receive(const struct transport *transport) {
    return transport->end == TRANSPORT_OPEN &&
           (transport->receive == NULL || ring_room(transport->receive->ring) > 0);
}

enum result transport_receive(struct transport *transport) {
    if (!transport->readable || !transport_wants_receive(transport)) {
        return RESULT_AGAIN;
    }
    if (transport->receive == NULL && !get_receive_buffer(transport)) {
        transport_ends(transport, TRANSPORT_CUT);
        return RESULT_ERROR;
    }
    return transport->kind->receive(transport);
}

enum result transport_read(struct transport *transport, enum transport_end at_end) {
    struct ring *ring = transport->receive->ring;
    size_t room = ring_room(ring);
    ssize_t received =
        transport->pools->calls.recv(transport->fd, ring_at(ring, ring->tail), room, 0);
    if (received > 0) {
        ring->tail += (size_t)received;
        transport->received += (size_t)received;
        transport->readable = (size_t)received == room;
        return RESULT_OK;
    }
    transport->readable = false;
    if (received == 0) {
        transport_ends(transport, at_end);
        return RESULT_EOF;
    }
    if (errno == EAGAIN || errno == EINTR) {
        return RESULT_AGAIN;
    }
    transport_ends(transport, TRANSPORT_CUT);
    return RESULT_ERROR;
}

void transport_add_segment(struct receive_buffer *receive, uint8_t *data, size_t size) {
    struct segment *segment = &receive->segments[(receive->first + receive->count) % SEGMENTS_MAX];
    segment->data = data;
    segment->size = (uint32_t)size;
    segment->position =
        receive->opened + (uint64_t)(data - ring_at(receive->ring, receive->opened));
    receive->count++;
}

void transport_release_opened(struct receive_buffer *receive) {
    if (receive->count == 0) {
        ring_release(receive->ring, receive->opened);
        ring_rewind(receive->ring);
        receive->opened = receive->ring->head;
    }
}

enum result transport_open(struct transport *transport) {
    return transport->receive == NULL ? RESULT_OK : transport->kind->open(transport);
}

void transport_consume(struct transport *transport, size_t size) {
    struct receive_buffer *receive = transport->receive;
    transport->consumed += size;
    if (size == 0) {
        return;
    }
    while (size > 0) {
        struct segment *segment = &receive->segments[receive->first];
        if (size < segment->size) {
            // A plain segment may grow while it is consumed, and so is never released as a whole.
            // Its data must not move beyond the second mapping.
            segment->position += size;
            segment->data = ring_at(receive->ring, segment->position);
            segment->size -= (uint32_t)size;
            break;
        }
        size -= segment->size;
        receive->first = (receive->first + 1) % SEGMENTS_MAX;
        receive->count--;
    }
    if (receive->count > 0) {
        ring_release(receive->ring, receive->segments[receive->first].position);
    } else {
        transport_release_opened(receive);
    }
}

enum result transport_drop_received(struct transport *transport, uint64_t *dropped) {
    char waste[DROP_SIZE];
    ssize_t received = DROP_SIZE;
    for (int i = 0; i < DROPS_MAX && received == DROP_SIZE; i++) {
        received = transport->pools->calls.recv(transport->fd, waste, sizeof(waste), 0);
        *dropped += received > 0 ? (size_t)received : 0;
    }
    bool waits = received > 0 || (received < 0 && (errno == EAGAIN || errno == EINTR));
    return waits ? RESULT_AGAIN : RESULT_OK;
}

void transport_acknowledge(const struct transport *transport) {
    socket_acknowledge(transport->fd);
}

struct address transport_local_address(const struct transport *transport) {
    struct address address = {.size = sizeof(address.as)};
    if (getsockname(transport->fd, &address.as.any, &address.size) != 0) {
        address.as.v4.sin_family = AF_INET;
    }
    return address;
}

// --- sending ---

struct send_buffer *transport_send_buffer(struct transport *transport) {
    if (transport->send == NULL) {
        struct send_buffer *buffer = slab_get(&transport->pools->send_buffers);
        if (buffer == NULL) {
            return NULL;
        }
        room_clear(&buffer->room);
        buffer->first_slot = 0;
        buffer->span_count = buffer->iov_first = buffer->iov_count = 0;
        transport->send = buffer;
        metric_add(transport->pools->metrics, METRIC_send_buffers, 1);
    }
    return transport->send;
}

bool transport_add_span(struct send_buffer *buffer, uint32_t slot, uint8_t *data, size_t size) {
    struct span *last = buffer->span_count == 0 ? NULL : &buffer->spans[buffer->span_count - 1];
    if (last != NULL && last->slot == slot && last->data + last->size == data &&
        last->size + size <= RECORD_PAYLOAD_MAX) {
        last->size += (uint32_t)size;
        return true;
    }
    if (buffer->span_count == SPANS_MAX) {
        return false;
    }
    buffer->spans[buffer->span_count++] = (struct span){data, (uint32_t)size, slot};
    return true;
}

void transport_add_iov(struct send_buffer *buffer, uint8_t *data, size_t size) {
    if (buffer->iov_count > 0) {
        struct iovec *last = &buffer->iov[buffer->iov_count - 1];
        if ((uint8_t *)last->iov_base + last->iov_len == data) {
            last->iov_len += size;
            return;
        }
    }
    buffer->iov[buffer->iov_count++] = (struct iovec){data, size};
}

enum result transport_seal(struct transport *transport) {
    struct send_buffer *buffer = transport->send;
    buffer->iov_first = buffer->iov_count = 0;
    enum result result = transport->kind->seal(transport);
    metric_add(transport->pools->metrics, METRIC_records_sealed, buffer->span_count);
    buffer->span_count = 0;
    if (result != RESULT_OK) {
        buffer->iov_first = buffer->iov_count = 0;
        transport_ends(transport, TRANSPORT_CUT);
        return RESULT_ERROR;
    }
    return RESULT_OK;
}

enum result transport_flush(struct transport *transport) {
    struct send_buffer *buffer = transport->send;
    while (transport_has_unsent(transport)) {
        if (!transport->writable) {
            return RESULT_AGAIN;
        }
        ssize_t sent = transport->pools->calls.send_parts(
            transport->fd, &buffer->iov[buffer->iov_first], buffer->iov_count - buffer->iov_first);
        if (sent < 0) {
            if (errno == EINTR) {
                continue;
            }
            if (errno != EAGAIN) {
                transport_ends(transport, TRANSPORT_CUT);
                return RESULT_ERROR;
            }
            transport->writable = false;
            return RESULT_AGAIN;
        }
        transport->sent += (size_t)sent;
        size_t left = (size_t)sent;
        while (buffer->iov_first < buffer->iov_count &&
               left >= buffer->iov[buffer->iov_first].iov_len) {
            left -= buffer->iov[buffer->iov_first++].iov_len;
        }
        if (left > 0) {
            struct iovec *first = &buffer->iov[buffer->iov_first];
            first->iov_base = (uint8_t *)first->iov_base + left;
            first->iov_len -= left;
        }
        transport->writable = !transport_has_unsent(transport);
    }
    return RESULT_OK;
}

enum result transport_send_key_update(struct transport *transport) {
    if (!transport->kind->owes(transport) || transport_has_unsent(transport)) {
        return RESULT_OK;
    }
    struct send_buffer *buffer = transport_send_buffer(transport);
    if (buffer == NULL || buffer->span_count > 0) {
        return RESULT_OK; // the next seal sends it
    }
    if (transport_seal(transport) != RESULT_OK) {
        return RESULT_ERROR;
    }
    return transport_flush(transport);
}

uint64_t transport_acknowledged(const struct transport *transport) {
    return socket_acknowledged(transport->fd);
}

void transport_shutdown(struct transport *transport, uint8_t alert) {
    // After half a record, the client could not read the alert.
    if (!transport_has_unsent(transport)) {
        transport->kind->say(transport, alert);
    }
    if (transport->end == TRANSPORT_OPEN || transport->end == TRANSPORT_BROKEN) {
        (void)transport->pools->calls.shutdown(transport->fd, SHUT_WR);
    } // otherwise only closing is left
}

void transport_shut(const struct transport *transport) {
    (void)transport->pools->calls.shutdown(transport->fd, SHUT_WR);
}
