// A stream: the client's side of one exchange. Whoever knows how a client's bytes travel makes one
// for each request, hands it to exchange_new() and keeps it until after exchange_finish(). An
// exchange knows its client by this alone. session/http1 is the stream of HTTP/1.
//
// Request bodies come as runs of plaintext that lie where they were opened; nothing frames them.
// They stay there until taken() or stop().
//
// A response is a head, data and an end. Data is never copied: the stream lends room, the exchange
// reads a server's bytes into it and names what of them is body, where it lies. The stream frames
// it for the client. Of the room it may write over
//   - what lies before data, as far back as the data that was named before;
//   - ROOM_TAIL bytes behind data, unless fits() has left some of it;
//   - all of it, when the response has ended.
// Other bytes that are unread are the exchange's. The room is lent until there are none; that is so
// at the end of a round unless there were more than the stream could frame at once. Therefore an
// incomplete head is kept elsewhere.
//
// No verb calls back into the exchange but through wake().
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
#define ROOM_TAIL 2 // bytes behind data, and also behind all of a part

// What has come of a request's body.
struct stream_body {
    uint32_t count;
    bool whole; // nothing follows these runs
    // When it is whole. They are valid until the scratch fields are used again. NULL: none.
    const struct http_fields *trailers;
    const char *why;                    // static, after RESULT_ERROR
    struct iovec runs[STREAM_RUNS_MAX]; // none is empty
};

// A part of the room takes `capacity` bytes at `data`. Offsets: what is unread.
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

// Nothing in it is unread.
static inline void room_clear(struct room *room) {
    for (uint32_t i = 0; i < ROOM_PARTS; i++) {
        room->parts[i].begin = room->parts[i].end = 0;
    }
}

// How much longer a head may be for the client than it was received, if nothing is set in it.
#define STREAM_HEAD_GROWTH 256

struct stream_head {
    const struct http_response *response;
    size_t size; // of the received head
    // It lay in the first part, before what is unread there. Else nothing is unread there.
    bool in_room;
    bool request_is_cut;     // not all of the request was taken, nor will be
    struct slice set_cookie; // these three: see struct http_response_framing
    uint32_t hsts_s;
    const struct config_changes *changes;
};

struct stream;

struct stream_verbs {
    // What the exchange waits for has come: has exchange_advance() called.
    void (*wake)(struct stream *stream);
    // The address that the client has connected to.
    struct address (*local_address)(const struct stream *stream);
    // How many bytes the client has moved ever that no exchange sees: acknowledged, and sent to be
    // dropped. May cost a system call.
    uint64_t (*moved)(const struct stream *stream);

    // What has come of the body; everything that was given before has been taken. Sets all of *body
    // that is in use. RESULT_AGAIN: nothing. RESULT_EOF: nothing, and the client has ended.
    // RESULT_ERROR: malformed.
    enum result (*body)(struct stream *stream, struct stream_body *body);
    // What body() gave last is not needed any more.
    void (*taken)(struct stream *stream);
    // The rest of the body is not wanted, nor what was given. Without a body it means nothing.
    // `drop`: what still comes is read and dropped, so that the client comes to read the response
    // (RFC 9112 9.6); else no more comes, or its end cannot be found. Once more is fine.
    void (*stop)(struct stream *stream, bool drop);

    // Empty room for bytes of the server, of which the first `lead` bytes stay free. NULL: no
    // memory, or, when `unsent` is set then, not now: see `held_by`.
    struct room *(*room)(struct stream *stream, size_t lead);
    // The head of a response, interim or final; with FRAMING_TUNNEL runs are the client's bytes
    // from then on. RESULT_AGAIN: it is taken, but nothing may follow it before flush() returns
    // RESULT_OK. RESULT_ERROR: no memory.
    enum result (*head)(struct stream *stream, const struct stream_head *head);
    // How many bytes of this data can be named now, from its first one on. The others can after
    // flush().
    size_t (*fits)(struct stream *stream, uint32_t part, const uint8_t *data, size_t size);
    // Names data of the room as the next of the body. It must fit, and the bytes before and behind
    // it must have been used.
    enum result (*data)(struct stream *stream, uint32_t part, uint8_t *data, size_t size);
    // The response is whole. `trailers`: NULL, none. RESULT_ERROR: no memory.
    enum result (*end)(struct stream *stream, const struct http_fields *trailers);
    // A whole response of our own, in place of a server's; no final head has been sent. `fields`:
    // further lines, each with CRLF. `page`: its body, of BUNDLE_PAGE_MAX bytes at most, which is
    // copied; NULL: the small page of the status. *body_size: of its body. The room is empty
    // afterwards.
    enum result (*answer)(struct stream *stream, uint16_t status, struct slice fields,
                          const struct http_page *page, uint64_t *body_size);
    // Sends what there is. RESULT_OK: all of it. RESULT_AGAIN: the client takes no more now.
    // RESULT_ERROR: the connection broke.
    enum result (*flush)(struct stream *stream);
};

// Why flush() is due.
enum stream_hold {
    HELD_UNSENT, // the client did not take all, or was not asked yet
    HELD_CLOSED, // the client allows no more bytes now. None of those before is half sent
    HELD_TURN,   // others have their turn; the client is not waited for. Nothing is half sent
};

struct stream {
    const struct stream_verbs *verbs;
    const struct client *client;
    struct list_node *kept; // connections to servers that are bound to this client
    uint32_t *steps_left;   // of this turn of the loop, shared by the streams of a session
    uint32_t target_size;   // the longest target that is accepted
    uint64_t sent;          // bytes that have left, ever
    bool unsent;            // flush() is due
    uint8_t held_by;        // an enum stream_hold, while `unsent`
    bool http2;             // for the log
    bool keeps_heads;       // a final head that head() has taken cannot be replaced by answer()
    bool keep_alive;        // another request may follow on the connection; anybody may clear it
};

#endif
