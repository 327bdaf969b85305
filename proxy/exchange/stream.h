// A stream: the client's side of one exchange. The session makes a stream for each request, passes
// it to exchange_new(), and keeps it until after exchange_finish(). The exchange knows its client
// only as a stream. session/http1 implements the stream for HTTP/1, session/http2 for HTTP/2.
//
// A request body is given as runs of plaintext, without framing, in the memory where they were
// opened. They stay there until taken() or stop().
//
// A response is a head, data and an end. Data is never copied. The stream lends a room. The
// exchange reads a server's bytes into it and names the data in it. The stream frames the data for
// the client. The stream may write to these parts of the room:
//   - before data, as far back as the end of the data that was named before;
//   - ROOM_TAIL bytes behind data, unless fits() did not allow all of it;
//   - the whole room, when the response has ended.
// Other unread bytes belong to the exchange. The room is lent until it has no unread bytes. At the
// end of a round this is so, unless the stream could not frame all of them at once. Therefore an
// incomplete head is kept elsewhere.
//
// A verb never calls the exchange, except by wake().
#ifndef RAVELIN_EXCHANGE_STREAM_H
#define RAVELIN_EXCHANGE_STREAM_H

#include "base/list.h"
#include "base/network.h"
#include "base/result.h"
#include "exchange/client.h"
#include "http/encode.h"
#include "http/parse.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#define STREAM_RUNS_MAX 18
#define ROOM_PARTS 4
#define ROOM_TAIL 2 // bytes behind data, and behind each part

// The received part of a request's body.
struct stream_body {
    uint32_t count;
    bool whole; // nothing follows these runs
    // If `whole`: the trailers, valid until the scratch fields are used again. NULL: none.
    const struct http_fields *trailers;
    const char *why;                    // static, after RESULT_ERROR
    struct iovec runs[STREAM_RUNS_MAX]; // none is empty
};

// A part of the room: `capacity` bytes at `data`. Unread bytes are in [begin, end).
struct room_part {
    uint8_t *data;
    uint32_t capacity;
    uint32_t begin;
    uint32_t end;
};

struct room {
    struct room_part parts[ROOM_PARTS];
};

static inline size_t room_part_unread(const struct room_part *part) {
    return part->end - part->begin;
}

static inline size_t room_unread(const struct room *room) {
    size_t size = 0;
    for (uint32_t i = 0; i < ROOM_PARTS; i++) {
        size += room_part_unread(&room->parts[i]);
    }
    return size;
}

// Marks all bytes as read.
static inline void room_clear(struct room *room) {
    for (uint32_t i = 0; i < ROOM_PARTS; i++) {
        room->parts[i].begin = room->parts[i].end = 0;
    }
}

// Bytes by which a head may grow for the client, if nothing is set in it.
#define STREAM_HEAD_GROWTH 256

struct stream_head {
    const struct http_response *response;
    size_t size; // of the received head
    // True: the head is in the first part, before its unread bytes. False: the first part has no
    // unread bytes.
    bool in_room;
    bool request_is_cut;     // the server did not take the whole request, and will not
    struct slice set_cookie; // this and the next ones: see struct http_response_framing
    uint32_t hsts_s;
    const struct config_changes *changes;
    struct slice added; // as above
};

struct stream;

struct stream_verbs {
    // Has exchange_advance() called, because an event has arrived for which the exchange waits.
    void (*wake)(struct stream *stream);
    // The local address of the client's connection.
    struct address (*local_address)(const struct stream *stream);
    // Bytes moved by the client so far that no exchange sees: acknowledged ones, and ones that were
    // dropped. May cost a system call.
    uint64_t (*moved)(const struct stream *stream);

    // Gives the received part of the body. All runs given before must have been taken. Sets the
    // used members of *body. RESULT_AGAIN: nothing. RESULT_EOF: nothing, and the client has ended.
    // RESULT_ERROR: malformed.
    enum result (*body)(struct stream *stream, struct stream_body *body);
    // The runs of the last body() are not needed any more.
    void (*taken)(struct stream *stream);
    // The rest of the body and the given runs are not needed. May be called without a body, and
    // more than once. `drop`: true: the stream reads and drops the rest, so that the client gets to
    // read the response (RFC 9112 9.6). false: no more will arrive, or the end of the body cannot
    // be found.
    void (*stop)(struct stream *stream, bool drop);

    // Returns empty room for bytes of the server. Its first `lead` bytes stay free. NULL: no
    // memory; if `unsent` is set then: not now, see `held_by`.
    struct room *(*room)(struct stream *stream, size_t lead);
    // Sends the head of a response, interim or final. After a head with FRAMING_TUNNEL, runs are
    // the client's bytes of the tunnel. RESULT_AGAIN: the head was taken, but nothing may follow
    // before flush() returns RESULT_OK. RESULT_ERROR: no memory.
    enum result (*head)(struct stream *stream, const struct stream_head *head);
    // Number of bytes, from the first one on, that can be named as data now. The rest can be named
    // after flush().
    size_t (*fits)(struct stream *stream, uint32_t part, const uint8_t *data, size_t size);
    // Names data in the room as the next part of the body. It must fit (see fits()). The exchange
    // must not need bytes before or behind it that the stream may write.
    enum result (*data)(struct stream *stream, uint32_t part, uint8_t *data, size_t size);
    // Ends the response. `trailers`: NULL: none. RESULT_ERROR: no memory.
    enum result (*end)(struct stream *stream, const struct http_fields *trailers);
    // Sends a whole response of Ravelin in place of a server's. No final head may have been sent.
    // The room is empty afterwards.
    //   fields     further lines, each with CRLF
    //   page       its body, at most BUNDLE_PAGE_MAX bytes, which is copied. NULL: the default page
    //              of the status
    //   body_size  out: size of the body
    enum result (*answer)(struct stream *stream, uint16_t status, struct slice fields,
                          const struct http_page *page, uint64_t *body_size);
    // Sends all pending bytes. RESULT_OK: all were sent. RESULT_AGAIN: the client accepts no more
    // now. RESULT_ERROR: the connection broke.
    enum result (*flush)(struct stream *stream);
};

// Why flush() must be called.
enum stream_hold {
    HELD_UNSENT, // bytes are unsent, or no send was tried yet
    HELD_CLOSED, // the client's window is shut. No earlier byte is half sent
    // Other streams have their turn; Ravelin does not wait for the client. Nothing is half sent.
    HELD_TURN,
};

struct stream {
    const struct stream_verbs *verbs;
    const struct client *client;
    struct list_node *kept; // idle server connections that are bound to this client
    uint32_t *steps_left;   // steps of this turn of the loop, shared by the streams of a session
    uint32_t target_size;   // longest accepted target in bytes
    uint64_t sent;          // bytes sent so far
    bool unsent;            // flush() must be called
    uint8_t held_by;        // an enum stream_hold, while `unsent`
    bool http2;             // for the log
    bool keeps_heads;       // after head() has taken a final head, answer() cannot replace it
    // The request is a WebSocket over HTTP/2. The exchange must check that the server opens it.
    bool websocket;
    // Another request may follow on the connection; stream and exchange may clear it.
    bool keep_alive;
};

#endif
