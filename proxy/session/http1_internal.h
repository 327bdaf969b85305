// The stream of HTTP/1, for http1.c, http1_head.c, http1_body.c and http1_response.c.
#ifndef RAVELIN_SESSION_HTTP1_INTERNAL_H
#define RAVELIN_SESSION_HTTP1_INTERNAL_H

#include "exchange/exchange.h"
#include "session/bulk.h"
#include "session/http1.h"

struct head_pieces;

// A request and its response on the connection. Owner: the session.
struct http1_stream {
    struct stream stream;
    struct session *session;
    // NULL: the exchange has ended, and the rest of its request is dropped
    struct exchange *exchange;

    // request body
    enum http_framing framing;
    uint64_t left; // FRAMING_LENGTH: bytes of the body that have not been read yet
    struct chunk_decoder decoder;
    struct trailers *trailers; // NULL: no byte of the trailers has arrived
    uint32_t fields_max;       // largest number of trailer fields
    size_t given;              // bytes of segments that the exchange was given and has not taken
    bool whole;                // the end of the request body has been read
    bool stopped;              // the exchange wants no more of the body
    bool dropping;             // the rest of the body is dropped
    struct bulk bulk;

    // response
    uint8_t minor_version; // minor HTTP version of the client
    bool is_head;
    bool chunked;         // the body is framed in chunks for the client
    bool closes;          // a tunnel: Ravelin sends FIN after the last byte
    bool final_due;       // the last chunk is not sent yet
    char *final;          // bytes of the trailers that follow the last chunk; NULL: none
    size_t final_size;    // the last chunk with trailers; NULL: no trailers
    size_t final_sent;    // bytes of these that are in whole records already
    uint32_t output_slot; // slot of the last output since the last flush
    uint8_t *output_end;  // end of the last output, for chunk lines; NULL: no output
    struct head_pieces *pieces;
};

extern const struct stream_verbs http1_verbs;

static inline struct http1_stream *http1_of(struct stream *stream) {
    return LIST_ENTRY(stream, struct http1_stream, stream);
}

static inline const struct http1_stream *http1_of_const(const struct stream *stream) {
    return (const struct http1_stream *)((const char *)stream -
                                         offsetof(struct http1_stream, stream));
}

// --- verbs of a stream: http1.c ---

void http1_wake(struct stream *stream);
struct address http1_local_address(const struct stream *stream);
uint64_t http1_moved(const struct stream *stream);

// --- heads: http1_head.c ---

// Makes a stream without an exchange. The session owns it. NULL: no memory.
struct http1_stream *http1_new_stream(struct session *session);
// Begins the next exchange if a request head is complete or refused. False: the head is incomplete,
// or the session is closed because memory is short.
bool http1_begin(struct session *session);
// Responds with 408 to an incomplete head.
bool http1_begin_late(struct session *session);
// Call it when the client sends nothing more. Logs an incomplete head.
void http1_note_half(struct session *session);

// --- bodies: http1_body.c ---

void http1_body_begin(struct http1_stream *http1, const struct http_request *request);
enum result http1_body(struct stream *stream, struct stream_body *body);
void http1_taken(struct stream *stream);
void http1_stop(struct stream *stream, bool drop);
// Bytes of the body that have not arrived yet; UINT64_MAX: unknown.
uint64_t http1_expected(const struct http1_stream *http1);
// Whether the exchange has taken the whole request, so that another request may follow.
bool http1_request_ends(const struct http1_stream *http1);
// Drops the received bytes of the rest of the request. RESULT_OK: the request is complete.
// RESULT_AGAIN: the end has not arrived yet. RESULT_ERROR: the end cannot be found.
enum result http1_drop(struct http1_stream *http1) MUST_CHECK;

// --- responses: http1_response.c ---

struct room *http1_room(struct stream *stream, size_t lead);
enum result http1_head(struct stream *stream, const struct stream_head *head);
size_t http1_fits(struct stream *stream, uint32_t slot, const uint8_t *data, size_t size);
enum result http1_data(struct stream *stream, uint32_t slot, uint8_t *data, size_t size);
enum result http1_end(struct stream *stream, const struct http_fields *trailers);
enum result http1_answer(struct stream *stream, uint16_t status, struct slice fields,
                         const struct http_page *page, uint64_t *body_size);
enum result http1_flush(struct stream *stream);
void http1_response_free(struct http1_stream *http1);

#endif
