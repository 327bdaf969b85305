// What the tests of HTTP/2 connections share: a connection whose events are written down, and a
// client that sends frames and reads what comes back as text.
#ifndef RAVELIN_TESTS_HTTP2_LAB_H
#define RAVELIN_TESTS_HTTP2_LAB_H

#include "http2/connection.h"

#include "http_cases.h"

#define LAB_LOG_SIZE 16384
#define LAB_TEXT_SIZE 16384
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BYTES(literal) ((struct slice){(literal), sizeof(literal) - 1})

// GET https://a/ and trailers "x: y", with nothing in the table.
#define BLOCK                                                                                      \
    "\x82\x87\x84\x01\x01"                                                                         \
    "a"
#define TRAILER_BLOCK "\x00\x01x\x01y"

// What the owner does with a request.
enum lab_answers {
    LAB_SILENT,     // nothing
    LAB_AT_END,     // 204 when the request is complete
    LAB_AT_HEADERS, // 204 at once, also before the request is complete
};

struct lab {
    struct http2_shared shared;
    struct http2_limits limits;
    struct http2_connection connection;
    struct http_field items[FIELDS_MAX];
    struct http_fields fields;
    char text[LAB_TEXT_SIZE];
    enum lab_answers answers;
    bool takes; // DATA at once
    bool quiet; // DATA is not written down
    struct http2_stream *last;
    int64_t now_ms;
    uint8_t answered[4096]; // heads that the owner has sent
    size_t answered_size;
    char log[LAB_LOG_SIZE];  // events
    char seen[LAB_LOG_SIZE]; // frames that came back
};

__attribute__((format(printf, 2, 3))) static inline void lab_note(char *log, const char *format,
                                                                  ...) {
    size_t size = strlen(log);
    va_list arguments;
    va_start(arguments, format);
    int added = vsnprintf(log + size, LAB_LOG_SIZE - size, format, arguments);
    va_end(arguments);
    assert_true(added >= 0 && size + (size_t)added < LAB_LOG_SIZE);
}

// --- the owner ---

static inline void lab_answer(struct lab *lab, struct http2_stream *stream) {
    static const struct hpack_field fields[] = {{{":status", 7}, {"204", 3}, false}};
    size_t size;
    assert_int_equal(http2_send_headers(&lab->connection, stream, fields, 1, true,
                                        lab->answered + lab->answered_size,
                                        sizeof lab->answered - lab->answered_size, &size),
                     RESULT_OK);
    lab->answered_size += size;
}

static inline void lab_headers(void *owner, struct http2_stream *stream,
                               struct hpack_section *section, bool end) {
    struct lab *lab = owner;
    if (section->malformed != NULL) {
        http2_reset(&lab->connection, stream, HTTP2_PROTOCOL_ERROR);
        return;
    }
    lab->last = stream;
    stream->owner = lab;
    lab_note(lab->log, "H%u%s%s ", stream->id, section->too_large ? "!" : "", end ? "." : "");
    if (lab->answers == LAB_AT_HEADERS || (lab->answers == LAB_AT_END && end)) {
        lab_answer(lab, stream);
    }
}

static inline void lab_trailers(void *owner, struct http2_stream *stream,
                                struct hpack_section *section) {
    struct lab *lab = owner;
    lab_note(lab->log, "T%u:%u ", stream->id, section->fields->count);
}

static inline void lab_data(void *owner, struct http2_stream *stream, struct slice data) {
    struct lab *lab = owner;
    assert_true(data.size > 0);
    if (!lab->quiet) {
        lab_note(lab->log, "D%u:%zu ", stream->id, data.size);
    }
    if (lab->takes) {
        http2_taken(&lab->connection, stream, (uint32_t)data.size);
    }
}

static inline void lab_end_event(void *owner, struct http2_stream *stream) {
    struct lab *lab = owner;
    lab_note(lab->log, "E%u ", stream->id);
    if (lab->answers == LAB_AT_END) {
        lab_answer(lab, stream);
    }
}

static inline void lab_reset(void *owner, struct http2_stream *stream, enum http2_code code,
                             const char *why) {
    struct lab *lab = owner;
    lab_note(lab->log, "R%u:%u%s ", stream->id, code, why == NULL ? "" : "!");
    lab->last = NULL;
}

static const struct http2_events lab_events = {lab_headers, lab_trailers, lab_data, lab_end_event,
                                               lab_reset};

// --- begin and end ---

static inline struct http2_limits lab_limits(void) {
    return (struct http2_limits){
        .streams = 100,
        .header_list_size = LAB_TEXT_SIZE / 2,
        .header_block_size = 4096,
        .continuations = 8,
        .stream_window = 65535,
        .connection_window = 65535,
        .held_max = 65535,
        .overhead = 1 << 20,
        .settings_ms = 10000,
        .header_ms = 5000,
        .linger_ms = 200,
        .shutdown_ms = 1000,
        .budgets = HTTP2_DEFAULT_BUDGETS,
    };
}

static inline void lab_begin_with(struct lab *lab, const struct http2_limits *limits) {
    memset(lab, 0, sizeof *lab);
    lab->limits = *limits;
    lab->fields = (struct http_fields){lab->items, 0, FIELDS_MAX};
    lab->now_ms = 1000000;
    http2_shared_init(&lab->shared, &lab_events, &lab->fields, lab->text, LAB_TEXT_SIZE);
    http2_init(&lab->connection, &lab->shared, &lab->limits, lab, lab->now_ms);
}

static inline void lab_begin(struct lab *lab) {
    const struct http2_limits limits = lab_limits();
    lab_begin_with(lab, &limits);
}

static inline void lab_end(struct lab *lab) {
    http2_free(&lab->connection);
    assert_int_equal(lab->connection.stream_count, 0);
    assert_int_equal(lab->shared.memory.used, 0);
    slab_free(&lab->shared.streams);
}

// --- the client ---

// Gives the bytes in parts of exactly `part` bytes each, so that a sanitizer sees every look beyond
// them.
static inline enum result lab_give(struct lab *lab, struct slice bytes, size_t part) {
    enum result result = RESULT_OK;
    for (size_t at = 0; at < bytes.size && result == RESULT_OK;) {
        size_t size = bytes.size - at < part ? bytes.size - at : part;
        struct slice copy = copy_of((struct slice){bytes.data + at, size});
        size_t used;
        result =
            http2_receive(&lab->connection, (const uint8_t *)copy.data, size, &used, lab->now_ms);
        assert_true(result != RESULT_OK || used == size);
        free((void *)copy.data);
        at += used;
    }
    return result;
}

struct lab_frame {
    uint8_t type, flags;
    uint32_t stream;
    struct slice payload;
};

static inline size_t lab_write(uint8_t *bytes, const struct lab_frame *frame) {
    const struct frame_header header = {(uint32_t)frame->payload.size, frame->stream, frame->type,
                                        frame->flags};
    frame_write_header(bytes, &header);
    if (frame->payload.size > 0) {
        memcpy(bytes + FRAME_HEADER_SIZE, frame->payload.data, frame->payload.size);
    }
    return FRAME_HEADER_SIZE + frame->payload.size;
}

static inline enum result lab_send(struct lab *lab, uint8_t type, uint8_t flags, uint32_t stream,
                                   struct slice payload) {
    static uint8_t bytes[FRAME_HEADER_SIZE + 65536];
    size_t size = lab_write(bytes, &(struct lab_frame){type, flags, stream, payload});
    return lab_give(lab, (struct slice){(char *)bytes, size}, SIZE_MAX);
}

#define LAB_WHOLE (FRAME_END_HEADERS | FRAME_END_STREAM)

static inline enum result lab_request(struct lab *lab, uint32_t stream, bool end) {
    return lab_send(lab, FRAME_HEADERS, end ? LAB_WHOLE : FRAME_END_HEADERS, stream, BYTES(BLOCK));
}

static inline void lab_put_32(uint8_t bytes[4], uint32_t value) {
    for (unsigned i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

static inline enum result lab_send_32(struct lab *lab, uint8_t type, uint32_t stream,
                                      uint32_t value) {
    uint8_t bytes[4];
    lab_put_32(bytes, value);
    return lab_send(lab, type, 0, stream, (struct slice){(char *)bytes, 4});
}

static inline enum result lab_send_setting(struct lab *lab, uint16_t id, uint32_t value) {
    uint8_t bytes[6] = {(uint8_t)(id >> 8), (uint8_t)id};
    lab_put_32(bytes + 2, value);
    return lab_send(lab, FRAME_SETTINGS, 0, 0, (struct slice){(char *)bytes, 6});
}

// --- what comes back ---

static inline void lab_note_frame(struct lab *lab, const struct frame_header *header,
                                  const uint8_t *payload) {
    char *seen = lab->seen;
    switch (header->type) {
    case FRAME_SETTINGS:
        lab_note(seen, "%s ", (header->flags & FRAME_ACK) != 0 ? "ACK" : "SETTINGS");
        break;
    case FRAME_PING:
        lab_note(seen, "%s ", (header->flags & FRAME_ACK) != 0 ? "PONG" : "PING");
        break;
    case FRAME_GOAWAY:
        lab_note(seen, "GOAWAY(%u,%u) ", frame_read_31(payload), frame_read_32(payload + 4));
        break;
    case FRAME_RST_STREAM:
        lab_note(seen, "RST(%u,%u) ", header->stream, frame_read_32(payload));
        break;
    case FRAME_WINDOW_UPDATE:
        lab_note(seen, "WU(%u,%u) ", header->stream, frame_read_32(payload));
        break;
    default:
        lab_note(seen, "TYPE%u(%u) ", header->type, header->stream);
        break;
    }
}

static inline void lab_take(struct lab *lab, size_t part) {
    static uint8_t bytes[65536];
    size_t size = 0, more;
    while ((more = http2_output(&lab->connection, bytes + size, part)) > 0) {
        size += more;
        assert_true(size < sizeof bytes - part);
    }
    for (size_t at = 0; at < size;) {
        struct frame_header header;
        assert_true(size - at >= FRAME_HEADER_SIZE);
        frame_read_header(bytes + at, &header);
        at += FRAME_HEADER_SIZE;
        assert_true(size - at >= header.length);
        lab_note_frame(lab, &header, bytes + at);
        at += header.length;
    }
}

// What has come back since the last call.
#define lab_assert_seen(lab, wanted)                                                               \
    do {                                                                                           \
        lab_take((lab), 4096);                                                                     \
        assert_string_equal((lab)->seen, (wanted));                                                \
        (lab)->seen[0] = '\0';                                                                     \
    } while (0)
#define lab_assert_log(lab, wanted)                                                                \
    do {                                                                                           \
        assert_string_equal((lab)->log, (wanted));                                                 \
        (lab)->log[0] = '\0';                                                                      \
    } while (0)

// Preface, SETTINGS and the ACK of ours; forgets what came back.
static inline void lab_greet(struct lab *lab) {
    assert_int_equal(lab_give(lab, BYTES(FRAME_PREFACE), SIZE_MAX), RESULT_OK);
    assert_int_equal(lab_send(lab, FRAME_SETTINGS, 0, 0, BYTES("")), RESULT_OK);
    assert_int_equal(lab_send(lab, FRAME_SETTINGS, FRAME_ACK, 0, BYTES("")), RESULT_OK);
    lab_take(lab, 4096);
    lab->seen[0] = '\0';
}

// --- bodies ---

static char lab_zeros[16384];

// DATA frames of `size` bytes in all.
static inline enum result lab_data_of(struct lab *lab, uint32_t stream, size_t size, bool end) {
    enum result result = RESULT_OK;
    while (result == RESULT_OK && size > 0) {
        size_t part = size < 16384 ? size : 16384;
        size -= part;
        result = lab_send(lab, FRAME_DATA, end && size == 0 ? FRAME_END_STREAM : 0, stream,
                          (struct slice){lab_zeros, part});
    }
    return result;
}

static inline void lab_begin_windows(struct lab *lab, uint32_t stream_window,
                                     uint32_t connection_window) {
    struct http2_limits limits = lab_limits();
    limits.stream_window = stream_window;
    limits.connection_window = limits.held_max = connection_window;
    lab_begin_with(lab, &limits);
    lab_greet(lab);
    lab->quiet = true;
}

#endif
