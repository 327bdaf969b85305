// Frames of HTTP/2 (RFC 9113 4 and 6, RFC 9218 7): strict reading of all frames, and writing of the
// frames that a server sends.
//
// A frame is read in steps, so that its payload need not be contiguous: the header of 9 bytes, the
// prefix (frame_prefix_size() bytes: pad length, fields of priority), then the content.
// http2/connection decides what a frame means for its stream. Reserved bits and unknown flags are
// ignored. No I/O, no allocation, no state.
#ifndef RAVELIN_HTTP2_FRAME_H
#define RAVELIN_HTTP2_FRAME_H

#include "base/builder.h"
#include "base/result.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define FRAME_HEADER_SIZE 9
#define FRAME_SIZE_DEFAULT 16384   // SETTINGS_MAX_FRAME_SIZE before any SETTINGS
#define FRAME_SIZE_LIMIT 16777215  // largest SETTINGS_MAX_FRAME_SIZE
#define FRAME_WINDOW_DEFAULT 65535 // SETTINGS_INITIAL_WINDOW_SIZE before any SETTINGS
#define FRAME_WINDOW_MAX 0x7fffffff
#define FRAME_STREAM_MAX 0x7fffffff
#define FRAME_TABLE_DEFAULT 4096 // SETTINGS_HEADER_TABLE_SIZE before any SETTINGS
#define FRAME_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

enum frame_type {
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_PRIORITY = 2,
    FRAME_RST_STREAM = 3,
    FRAME_SETTINGS = 4,
    FRAME_PUSH_PROMISE = 5,
    FRAME_PING = 6,
    FRAME_GOAWAY = 7,
    FRAME_WINDOW_UPDATE = 8,
    FRAME_CONTINUATION = 9,
    FRAME_PRIORITY_UPDATE = 16,
};

enum frame_flag {
    FRAME_ACK = 0x1,
    FRAME_END_STREAM = 0x1,
    FRAME_END_HEADERS = 0x4,
    FRAME_PADDED = 0x8,
    FRAME_HAS_PRIORITY = 0x20,
};

enum frame_setting {
    SETTING_HEADER_TABLE_SIZE = 1,
    SETTING_ENABLE_PUSH = 2,
    SETTING_MAX_CONCURRENT_STREAMS = 3,
    SETTING_INITIAL_WINDOW_SIZE = 4,
    SETTING_MAX_FRAME_SIZE = 5,
    SETTING_MAX_HEADER_LIST_SIZE = 6,
    SETTING_ENABLE_CONNECT_PROTOCOL = 8,
    SETTING_NO_RFC7540_PRIORITIES = 9,
};

enum http2_code {
    HTTP2_NO_ERROR = 0,
    HTTP2_PROTOCOL_ERROR = 1,
    HTTP2_INTERNAL_ERROR = 2,
    HTTP2_FLOW_CONTROL_ERROR = 3,
    HTTP2_SETTINGS_TIMEOUT = 4,
    HTTP2_STREAM_CLOSED = 5,
    HTTP2_FRAME_SIZE_ERROR = 6,
    HTTP2_REFUSED_STREAM = 7,
    HTTP2_CANCEL = 8,
    HTTP2_COMPRESSION_ERROR = 9,
    HTTP2_CONNECT_ERROR = 10,
    HTTP2_ENHANCE_YOUR_CALM = 11,
    HTTP2_INADEQUATE_SECURITY = 12,
    HTTP2_HTTP_1_1_REQUIRED = 13,
};

// The reason why a frame is refused. A connection error ends the connection with GOAWAY. A stream
// error ends the stream with RST_STREAM.
struct http2_fault {
    enum http2_code code;
    bool of_connection;
    const char *why; // a static text for the log
};

static inline enum result http2_fail(struct http2_fault *fault, bool of_connection,
                                     enum http2_code code, const char *why) {
    *fault = (struct http2_fault){code, of_connection, why};
    return RESULT_ERROR;
}

// --- reading ---

struct frame_header {
    uint32_t length; // bytes of the payload
    uint32_t stream;
    uint8_t type;  // an enum frame_type, or an unknown type
    uint8_t flags; // only flags that the type defines
};

// Sizes of the parts of a payload: prefix, content, padding.
struct frame_layout {
    uint32_t content; // bytes behind the prefix
    uint32_t padding; // bytes behind the content
    bool has_dependency;
    // If has_dependency: the stream that a HEADERS or PRIORITY frame depends on.
    uint32_t dependency;
};

void frame_read_header(const uint8_t bytes[FRAME_HEADER_SIZE], struct frame_header *header);

// Checks a header on the side of a server: the length (at most `size_max`, and correct for the
// type), and whether the type may have this stream number. Refuses PUSH_PROMISE.
enum result frame_check(const struct frame_header *header, uint32_t size_max,
                        struct http2_fault *fault) MUST_CHECK;

// Bytes of the payload that frame_read_prefix() needs: 0 to 6. frame_check() has checked that the
// payload has as many.
uint32_t frame_prefix_size(const struct frame_header *header);

// Reads pad length and priority fields of DATA, HEADERS and PRIORITY. For all other types, the
// whole payload is content.
enum result frame_read_prefix(const struct frame_header *header, const uint8_t *prefix,
                              struct frame_layout *layout, struct http2_fault *fault) MUST_CHECK;

// Reads a big-endian number. frame_read_31() clears the reserved bit.
uint32_t frame_read_32(const uint8_t bytes[4]);
uint32_t frame_read_31(const uint8_t bytes[4]);

struct frame_parameter {
    uint16_t id; // an enum frame_setting, or an unknown setting
    uint32_t value;
};

#define FRAME_PARAMETER_SIZE 6

void frame_read_parameter(const uint8_t bytes[FRAME_PARAMETER_SIZE],
                          struct frame_parameter *parameter);
// Checks the value of a client's setting (RFC 9113 6.5.2, RFC 8441 3, RFC 9218 2.1).
enum result frame_check_parameter(const struct frame_parameter *parameter,
                                  struct http2_fault *fault) MUST_CHECK;

// --- writing ---

// Writes a header in place, for example before the bytes of a DATA frame.
void frame_write_header(uint8_t bytes[FRAME_HEADER_SIZE], const struct frame_header *header);

void frame_put_settings(struct builder *output, const struct frame_parameter *parameters,
                        size_t count);
void frame_put_settings_ack(struct builder *output);
void frame_put_ping(struct builder *output, const uint8_t data[8], bool ack);
void frame_put_goaway(struct builder *output, uint32_t last_stream, enum http2_code code);
void frame_put_reset(struct builder *output, uint32_t stream, enum http2_code code);
void frame_put_window_update(struct builder *output, uint32_t stream, uint32_t increment);

// Makes a HEADERS frame of a header block of `size` bytes at bytes + FRAME_HEADER_SIZE. If `size` >
// `size_max`, CONTINUATION frames follow, and parts of the block are moved to make space for their
// headers. Returns the bytes used from `bytes` on. 0: they would be more than `capacity`; nothing
// has changed.
size_t frame_wrap_headers(uint8_t *bytes, size_t size, size_t capacity, uint32_t stream,
                          uint32_t size_max, bool end_stream);

#endif
