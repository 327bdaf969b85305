#include "http2/frame.h"

#define PING_SIZE 8
#define GOAWAY_SIZE 8
#define PRIORITY_SIZE 5

// --- reading ---

uint32_t frame_read_32(const uint8_t bytes[4]) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

uint32_t frame_read_31(const uint8_t bytes[4]) {
    return frame_read_32(bytes) & FRAME_STREAM_MAX;
}

static uint8_t flags_of(uint8_t type) {
    switch (type) {
    case FRAME_DATA:
        return FRAME_END_STREAM | FRAME_PADDED;
    case FRAME_HEADERS:
        return FRAME_END_STREAM | FRAME_END_HEADERS | FRAME_PADDED | FRAME_HAS_PRIORITY;
    case FRAME_SETTINGS:
    case FRAME_PING:
        return FRAME_ACK;
    case FRAME_CONTINUATION:
        return FRAME_END_HEADERS;
    default:
        return 0;
    }
}

void frame_read_header(const uint8_t bytes[FRAME_HEADER_SIZE], struct frame_header *header) {
    header->length = frame_read_32(bytes) >> 8;
    header->type = bytes[3];
    header->flags = bytes[4] & flags_of(bytes[3]);
    header->stream = frame_read_31(bytes + 5);
}

// Allowed places of a type: a stream, the connection (stream 0), or both.
enum place { ON_STREAM, ON_CONNECTION, ON_BOTH };

static enum place place_of(uint8_t type) {
    switch (type) {
    case FRAME_DATA:
    case FRAME_HEADERS:
    case FRAME_PRIORITY:
    case FRAME_RST_STREAM:
    case FRAME_PUSH_PROMISE:
    case FRAME_CONTINUATION:
        return ON_STREAM;
    case FRAME_SETTINGS:
    case FRAME_PING:
    case FRAME_GOAWAY:
    case FRAME_PRIORITY_UPDATE:
        return ON_CONNECTION;
    default:
        return ON_BOTH;
    }
}

static enum result check_place(const struct frame_header *header, struct http2_fault *fault) {
    enum place place = place_of(header->type);
    if (place == ON_STREAM && header->stream == 0) {
        return http2_fail(fault, true, HTTP2_PROTOCOL_ERROR, "frame of a stream on stream 0");
    }
    if (place == ON_CONNECTION && header->stream != 0) {
        return http2_fail(fault, true, HTTP2_PROTOCOL_ERROR, "frame of the connection on a stream");
    }
    return RESULT_OK;
}

static bool has_right_length(const struct frame_header *header) {
    switch (header->type) {
    case FRAME_PRIORITY:
        return header->length == PRIORITY_SIZE;
    case FRAME_RST_STREAM:
    case FRAME_WINDOW_UPDATE:
        return header->length == 4;
    case FRAME_SETTINGS:
        return (header->flags & FRAME_ACK) != 0 ? header->length == 0
                                                : header->length % FRAME_PARAMETER_SIZE == 0;
    case FRAME_PING:
        return header->length == PING_SIZE;
    case FRAME_GOAWAY:
        return header->length >= GOAWAY_SIZE;
    case FRAME_PRIORITY_UPDATE:
        return header->length >= 4;
    default:
        return header->length >= frame_prefix_size(header);
    }
}

enum result frame_check(const struct frame_header *header, uint32_t size_max,
                        struct http2_fault *fault) {
    if (header->length > size_max) {
        return http2_fail(fault, true, HTTP2_FRAME_SIZE_ERROR, "frame over the maximum size");
    }
    if (header->type == FRAME_PUSH_PROMISE) {
        return http2_fail(fault, true, HTTP2_PROTOCOL_ERROR, "PUSH_PROMISE of a client");
    }
    if (check_place(header, fault) != RESULT_OK) {
        return RESULT_ERROR;
    }
    if (!has_right_length(header)) {
        // RFC 9113 6.3: for a PRIORITY frame this is only a stream error.
        return http2_fail(fault, header->type != FRAME_PRIORITY, HTTP2_FRAME_SIZE_ERROR,
                          "frame with a length that its type does not have");
    }
    return RESULT_OK;
}

uint32_t frame_prefix_size(const struct frame_header *header) {
    if (header->type == FRAME_PRIORITY) {
        return PRIORITY_SIZE;
    }
    return ((header->flags & FRAME_PADDED) != 0 ? 1 : 0) +
           ((header->flags & FRAME_HAS_PRIORITY) != 0 ? PRIORITY_SIZE : 0);
}

enum result frame_read_prefix(const struct frame_header *header, const uint8_t *prefix,
                              struct frame_layout *layout, struct http2_fault *fault) {
    uint32_t size = frame_prefix_size(header);
    bool padded = (header->flags & FRAME_PADDED) != 0;
    *layout = (struct frame_layout){.padding = padded ? prefix[0] : 0};
    if (layout->padding > header->length - size) {
        return http2_fail(fault, true, HTTP2_PROTOCOL_ERROR, "padding longer than its frame");
    }
    layout->content = header->length - size - layout->padding;
    if (size >= PRIORITY_SIZE) {
        layout->has_dependency = true;
        layout->dependency = frame_read_31(prefix + (padded ? 1 : 0));
    }
    if (layout->has_dependency && layout->dependency == header->stream) {
        return http2_fail(fault, false, HTTP2_PROTOCOL_ERROR, "stream depends on itself");
    }
    return RESULT_OK;
}

void frame_read_parameter(const uint8_t bytes[FRAME_PARAMETER_SIZE],
                          struct frame_parameter *parameter) {
    parameter->id = (uint16_t)(bytes[0] << 8 | bytes[1]);
    parameter->value = frame_read_32(bytes + 2);
}

enum result frame_check_parameter(const struct frame_parameter *parameter,
                                  struct http2_fault *fault) {
    switch (parameter->id) {
    case SETTING_ENABLE_PUSH:
    case SETTING_ENABLE_CONNECT_PROTOCOL:
    case SETTING_NO_RFC7540_PRIORITIES:
        return parameter->value <= 1 ? RESULT_OK
                                     : http2_fail(fault, true, HTTP2_PROTOCOL_ERROR,
                                                  "setting that is neither 0 nor 1");
    case SETTING_INITIAL_WINDOW_SIZE:
        return parameter->value <= FRAME_WINDOW_MAX
                   ? RESULT_OK
                   : http2_fail(fault, true, HTTP2_FLOW_CONTROL_ERROR,
                                "SETTINGS_INITIAL_WINDOW_SIZE over 2^31-1");
    case SETTING_MAX_FRAME_SIZE:
        return parameter->value >= FRAME_SIZE_DEFAULT && parameter->value <= FRAME_SIZE_LIMIT
                   ? RESULT_OK
                   : http2_fail(fault, true, HTTP2_PROTOCOL_ERROR,
                                "SETTINGS_MAX_FRAME_SIZE out of range");
    default:
        return RESULT_OK;
    }
}

// --- writing ---

static void write_32(uint8_t *bytes, uint32_t value) {
    bytes[0] = (uint8_t)(value >> 24);
    bytes[1] = (uint8_t)(value >> 16);
    bytes[2] = (uint8_t)(value >> 8);
    bytes[3] = (uint8_t)value;
}

void frame_write_header(uint8_t bytes[FRAME_HEADER_SIZE], const struct frame_header *header) {
    write_32(bytes, header->length << 8);
    bytes[3] = header->type;
    bytes[4] = header->flags;
    write_32(bytes + 5, header->stream);
}

static void put_header(struct builder *output, uint8_t type, uint8_t flags, uint32_t stream,
                       size_t length) {
    uint8_t bytes[FRAME_HEADER_SIZE];
    frame_write_header(bytes, &(struct frame_header){(uint32_t)length, stream, type, flags});
    builder_put_bytes(output, bytes, sizeof bytes);
}

void frame_put_settings(struct builder *output, const struct frame_parameter *parameters,
                        size_t count) {
    put_header(output, FRAME_SETTINGS, 0, 0, count * FRAME_PARAMETER_SIZE);
    for (size_t i = 0; i < count; i++) {
        builder_put(output, parameters[i].id, 2);
        builder_put(output, parameters[i].value, 4);
    }
}

void frame_put_settings_ack(struct builder *output) {
    put_header(output, FRAME_SETTINGS, FRAME_ACK, 0, 0);
}

void frame_put_ping(struct builder *output, const uint8_t data[8], bool ack) {
    put_header(output, FRAME_PING, ack ? FRAME_ACK : 0, 0, PING_SIZE);
    builder_put_bytes(output, data, PING_SIZE);
}

void frame_put_goaway(struct builder *output, uint32_t last_stream, enum http2_code code) {
    put_header(output, FRAME_GOAWAY, 0, 0, GOAWAY_SIZE);
    builder_put(output, last_stream, 4);
    builder_put(output, code, 4);
}

void frame_put_reset(struct builder *output, uint32_t stream, enum http2_code code) {
    put_header(output, FRAME_RST_STREAM, 0, stream, 4);
    builder_put(output, code, 4);
}

void frame_put_window_update(struct builder *output, uint32_t stream, uint32_t increment) {
    put_header(output, FRAME_WINDOW_UPDATE, 0, stream, 4);
    builder_put(output, increment, 4);
}

size_t frame_wrap_headers(uint8_t *bytes, size_t size, size_t capacity, uint32_t stream,
                          uint32_t size_max, bool end_stream) {
    size_t frames = size == 0 ? 1 : (size + size_max - 1) / size_max;
    size_t total = size + frames * FRAME_HEADER_SIZE;
    if (total > capacity) {
        return 0;
    }
    // From the last to the first, so that no part is overwritten before it has moved.
    for (size_t i = frames; i-- > 0;) {
        size_t begin = i * size_max;
        size_t length = i + 1 < frames ? size_max : size - begin;
        uint8_t *at = bytes + begin + i * FRAME_HEADER_SIZE;
        if (i > 0) {
            memmove(at + FRAME_HEADER_SIZE, bytes + FRAME_HEADER_SIZE + begin, length);
        }
        uint8_t flags = (i + 1 == frames ? FRAME_END_HEADERS : 0) |
                        (i == 0 && end_stream ? FRAME_END_STREAM : 0);
        frame_write_header(at, &(struct frame_header){(uint32_t)length, stream,
                                                      i == 0 ? FRAME_HEADERS : FRAME_CONTINUATION,
                                                      flags});
    }
    return total;
}
