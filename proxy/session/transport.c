#include "session/transport.h"

#include "base/socket.h"
#include "http/chunk.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SPARE_RECEIVE_MAX = 1024, SPARE_SEND_MAX = 1024 };

static_assert(SEND_SLOTS * (SLOT_READ_MAX + CHUNK_LINE_SIZE + 2 + RECORD_OVERHEAD) <= SEGMENT_MAX,
              "a batch of records is one segment");

bool transport_pools_init(struct transport_pools *pools, struct metrics_slot *metrics) {
    slab_init(&pools->receive_buffers, sizeof(struct receive_buffer), SPARE_RECEIVE_MAX);
    slab_init(&pools->send_buffers, sizeof(struct send_buffer), SPARE_SEND_MAX);
    ring_pool_init(&pools->rings, SPARE_RECEIVE_MAX);
    pools->metrics = metrics;
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

void transport_init(struct transport *transport, struct transport_pools *pools, int fd,
                    bool secure) {
    *transport = (struct transport){.pools = pools, .fd = fd, .secure = secure, .writable = true};
    transport_cool(transport);
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
    put_receive_buffer(transport);
    put_send_buffer(transport);
    record_layer_wipe(&transport->records);
    if (transport->fd >= 0) {
        close(transport->fd);
        transport->fd = -1;
    }
}

void transport_trim(struct transport *transport) {
    struct receive_buffer *receive = transport->receive;
    if (receive != NULL && receive->count == 0 && ring_used(receive->ring) == 0) {
        put_receive_buffer(transport);
    }
    if (transport->send != NULL && !transport_has_unsent(transport) &&
        !transport_has_fills(transport)) {
        put_send_buffer(transport);
    }
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
    return !transport->ended && !transport->cut && !transport->failed &&
           (transport->receive == NULL || ring_room(transport->receive->ring) > 0);
}

enum result transport_receive(struct transport *transport) {
    if (!transport->readable || !transport_wants_receive(transport)) {
        return RESULT_AGAIN;
    }
    if (transport->receive == NULL && !get_receive_buffer(transport)) {
        transport->cut = true;
        return RESULT_ERROR;
    }
    struct ring *ring = transport->receive->ring;
    size_t room = ring_room(ring);
    ssize_t received = recv(transport->fd, ring_at(ring, ring->tail), room, 0);
    if (received > 0) {
        ring->tail += (size_t)received;
        transport->received += (size_t)received;
        transport->readable = (size_t)received == room;
        return RESULT_OK;
    }
    transport->readable = false;
    if (received == 0) {
        transport->ended = !transport->secure;
        transport->cut = transport->secure;
        return RESULT_EOF;
    }
    if (errno == EAGAIN || errno == EINTR) {
        return RESULT_AGAIN;
    }
    transport->cut = true;
    return RESULT_ERROR;
}

static void add_segment(struct receive_buffer *receive, uint8_t *data, size_t size) {
    struct segment *segment = &receive->segments[(receive->first + receive->count) % SEGMENTS_MAX];
    segment->data = data;
    segment->size = (uint32_t)size;
    segment->position =
        receive->opened + (uint64_t)(data - ring_at(receive->ring, receive->opened));
    receive->count++;
}

// The plaintext of a plain connection: one segment that grows.
static void open_plain(struct receive_buffer *receive) {
    size_t size = (size_t)(receive->ring->tail - receive->opened);
    if (size == 0) {
        return;
    }
    struct segment *last =
        receive->count == 0
            ? NULL
            : &receive->segments[(receive->first + receive->count - 1) % SEGMENTS_MAX];
    if (last != NULL) {
        last->size += (uint32_t)size;
    } else {
        add_segment(receive, ring_at(receive->ring, receive->opened), size);
    }
    receive->opened = receive->ring->tail;
}

// Bytes that became no segment are no longer needed when no segment lies before them.
static void release_opened(struct receive_buffer *receive) {
    if (receive->count == 0) {
        ring_release(receive->ring, receive->opened);
        ring_rewind(receive->ring);
        receive->opened = receive->ring->head;
    }
}

static enum result open_record(struct transport *transport, size_t *record_size) {
    struct receive_buffer *receive = transport->receive;
    struct ring *ring = receive->ring;
    uint8_t *record = ring_at(ring, receive->opened);
    size_t available = (size_t)(ring->tail - receive->opened);
    enum result result = record_measure(&transport->records, record, available, record_size);
    if (result == RESULT_OK && (*record_size == 0 || *record_size > available)) {
        return RESULT_AGAIN;
    }
    enum record_event event = RECORD_EVENT_NONE;
    uint8_t *payload = NULL;
    size_t payload_size = 0;
    uint16_t key_updates = transport->records.key_updates;
    if (result == RESULT_OK) {
        result = record_open(&transport->records, transport->pools->engine, record, *record_size,
                             &event, &payload, &payload_size);
    }
    if (result != RESULT_OK) {
        return result;
    }
    metric_add(transport->pools->metrics, METRIC_records_opened, 1);
    switch (event) {
    case RECORD_EVENT_DATA:
        add_segment(receive, payload, payload_size);
        break;
    case RECORD_EVENT_CLOSED:
        transport->ended = true;
        break;
    case RECORD_EVENT_ALERT:
        transport->cut = true;
        return RESULT_ERROR;
    case RECORD_EVENT_NONE:
        if (transport->records.key_updates != key_updates) {
            metric_add(transport->pools->metrics, METRIC_key_updates, 1);
        }
        break;
    }
    return RESULT_OK;
}

enum result transport_open(struct transport *transport) {
    struct receive_buffer *receive = transport->receive;
    if (receive == NULL) {
        return RESULT_OK;
    }
    if (!transport->secure) {
        open_plain(receive);
        return RESULT_OK;
    }
    enum result result = RESULT_OK;
    record_engine_begin_run(transport->pools->engine);
    while (result == RESULT_OK && receive->count < SEGMENTS_MAX && !transport->ended) {
        size_t record_size = 0;
        result = open_record(transport, &record_size);
        if (result == RESULT_OK) {
            receive->opened += record_size;
            release_opened(receive);
            // Each KeyUpdate that asks for ours is answered at once, unless a record is half sent.
            result = transport_send_key_update(transport);
        }
    }
    record_engine_end_run(transport->pools->engine);
    if (transport->ended) { // whatever follows close_notify is not looked at (RFC 8446 6.1)
        receive->opened = receive->ring->tail;
        release_opened(receive);
    }
    if (result == RESULT_ERROR && !transport->cut) {
        transport->failed = true;
    }
    return result == RESULT_ERROR ? RESULT_ERROR : RESULT_OK;
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
            // A plain segment may grow while it is consumed, so that it is never all let go: its
            // data must not wander past the second mapping.
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
        release_opened(receive);
    }
}

// --- sending ---

struct send_buffer *transport_send_buffer(struct transport *transport) {
    if (transport->send == NULL) {
        struct send_buffer *buffer = slab_get(&transport->pools->send_buffers);
        if (buffer == NULL) {
            return NULL;
        }
        memset(buffer->fills, 0, sizeof(buffer->fills));
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

static void add_iov(struct send_buffer *buffer, uint8_t *data, size_t size) {
    if (buffer->iov_count > 0) {
        struct iovec *last = &buffer->iov[buffer->iov_count - 1];
        if ((uint8_t *)last->iov_base + last->iov_len == data) {
            last->iov_len += size;
            return;
        }
    }
    buffer->iov[buffer->iov_count++] = (struct iovec){data, size};
}

// The free bytes between two spans of a slot, or between the last span and bytes of the server that
// wait their turn.
static size_t gap_after(const struct send_buffer *buffer, uint32_t index) {
    const struct span *span = &buffer->spans[index];
    const uint8_t *end = span->data + span->size;
    const uint8_t *next = buffer->slots[span->slot] + SLOT_SIZE;
    const struct fill *fill = &buffer->fills[span->slot];
    if (index + 1 < buffer->span_count && buffer->spans[index + 1].slot == span->slot) {
        next = buffer->spans[index + 1].data;
    } else if (fill->begin < fill->end) {
        next = buffer->slots[span->slot] + SLOT_LEAD + fill->begin;
    }
    return (size_t)(next - end);
}

// A gap serves for the tag of one record and the header of the next only when it is wide enough for
// both.
static bool gap_is_wide(const struct send_buffer *buffer, uint32_t index) {
    return gap_after(buffer, index) >= RECORD_OVERHEAD;
}

static enum result add_key_update(struct transport *transport) {
    struct send_buffer *buffer = transport->send;
    if (record_seal_key_update(&transport->records, transport->pools->engine, buffer->key_update) !=
        RESULT_OK) {
        return RESULT_ERROR;
    }
    add_iov(buffer, buffer->key_update, RECORD_KEY_UPDATE_SIZE);
    metric_add(transport->pools->metrics, METRIC_key_updates, 1);
    return RESULT_OK;
}

static enum result seal_span(struct transport *transport, uint32_t index) {
    struct send_buffer *buffer = transport->send;
    struct span *span = &buffer->spans[index];
    // A batch is far shorter than any key's limit, so one KeyUpdate a batch is enough and one
    // buffer holds it.
    if (record_wants_key_update(&transport->records) && add_key_update(transport) != RESULT_OK) {
        return RESULT_ERROR;
    }
    bool first = index == 0 || buffer->spans[index - 1].slot != span->slot;
    uint8_t *header = first || gap_is_wide(buffer, index - 1) ? span->data - RECORD_HEADER_SIZE
                                                              : buffer->side[index];
    uint8_t *tag = gap_is_wide(buffer, index) ? span->data + span->size + 1
                                              : buffer->side[index] + RECORD_HEADER_SIZE;
    enum result result = record_seal(&transport->records, transport->pools->engine,
                                     RECORD_APPLICATION_DATA, span->data, span->size, header, tag);
    if (result == RESULT_OK) {
        add_iov(buffer, header, RECORD_HEADER_SIZE);
        add_iov(buffer, span->data, span->size + 1);
        add_iov(buffer, tag, RECORD_TAG_SIZE);
    }
    return result;
}

enum result transport_seal(struct transport *transport) {
    struct send_buffer *buffer = transport->send;
    buffer->iov_first = buffer->iov_count = 0;
    enum result result = RESULT_OK;
    record_engine_begin_run(transport->pools->engine);
    if (transport->secure && buffer->span_count == 0 &&
        record_wants_key_update(&transport->records)) {
        result = add_key_update(transport);
    }
    for (uint32_t i = 0; result == RESULT_OK && i < buffer->span_count; i++) {
        if (transport->secure) {
            result = seal_span(transport, i);
        } else {
            add_iov(buffer, buffer->spans[i].data, buffer->spans[i].size);
        }
    }
    record_engine_end_run(transport->pools->engine);
    metric_add(transport->pools->metrics, METRIC_records_sealed, buffer->span_count);
    buffer->span_count = 0;
    if (result != RESULT_OK) {
        buffer->iov_first = buffer->iov_count = 0;
        transport->cut = true;
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
        ssize_t sent = socket_send(transport->fd, &buffer->iov[buffer->iov_first],
                                   buffer->iov_count - buffer->iov_first);
        if (sent < 0) {
            if (errno == EINTR) {
                continue;
            }
            if (errno != EAGAIN) {
                transport->cut = true;
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
    if (!transport->secure || transport->records.closed_write ||
        !record_wants_key_update(&transport->records) || transport_has_unsent(transport)) {
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

void transport_shutdown(struct transport *transport, uint8_t alert) {
    uint8_t record[RECORD_ALERT_SIZE];
    if (transport->secure && record_seal_alert(&transport->records, transport->pools->engine, alert,
                                               record) == RESULT_OK) {
        // An empty socket buffer takes 24 bytes; where it is full the client is not reading anyway.
        // The end that follows leaves in the same packet.
        ssize_t sent =
            send(transport->fd, record, sizeof(record), MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE);
        (void)sent;
    }
    if (!transport->ended && !transport->cut) { // else closing is all that is left
        (void)shutdown(transport->fd, SHUT_WR);
    }
}
