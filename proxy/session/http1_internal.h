// What the files of HTTP/1 know of each other: http1.c, http1_head.c, http1_body.c,
// http1_response.c.
#ifndef RAVELIN_SESSION_HTTP1_INTERNAL_H
#define RAVELIN_SESSION_HTTP1_INTERNAL_H

#include "exchange/exchange.h"
#include "session/http1.h"

struct head_pieces;

// A request and its response on the connection.
struct http1_stream {
    struct stream stream;
    struct session *session;
    struct exchange *exchange; // NULL: it has ended, and the rest of its request is dropped

    // request body
    enum http_framing framing;
    uint64_t left; // FRAMING_LENGTH
    struct chunk_decoder decoder;
    struct trailers trailers;
    uint32_t fields_max; // of the trailers
    size_t given;        // bytes of segments that the exchange has been given and not taken
    bool whole;          // the last of them has been seen
    bool stopped;        // the exchange wants no more
    bool dropping;       // and what still comes is dropped

    // response
    uint8_t minor_version; // of the client
    bool is_head;
    bool chunked;         // the body is framed in chunks for the client
    bool closes;          // a tunnel: our direction ends when all is sent
    bool final_due;       // the last chunk is to be sent
    char *final;          // with these trailers; NULL: none
    size_t final_size;    // of what is to be sent at the end
    size_t final_sent;    // of that, in whole records
    uint32_t output_slot; // of the last output since the last flush
    uint8_t *output_end;  // where it ends, for chunk lines; NULL: there is none
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

// --- what a stream tells: http1.c ---

void http1_wake(struct stream *stream);
struct address http1_local_address(const struct stream *stream);
uint64_t http1_moved(const struct stream *stream);

// --- heads: http1_head.c ---

// A stream without an exchange, which the session owns. NULL: no memory.
struct http1_stream *http1_new_stream(struct session *session);
// Begins the next exchange when its head is there, or is refused. False: it is not there yet, or
// the session is closed for want of memory.
bool http1_begin(struct session *session);
// Answers 408 to what has come of a head.
bool http1_begin_late(struct session *session);
// The client will send nothing more: what has come of a head is told in the log.
void http1_note_half(struct session *session);

// --- bodies: http1_body.c ---

void http1_body_begin(struct http1_stream *http1, const struct http_request *request);
enum result http1_body(struct stream *stream, struct stream_body *body);
void http1_taken(struct stream *stream);
void http1_stop(struct stream *stream, bool drop);
// All of the request has been taken, so that another may follow.
bool http1_request_ends(const struct http1_stream *http1);
// Drops what has come of the rest. RESULT_OK: the request is complete. RESULT_AGAIN: more must
// arrive. RESULT_ERROR: its end cannot be found.
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
