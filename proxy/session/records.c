#include "session/records.h"

#include <sys/socket.h>

// --- receiving ---

static enum result receive_records(struct transport *transport) {
    return transport_read(transport, TRANSPORT_CUT);
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
        transport_add_segment(receive, payload, payload_size);
        break;
    case RECORD_EVENT_CLOSED:
        transport_ends(transport, TRANSPORT_ENDED);
        break;
    case RECORD_EVENT_ALERT:
        transport_ends(transport, TRANSPORT_CUT);
        return RESULT_ERROR;
    case RECORD_EVENT_NONE:
        if (transport->records.key_updates != key_updates) {
            metric_add(transport->pools->metrics, METRIC_key_updates, 1);
        }
        break;
    }
    return RESULT_OK;
}

static enum result open_records(struct transport *transport) {
    struct receive_buffer *receive = transport->receive;
    enum result result = RESULT_OK;
    record_engine_begin_run(transport->pools->engine);
    while (result == RESULT_OK && receive->count < SEGMENTS_MAX &&
           transport->end != TRANSPORT_ENDED) {
        size_t record_size = 0;
        result = open_record(transport, &record_size);
        if (result == RESULT_OK) {
            receive->opened += record_size;
            transport_release_opened(receive);
            // Each requested KeyUpdate is sent at once, unless a record is half sent.
            result = transport_send_key_update(transport);
        }
    }
    record_engine_end_run(transport->pools->engine);
    if (transport->end == TRANSPORT_ENDED) { // bytes after close_notify are ignored (RFC 8446 6.1)
        receive->opened = receive->ring->tail;
        transport_release_opened(receive);
    }
    if (result != RESULT_ERROR) {
        return RESULT_OK;
    }
    transport->alert = transport->records.alert;
    transport_ends(transport, TRANSPORT_BROKEN);
    return RESULT_ERROR;
}

// --- sending ---

// The free bytes between two spans of a slot, or between the last span and the server's unnamed
// bytes.
static size_t gap_after(const struct send_buffer *buffer, uint32_t index) {
    const struct span *span = &buffer->spans[index];
    const uint8_t *end = span->data + span->size;
    const uint8_t *next = buffer->slots[span->slot] + SLOT_SIZE;
    const struct room_part *part =
        &buffer->room.parts[(span->slot - buffer->first_slot) % SEND_SLOTS];
    if (index + 1 < buffer->span_count && buffer->spans[index + 1].slot == span->slot) {
        next = buffer->spans[index + 1].data;
    } else if (room_part_unread(part) > 0) {
        next = part->data + part->begin;
    }
    return (size_t)(next - end);
}

// A gap has space for the tag of one record and the header of the next only if it is wide enough.
static bool gap_is_wide(const struct send_buffer *buffer, uint32_t index) {
    return gap_after(buffer, index) >= RECORD_OVERHEAD;
}

static enum result add_key_update(struct transport *transport) {
    struct send_buffer *buffer = transport->send;
    if (record_seal_key_update(&transport->records, transport->pools->engine, buffer->key_update) !=
        RESULT_OK) {
        return RESULT_ERROR;
    }
    transport_add_iov(buffer, buffer->key_update, RECORD_KEY_UPDATE_SIZE);
    metric_add(transport->pools->metrics, METRIC_key_updates, 1);
    return RESULT_OK;
}

static enum result seal_span(struct transport *transport, uint32_t index) {
    struct send_buffer *buffer = transport->send;
    struct span *span = &buffer->spans[index];
    // A batch is far shorter than the limit of any key, so one KeyUpdate for each batch is enough,
    // and one buffer for it.
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
        transport_add_iov(buffer, header, RECORD_HEADER_SIZE);
        transport_add_iov(buffer, span->data, span->size + 1);
        transport_add_iov(buffer, tag, RECORD_TAG_SIZE);
    }
    return result;
}

static bool owes_key_update(const struct transport *transport) {
    return record_wants_key_update(&transport->records);
}

static enum result seal_records(struct transport *transport) {
    const struct send_buffer *buffer = transport->send;
    enum result result = RESULT_OK;
    record_engine_begin_run(transport->pools->engine);
    if (buffer->span_count == 0 && owes_key_update(transport)) {
        result = add_key_update(transport);
    }
    for (uint32_t i = 0; result == RESULT_OK && i < buffer->span_count; i++) {
        result = seal_span(transport, i);
    }
    record_engine_end_run(transport->pools->engine);
    return result;
}

static void say_alert(struct transport *transport, uint8_t alert) {
    uint8_t record[RECORD_ALERT_SIZE];
    if (record_seal_alert(&transport->records, transport->pools->engine, alert, record) ==
        RESULT_OK) {
        // An empty socket buffer accepts 24 bytes. If it is full, the client does not read anyway.
        // The end that follows is sent in the same packet.
        (void)transport->pools->calls.send(transport->fd, record, sizeof(record),
                                           MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE);
    }
}

static const struct transport_kind records_kind = {
    .in_records = true,
    .receive = receive_records,
    .open = open_records,
    .seal = seal_records,
    .owes = owes_key_update,
    .say = say_alert,
};

void records_commit(struct transport *transport, struct record_layer *layer) {
    transport->records = *layer;
    record_layer_wipe(layer);
    transport_commit(transport, &records_kind);
}
