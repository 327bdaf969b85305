// Rewrites the URLs that a WebDAV request has in other fields than its target: Destination of MOVE
// and COPY (RFC 4918 10.3) and the tags of If (10.4).
//
// The client writes these URLs as it sees them: with https and with the prefix of the route. A
// server that gets plain HTTP compares them with its own scheme, and does not know a stripped
// prefix. So an absolute URL gets http and the Host of the request. Absolute URLs and paths get the
// path that a request for them would have.
//
// Invariant: the Destination of a MOVE or COPY reaches a server only if a request of this client
// for the Destination would reach the same backend. `allow` and `deny` of that route apply, too.
// For other methods the field stays as received.
#ifndef RAVELIN_EXCHANGE_DAV_H
#define RAVELIN_EXCHANGE_DAV_H

#include "exchange/rules.h"
#include "http/forwarded.h"

// Rewrites the values of these fields. The new values are in the service's scratch space, which
// must not be used until the head is encoded.
//   choice  has its route and its client
//   told    from a trusted proxy; NULL: none
//   growth  out: bytes by which the fields are longer
//   400     Destination is repeated or malformed, or servers could map it to different routes
//   403     the route of the Destination does not allow this client
//   431     no space for the new values
//   502     the Destination is on another host or backend (RFC 4918 9.8.5, 9.9.4)
// A tag of If to which one of these applies stays as received, so that its condition fails.
struct answer dav_rewrite(struct choice *choice, struct http_request *request,
                          const struct http_told *told, size_t *growth);

#endif
