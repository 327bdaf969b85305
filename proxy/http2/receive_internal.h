// What the files that read frames share. A frame is read in steps: header, prefix, content in as
// many parts as it comes, padding.
#ifndef RAVELIN_HTTP2_RECEIVE_INTERNAL_H
#define RAVELIN_HTTP2_RECEIVE_INTERNAL_H

#include "http2/connection_internal.h"

// --- receive_common.c ---

// The connection fails. Always RESULT_ERROR.
enum result receive_fail(struct http2_connection *connection, enum http2_code code,
                         const char *why);
// Ends a stream with RST_STREAM, if there is one to be ended: a number that was never used must not
// get one (RFC 9113 6.4), then the connection fails. Costs HTTP2_COST_FAULT.
enum result receive_refuse(struct http2_connection *connection, uint32_t id,
                           const struct http2_fault *fault) MUST_CHECK;
// A frame of a stream that is not there any more. `is_error`: one that must not come after the end.
enum result receive_on_closed(struct http2_connection *connection, enum stream_place place,
                              bool is_error) MUST_CHECK;
enum result receive_on_idle(struct http2_connection *connection);
// Takes bytes until there are `wanted` in reader->gathered. True: there are.
bool receive_gather(struct http2_reader *reader, const uint8_t **at, const uint8_t *end,
                    size_t wanted);
// The client's side of a stream has ended.
void receive_end(struct http2_connection *connection, uint32_t id);

// --- receive_headers.c ---

// Of a HEADERS frame; its prefix may have found a fault already, in reader->fault.
enum result receive_begin_headers(struct http2_connection *connection) MUST_CHECK;
// Of each frame of a header block.
enum result receive_begin_fragment(struct http2_connection *connection) MUST_CHECK;
// Decodes a block in place when it is here in one piece; else gathers it.
enum result receive_read_fragment(struct http2_connection *connection, const uint8_t **at,
                                  const uint8_t *end) MUST_CHECK;

// --- receive_control.c ---

enum result receive_read_settings(struct http2_connection *connection, const uint8_t **at,
                                  const uint8_t *end) MUST_CHECK;
enum result receive_finish_settings(struct http2_connection *connection) MUST_CHECK;
// Gathers as much as means something and skips the rest.
enum result receive_read_small(struct http2_connection *connection, const uint8_t **at,
                               const uint8_t *end) MUST_CHECK;

#endif
