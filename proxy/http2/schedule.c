// The order of streams (RFC 9218 10). Streams that have something to send are in one list for each
// urgency. First are streams that are not incremental, by number, because a client can use each of
// them only when it is complete. Then the incremental ones take turns. The first list with a stream
// that may send is used.
#include "http2/connection_internal.h"

void schedule_init(struct http2_connection *connection) {
    for (size_t i = 0; i < HTTP2_URGENCIES; i++) {
        list_init(&connection->ready[i]);
    }
}

static struct http2_stream *stream_of(struct list_node *node) {
    return LIST_ENTRY(node, struct http2_stream, ready);
}

static bool goes_before(const struct http2_stream *stream, const struct http2_stream *other) {
    return !stream->priority.incremental && (other->priority.incremental || stream->id < other->id);
}

static void add(struct http2_connection *connection, struct http2_stream *stream) {
    struct list_node *list = &connection->ready[stream->priority.urgency];
    struct list_node *last = list->previous;
    while (last != list && goes_before(stream, stream_of(last))) {
        last = last->previous;
    }
    list_push_first(last, &stream->ready); // behind `last`
}

void schedule_turn(struct http2_connection *connection, struct http2_stream *stream) {
    if (stream->priority.incremental && !list_is_empty(&stream->ready)) {
        list_remove(&stream->ready);
        add(connection, stream);
    }
}

static bool can_send(const struct http2_stream *stream) {
    return stream->wants == HTTP2_WANTS_FRAME ||
           (stream->wants == HTTP2_WANTS_DATA && stream->send_window > 0);
}

void schedule_place(struct http2_connection *connection, struct http2_stream *stream) {
    bool ready = !list_is_empty(&stream->ready);
    bool can = can_send(stream) && !stream->resets && !stream->local_ended;
    if (ready && !can) {
        list_remove(&stream->ready);
    } else if (!ready && can) {
        add(connection, stream);
    }
}

void http2_want(struct http2_connection *connection, struct http2_stream *stream,
                enum http2_wants wants) {
    stream->wants = (uint8_t)wants;
    schedule_place(connection, stream);
}

struct http2_stream *http2_next(struct http2_connection *connection) {
    for (size_t i = 0; i < HTTP2_URGENCIES; i++) {
        struct list_node *list = &connection->ready[i];
        for (struct list_node *node = list->next; node != list; node = node->next) {
            struct http2_stream *stream = stream_of(node);
            if (stream->wants == HTTP2_WANTS_FRAME || connection->send_window > 0) {
                return stream;
            }
        }
    }
    return NULL;
}

bool http2_is_most_urgent(const struct http2_connection *connection,
                          const struct http2_stream *stream) {
    for (size_t i = 0; i < stream->priority.urgency; i++) {
        if (connection->streams_of[i] > 0) {
            return false;
        }
    }
    return true;
}

void schedule_prioritize(struct http2_connection *connection, struct http2_stream *stream,
                         struct http2_priority priority) {
    connection->streams_of[stream->priority.urgency]--;
    connection->streams_of[priority.urgency]++;
    stream->priority = priority;
    connection->knows_urgency |= priority.urgency != HTTP2_URGENCY_DEFAULT;
    if (!list_is_empty(&stream->ready)) {
        list_remove(&stream->ready);
        schedule_place(connection, stream);
    }
}

void http2_prioritize(struct http2_connection *connection, struct http2_stream *stream,
                      struct slice value) {
    struct http2_priority priority = stream->priority;
    if (http2_priority_merge(value, &priority)) {
        schedule_prioritize(connection, stream, priority);
    }
}
