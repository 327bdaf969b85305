// Functions that the files that read frames share. A frame is read in steps: header, prefix,
// content in parts as they arrive, padding.
#ifndef RAVELIN_HTTP2_RECEIVE_INTERNAL_H
#define RAVELIN_HTTP2_RECEIVE_INTERNAL_H

#include "http2/connection_internal.h"

// --- receive_common.c ---

// Makes the connection fail. Always RESULT_ERROR.
enum result receive_fail(struct http2_connection *connection, enum http2_code code,
                         const char *why);
// Ends a stream with RST_STREAM. If the number was never used, the connection fails instead,
// because RST_STREAM must not be sent for it (RFC 9113 6.4). Charges HTTP2_COST_FAULT.
enum result receive_refuse(struct http2_connection *connection, uint32_t id,
                           const struct http2_fault *fault) MUST_CHECK;
// Handles a frame of a closed stream. `is_error`: the frame must not come after the end.
enum result receive_on_closed(struct http2_connection *connection, enum stream_place place,
                              bool is_error) MUST_CHECK;
enum result receive_on_idle(struct http2_connection *connection);
// Reads bytes until reader->gathered has `wanted`. True: it has.
bool receive_gather(struct http2_reader *reader, const uint8_t **at, const uint8_t *end,
                    size_t wanted);
// The client has ended its side of a stream.
void receive_end(struct http2_connection *connection, uint32_t id);

// --- receive_headers.c ---

// Begins a HEADERS frame. Its prefix may have set a fault in reader->fault already.
enum result receive_begin_headers(struct http2_connection *connection) MUST_CHECK;
// Begins a frame of a header block.
enum result receive_begin_fragment(struct http2_connection *connection) MUST_CHECK;
// Decodes a block in place if it is contiguous; otherwise gathers it.
enum result receive_read_fragment(struct http2_connection *connection, const uint8_t **at,
                                  const uint8_t *end) MUST_CHECK;

// --- receive_control.c ---

enum result receive_read_settings(struct http2_connection *connection, const uint8_t **at,
                                  const uint8_t *end) MUST_CHECK;
enum result receive_finish_settings(struct http2_connection *connection) MUST_CHECK;
// Gathers the bytes that have a meaning, and skips the rest.
enum result receive_read_small(struct http2_connection *connection, const uint8_t **at,
                               const uint8_t *end) MUST_CHECK;

#endif
