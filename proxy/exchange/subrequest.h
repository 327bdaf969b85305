// A subrequest: a GET that Ravelin makes on behalf of a client's request, with its response in
// memory.
//
// A subrequest is an exchange whose stream is in memory. So the pool, the queue, retries, health
// and the time limits of its backend apply as for any request. The owner calls
// subrequest_advance(), exchange_arm() and the deadline, as a session does for its exchanges.
//
// Bounds: the head of the response is limited to response-header-size. The first
// SUBREQUEST_BODY_MAX bytes of the body are kept. A larger body is not read to its end.
#ifndef RAVELIN_EXCHANGE_SUBREQUEST_H
#define RAVELIN_EXCHANGE_SUBREQUEST_H

#include "base/buffer.h"
#include "config/bundle.h"
#include "exchange/exchange.h"

#define SUBREQUEST_BODY_MAX BUNDLE_PAGE_MAX

struct subrequest {
    struct exchange *exchange; // NULL: not begun, or over
    struct stream stream;
    struct stream *client; // stream of the client's request
    void (*wake)(struct subrequest *subrequest);
    struct room room;
    uint8_t *memory; // of the room
    // Response:
    uint16_t status;      // 0: no valid response
    struct buffer fields; // lines "Name: value", each with CRLF; not those of the connection, nor
                          // Content-Length, Date and Server
    struct buffer body;
    bool body_is_cut; // the body is incomplete: it was too large, or memory is short
};

// Begins a subrequest. `client`, `choice` and `generation`: see exchange_new_subrequest(). Takes
// ownership of `head`, also on failure. False: memory is short.
bool subrequest_begin(struct subrequest *subrequest, struct stream *client,
                      struct generation *generation, const struct choice *choice,
                      struct slice head);
// Does all that can be done now. RESULT_OK: the response is complete, or its kept part is.
// RESULT_AGAIN: waits; wake() will be called. RESULT_ERROR: no valid response.
enum result subrequest_advance(struct subrequest *subrequest) MUST_CHECK;
// Call it after the deadline of `exchange`. RESULT_ERROR: as of subrequest_advance().
enum result subrequest_timed_out(struct subrequest *subrequest) MUST_CHECK;
// Adds a line to `lines`, if they have at most `most` bytes then. False: they would have more, or
// memory is short; a part of the line may have been added.
bool subrequest_add_line(struct buffer *lines, struct slice name, struct slice value, size_t most);
// Frees the members. `subrequest` may be zeroed, or not begun.
void subrequest_end(struct subrequest *subrequest);

#endif
