#include "session/plain.h"

static enum result receive_plain(struct transport *transport) {
    return transport_read(transport, TRANSPORT_ENDED);
}

// There is one segment, which grows.
static enum result open_plain(struct transport *transport) {
    struct receive_buffer *receive = transport->receive;
    size_t size = (size_t)(receive->ring->tail - receive->opened);
    if (size == 0) {
        return RESULT_OK;
    }
    if (receive->count > 0) {
        transport_segment(transport, receive->count - 1)->size += (uint32_t)size;
    } else {
        transport_add_segment(receive, ring_at(receive->ring, receive->opened), size);
    }
    receive->opened = receive->ring->tail;
    return RESULT_OK;
}

static enum result seal_plain(struct transport *transport) {
    struct send_buffer *buffer = transport->send;
    for (uint32_t i = 0; i < buffer->span_count; i++) {
        transport_add_iov(buffer, buffer->spans[i].data, buffer->spans[i].size);
    }
    return RESULT_OK;
}

static const struct transport_kind plain_kind = {
    .receive = receive_plain,
    .open = open_plain,
    .seal = seal_plain,
    .owes = transport_owes_nothing,
    .say = transport_says_nothing,
};

void plain_commit(struct transport *transport) {
    transport_commit(transport, &plain_kind);
}
