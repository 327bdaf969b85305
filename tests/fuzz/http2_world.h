// The model beside a connection of HTTP/2: it keeps the books of client and owner, and checks what
// each of them is told.
#ifndef RAVELIN_TESTS_HTTP2_WORLD_H
#define RAVELIN_TESTS_HTTP2_WORLD_H

#include "http2/connection.h"

#include "http_strict.h"

#include <stdarg.h>

#define STREAMS_MAX 64 // of the model; numbers 1 to 127
#define LOG_SIZE 65536
#define FIELDS_MAX 32
#define TEXT_SIZE 4096

// --- the model ---

struct model_stream {
    bool opened, ended, reset, answered;
    bool told_reset;          // the client was told
    int64_t may_send;         // what the client may send
    int64_t may_receive;      // what we may send
    uint64_t delivered, sent; // DATA to the owner, and content that was sent
    struct http2_stream *stream;
};

struct world {
    struct http2_shared shared;
    struct http2_limits limits;
    struct http2_connection connection;
    struct http_field items[FIELDS_MAX];
    struct http_fields fields;
    char text[TEXT_SIZE];
    struct model_stream streams[STREAMS_MAX];
    int64_t may_send, may_receive; // of the connection
    int64_t window, largest_frame; // SETTINGS of the client
    unsigned pings, pongs, settings, acks, goaways;
    bool failed, takes;
    uint32_t last_data; // stream of the last entry of the log, if it is of DATA
    uint64_t last_size;
    size_t log_size;
    char *log; // LOG_SIZE bytes
    int64_t now_ms;
    size_t part;
};

__attribute__((format(printf, 2, 3))) static inline void note(struct world *world,
                                                              const char *format, ...) {
    char text[128];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    CHECK(size > 0 && (size_t)size < sizeof text);
    if (world->log_size + (size_t)size < LOG_SIZE) {
        memcpy(world->log + world->log_size, text, (size_t)size);
        world->log_size += (size_t)size;
    }
}

// DATA that came in parts is one entry.
static inline void note_data(struct world *world) {
    if (world->last_data != 0) {
        note(world, "D%u:%llu ", world->last_data, (unsigned long long)world->last_size);
        world->last_data = 0;
        world->last_size = 0;
    }
}

static inline struct model_stream *model_of(struct world *world, uint32_t id) {
    return &world->streams[id / 2 % STREAMS_MAX];
}

// --- the owner ---

static inline void on_headers(void *owner, struct http2_stream *stream,
                              struct hpack_section *section, bool end) {
    struct world *world = owner;
    struct model_stream *model = model_of(world, stream->id);
    CHECK(stream->id % 2 == 1 && stream->id / 2 < STREAMS_MAX);
    CHECK(!model->opened && stream->owner == NULL);
    if (section->malformed != NULL) {
        http2_reset(&world->connection, stream, HTTP2_PROTOCOL_ERROR);
        return;
    }
    note_data(world);
    note(world, "H%u:%u%s ", stream->id, section->fields->count, end ? "." : "");
    CHECK(section->too_large || section->list_size <= world->limits.header_list_size);
    CHECK(world->connection.stream_count <= world->limits.streams);
    model->opened = true;
    model->ended = end;
    model->stream = stream;
    stream->owner = model;
}

static inline void on_trailers(void *owner, struct http2_stream *stream,
                               struct hpack_section *section) {
    struct world *world = owner;
    note_data(world);
    note(world, "T%u ", stream->id);
    CHECK(stream->owner == model_of(world, stream->id));
    CHECK(section->malformed == NULL && !section->too_large);
    CHECK(!model_of(world, stream->id)->ended);
}

static inline void on_data(void *owner, struct http2_stream *stream, struct slice data) {
    struct world *world = owner;
    struct model_stream *model = stream->owner;
    CHECK(model == model_of(world, stream->id) && model->opened && !model->ended && !model->reset);
    CHECK(data.size > 0);
    model->delivered += data.size;
    CHECK(model->delivered <= model->sent);
    if (world->last_data != stream->id) {
        note_data(world);
        world->last_data = stream->id;
    }
    world->last_size += data.size;
    CHECK(stream->held >= data.size);
    if (world->takes) {
        http2_taken(&world->connection, stream, (uint32_t)data.size);
    }
}

static inline void on_end(void *owner, struct http2_stream *stream) {
    struct world *world = owner;
    struct model_stream *model = stream->owner;
    note_data(world);
    note(world, "E%u ", stream->id);
    CHECK(model == model_of(world, stream->id) && !model->ended && !model->reset);
    model->ended = true;
    if (model->answered) {
        model->stream = NULL; // the stream ends now
    }
}

static inline void on_reset(void *owner, struct http2_stream *stream, enum http2_code code,
                            const char *why) {
    struct world *world = owner;
    struct model_stream *model = stream->owner;
    note_data(world);
    note(world, "R%u:%d%s ", stream->id, code, why == NULL ? "" : "!");
    CHECK(model == model_of(world, stream->id) && !model->reset);
    model->reset = true;
    model->told_reset = why == NULL;
    model->stream = NULL;
}

static const struct http2_events events = {on_headers, on_trailers, on_data, on_end, on_reset};

// --- what comes back ---

static inline void take_update(struct world *world, uint32_t id, uint32_t increment) {
    int64_t *window = id == 0 ? &world->may_send : &model_of(world, id)->may_send;
    CHECK(increment > 0);
    CHECK(id == 0 || (model_of(world, id)->opened && !model_of(world, id)->ended));
    *window += increment;
    CHECK(*window <= FRAME_WINDOW_MAX);
}

static inline void take_frame(struct world *world, const struct frame_header *header,
                              const uint8_t *payload) {
    CHECK(!world->failed || header->type == FRAME_GOAWAY || world->goaways == 0);
    note(world, "<%u:%u", header->type, header->stream);
    switch (header->type) {
    case FRAME_SETTINGS:
        world->acks += (header->flags & FRAME_ACK) != 0 ? 1 : 0;
        break;
    case FRAME_PING:
        world->pongs += (header->flags & FRAME_ACK) != 0 ? 1 : 0;
        break;
    case FRAME_GOAWAY:
        note(world, ":%u:%u", frame_read_31(payload), frame_read_32(payload + 4));
        world->goaways++;
        CHECK(world->goaways <= 3);
        break;
    case FRAME_RST_STREAM:
        note(world, ":%u", frame_read_32(payload));
        CHECK(header->stream % 2 == 1 && header->stream <= world->connection.last_stream);
        model_of(world, header->stream)->reset = true;
        break;
    case FRAME_WINDOW_UPDATE:
        take_update(world, header->stream, frame_read_32(payload));
        break;
    default:
        CHECK(false);
    }
    note(world, "> ");
}

static inline void take_output(struct world *world) {
    uint8_t bytes[8192];
    size_t size = 0, more;
    note_data(world);
    while ((more = http2_output(&world->connection, bytes + size, 64)) > 0) {
        size += more;
        CHECK(size + 64 <= sizeof bytes);
    }
    CHECK(!http2_has_output(&world->connection));
    for (size_t at = 0; at < size;) {
        struct frame_header header;
        CHECK(size - at >= FRAME_HEADER_SIZE);
        frame_read_header(bytes + at, &header);
        at += FRAME_HEADER_SIZE;
        CHECK(size - at >= header.length);
        take_frame(world, &header, bytes + at);
        at += header.length;
    }
}

#endif
