#include "http2/connection_internal.h"

// A closed stream: its number, which has 31 bits and is odd, and how it was closed.
#define HOW(place) ((uint32_t)((place)-STREAM_ENDED))

_Static_assert(STREAM_RESET - STREAM_ENDED < 4, "two bits");

static uint32_t packed(uint32_t id, enum stream_place how) {
    return id >> 1 << 2 | HOW(how);
}

static struct http2_stream **bucket_of(struct http2_connection *connection, uint32_t id) {
    return &connection->buckets[id / 2 % HTTP2_BUCKETS];
}

static enum stream_place find_closed(const struct http2_connection *connection, uint32_t id) {
    for (unsigned i = 1; i <= HTTP2_CLOSED_MAX; i++) { // the newest word counts
        uint32_t entry =
            connection->closed[(connection->closed_next + HTTP2_CLOSED_MAX - i) % HTTP2_CLOSED_MAX];
        if (entry >> 2 == id >> 1 && entry != UINT32_MAX) {
            return STREAM_ENDED + (entry & 3);
        }
    }
    uint32_t distance = (connection->last_stream - id) / 2;
    bool skipped = distance < 64 && (connection->opened >> distance & 1) == 0;
    return skipped ? STREAM_SKIPPED : STREAM_FORGOTTEN;
}

enum stream_place streams_find(const struct http2_connection *connection, uint32_t id,
                               struct http2_stream **stream) {
    *stream = connection->buckets[id / 2 % HTTP2_BUCKETS];
    if (id % 2 == 0 || id > connection->last_stream) {
        return STREAM_IDLE;
    }
    while (*stream != NULL && (*stream)->id != id) {
        *stream = (*stream)->next;
    }
    if (*stream == NULL) {
        return find_closed(connection, id);
    }
    return (*stream)->resets ? STREAM_RESET : STREAM_HERE;
}

void streams_note(struct http2_connection *connection, uint32_t id) {
    uint32_t distance = connection->last_stream == 0 ? 64 : (id - connection->last_stream) / 2;
    connection->opened = (distance < 64 ? connection->opened << distance : 0) | 1;
    connection->last_stream = id;
}

bool streams_take_update(struct http2_connection *connection, uint32_t id,
                         struct http2_priority *priority) {
    for (size_t i = 0; i < HTTP2_UPDATES_MAX; i++) {
        if (connection->updates[i].stream == id) {
            connection->updates[i].stream = 0;
            *priority = connection->updates[i].priority;
            return true;
        }
    }
    return false;
}

struct http2_stream *streams_open(struct http2_connection *connection, uint32_t id) {
    struct http2_stream *stream = slab_get(&connection->shared->streams);
    if (stream == NULL) {
        return NULL;
    }
    *stream = (struct http2_stream){
        .next = *bucket_of(connection, id),
        .id = id,
        .send_window = (int32_t)connection->peer_window,
        .receive_window = connection->settings_acked ? (int32_t)connection->limits->stream_window
                                                     : FRAME_WINDOW_DEFAULT,
        .target = connection->limits->stream_window,
        .priority = http2_priority_default(),
    };
    list_init(&stream->ready);
    list_init(&stream->owing);
    list_init(&stream->linger);
    *bucket_of(connection, id) = stream;
    connection->stream_count++;
    connection->streams_of[stream->priority.urgency]++;
    return stream;
}

void streams_remember(struct http2_connection *connection, uint32_t id, enum stream_place how) {
    connection->closed[connection->closed_next] = packed(id, how);
    connection->closed_next = (uint8_t)((connection->closed_next + 1) % HTTP2_CLOSED_MAX);
}

void streams_close(struct http2_connection *connection, struct http2_stream *stream,
                   enum stream_place how) {
    struct http2_stream **link = bucket_of(connection, stream->id);
    while (*link != stream) {
        link = &(*link)->next;
    }
    *link = stream->next;
    list_remove(&stream->ready);
    list_remove(&stream->owing);
    list_remove(&stream->linger);
    connection->stream_count--;
    connection->streams_of[stream->priority.urgency]--;
    connection->held -= stream->held;
    streams_remember(connection, stream->id, how);
    slab_put(&connection->shared->streams, stream);
}
