// HEADERS and CONTINUATION: header blocks and their use.
#include "http2/receive_internal.h"

// The use of a complete header block. It is always decoded, because the table depends on it.
enum block_purpose {
    BLOCK_REQUEST,
    BLOCK_TRAILERS,
    BLOCK_REFUSED, // the stream is refused with reader->fault
    BLOCK_IGNORED,
    // Of a forgotten stream: trailers are ignored, because they may have been on their way.
    BLOCK_STALE,
};

static void refuse_later(struct http2_reader *reader, enum http2_code code, const char *why) {
    reader->purpose = BLOCK_REFUSED;
    if (reader->fault.why == NULL) {
        reader->fault = (struct http2_fault){code, false, why};
    }
}

static enum result begin_request(struct http2_connection *connection) {
    struct http2_reader *reader = &connection->reader;
    uint32_t id = reader->header.stream;
    if (id % 2 == 0) {
        return receive_fail(connection, HTTP2_PROTOCOL_ERROR, "HEADERS on a stream of even number");
    }
    streams_note(connection, id);
    if (id > connection->final_stream) {
        reader->purpose = BLOCK_IGNORED;
        streams_remember(connection, id, STREAM_RESET);
        return connection_charge(connection, HTTP2_COST_STRAY);
    }
    reader->purpose = BLOCK_REQUEST;
    if (connection->stream_count >= connection->limits->streams) {
        refuse_later(reader, HTTP2_REFUSED_STREAM, "too many streams at once");
    }
    return RESULT_OK;
}

static void begin_trailers(struct http2_reader *reader, const struct http2_stream *stream) {
    reader->purpose = BLOCK_TRAILERS;
    if (stream->remote_ended) {
        refuse_later(reader, HTTP2_STREAM_CLOSED, "HEADERS after the end of the stream");
    } else if ((reader->header.flags & FRAME_END_STREAM) == 0) {
        refuse_later(reader, HTTP2_PROTOCOL_ERROR, "trailers without END_STREAM");
    }
}

static bool is_ignored(const struct http2_reader *reader) {
    return reader->purpose == BLOCK_IGNORED || reader->purpose == BLOCK_STALE;
}

// Trailers have no pseudo-header fields.
static bool is_request(const struct hpack_section *section) {
    const struct http_fields *fields = section->fields;
    return fields->count > 0 && slice_begins_nocase(fields->items[0].name, SLICE(":"));
}

// The prefix may have found a fault already: reader->fault.
enum result receive_begin_headers(struct http2_connection *connection) {
    struct http2_reader *reader = &connection->reader;
    struct http2_stream *stream;
    reader->block = reader->header.stream;
    reader->block_ends = (reader->header.flags & FRAME_END_STREAM) != 0;
    reader->block_ms = connection->now_ms;
    reader->fragments = 0;
    enum result result = RESULT_OK;
    switch (streams_find(connection, reader->header.stream, &stream)) {
    case STREAM_IDLE:
        result = begin_request(connection);
        break;
    case STREAM_HERE:
        begin_trailers(reader, stream);
        break;
    case STREAM_SKIPPED:
        return receive_fail(connection, HTTP2_PROTOCOL_ERROR,
                            "HEADERS on a stream below the last one");
    case STREAM_ENDED:
        return receive_fail(connection, HTTP2_STREAM_CLOSED, "HEADERS on a stream that has ended");
    case STREAM_CANCELED:
        refuse_later(reader, HTTP2_STREAM_CLOSED, "HEADERS on a stream that was reset");
        break;
    case STREAM_RESET:
        reader->purpose = BLOCK_IGNORED;
        result = connection_charge(connection, HTTP2_COST_STRAY);
        break;
    case STREAM_FORGOTTEN:
        reader->purpose = BLOCK_STALE;
        result = connection_charge(connection, HTTP2_COST_STRAY);
        break;
    }
    if (reader->fault.why != NULL && !is_ignored(reader)) {
        reader->purpose = BLOCK_REFUSED;
    }
    return result;
}

static bool ends_block(const struct http2_reader *reader) {
    return (reader->header.flags & FRAME_END_HEADERS) != 0;
}

// Of each frame of a block.
enum result receive_begin_fragment(struct http2_connection *connection) {
    struct http2_reader *reader = &connection->reader;
    if (reader->fragments++ > connection->limits->continuations) {
        return receive_fail(connection, HTTP2_ENHANCE_YOUR_CALM, "too many CONTINUATION frames");
    }
    if (buffer_size(&reader->parts) + reader->layout.content >
        connection->limits->header_block_size) {
        return receive_fail(connection, HTTP2_ENHANCE_YOUR_CALM, "header block too long");
    }
    return reader->layout.content == 0 && !ends_block(reader)
               ? connection_charge(connection, HTTP2_COST_EMPTY)
               : RESULT_OK;
}

// The priority of an earlier PRIORITY_UPDATE, or of the Priority fields (RFC 9218 5 and 7).
static struct http2_priority priority_of(struct http2_connection *connection, uint32_t id,
                                         const struct hpack_section *section) {
    struct http2_priority priority = http2_priority_default();
    struct http2_priority told = {HTTP2_URGENCY_DEFAULT, false};
    for (uint32_t i = 0; i < section->fields->count && !section->too_large; i++) {
        const struct http_field *field = &section->fields->items[i];
        if (slice_equal(field->name, SLICE("priority")) &&
            http2_priority_merge(field->value, &told)) {
            priority = told;
        }
    }
    (void)streams_take_update(connection, id, &priority); // if there was one
    return priority;
}

static enum result begin_stream(struct http2_connection *connection,
                                struct hpack_section *section) {
    const struct http2_reader *reader = &connection->reader;
    struct http2_stream *stream = streams_open(connection, reader->block);
    if (stream == NULL) {
        const struct http2_fault fault = {HTTP2_REFUSED_STREAM, false, "no memory for a stream"};
        return receive_refuse(connection, reader->block, &fault);
    }
    schedule_prioritize(connection, stream, priority_of(connection, reader->block, section));
    stream->remote_ended = reader->block_ends;
    connection->shared->events->headers(connection->owner, stream, section, reader->block_ends);
    return RESULT_OK;
}

static void take_trailers(struct http2_connection *connection, struct hpack_section *section) {
    const struct http2_reader *reader = &connection->reader;
    struct http2_stream *stream;
    if (streams_find(connection, reader->block, &stream) == STREAM_HERE) {
        connection->shared->events->trailers(connection->owner, stream, section);
    }
    receive_end(connection, reader->block);
}

static enum result take_section(struct http2_connection *connection,
                                struct hpack_section *section) {
    struct http2_reader *reader = &connection->reader;
    if (reader->purpose == BLOCK_STALE && is_request(section)) {
        return receive_fail(connection, HTTP2_PROTOCOL_ERROR,
                            "HEADERS on a stream below the last one");
    }
    if (is_ignored(reader)) {
        return RESULT_OK;
    }
    if (section->malformed != NULL && reader->purpose != BLOCK_REQUEST) {
        refuse_later(reader, HTTP2_PROTOCOL_ERROR, section->malformed);
    } else if (section->too_large && reader->purpose == BLOCK_TRAILERS) {
        refuse_later(reader, HTTP2_ENHANCE_YOUR_CALM, "trailers too large");
    }
    if (reader->purpose == BLOCK_REFUSED) {
        return receive_refuse(connection, reader->block, &reader->fault);
    }
    if (reader->purpose == BLOCK_REQUEST) {
        return begin_stream(connection, section);
    }
    take_trailers(connection, section);
    return RESULT_OK;
}

static enum result take_block(struct http2_connection *connection, struct slice block) {
    struct http2_shared *shared = connection->shared;
    struct http2_reader *reader = &connection->reader;
    struct http2_fault fault;
    struct hpack_section section = {
        .fields = shared->fields,
        .text = shared->text,
        .text_capacity = shared->text_capacity,
        .list_size_max = connection->limits->header_list_size,
        .joins_cookies = true,
    };
    if (hpack_decode(&connection->decoder, &shared->memory, block, &section, &fault) != RESULT_OK) {
        return connection_fail(connection, &fault);
    }
    enum result result = take_section(connection, &section);
    reader->block = 0;
    reader->fault.why = NULL;
    buffer_free(&reader->parts);
    return result;
}

// Decodes a block in place if it is contiguous; otherwise gathers it.
enum result receive_read_fragment(struct http2_connection *connection, const uint8_t **at,
                                  const uint8_t *end) {
    struct http2_reader *reader = &connection->reader;
    size_t size = (size_t)(end - *at) < reader->left ? (size_t)(end - *at) : reader->left;
    struct slice part = {(const char *)*at, size};
    bool whole = size == reader->left && ends_block(reader);
    *at += size;
    reader->left -= (uint32_t)size;
    connection->useful += size;
    if (whole && buffer_size(&reader->parts) == 0) {
        return take_block(connection, part);
    }
    if (!buffer_append(&reader->parts, part.data, part.size,
                       connection->limits->header_block_size)) {
        return receive_fail(connection, HTTP2_INTERNAL_ERROR, "no memory for a header block");
    }
    if (!whole) {
        return RESULT_OK;
    }
    return take_block(connection, (struct slice){(const char *)buffer_bytes(&reader->parts),
                                                 buffer_size(&reader->parts)});
}
