// The URLs that a WebDAV request names beside its target: Destination of MOVE and COPY (RFC 4918
// 10.3) and the tags of If (10.4), as the server must see them.
//
// The client names them as it sees them: with https, and with the prefix of the route. A server
// that is spoken to in plain HTTP compares them with its own scheme, and does not know a prefix
// that was stripped. So an absolute URL gets http and the Host of the request, and both kinds get
// the path that a request for them would have.
//
// Invariant: the Destination of a MOVE or COPY reaches a server only if a request for it would
// reach the same backend, from this client: another route's `allow` and `deny` hold for it, too. In
// other methods the field stays as it was received.
#ifndef RAVELIN_EXCHANGE_DAV_H
#define RAVELIN_EXCHANGE_DAV_H

#include "exchange/rules.h"
#include "http/forwarded.h"

// Rewrites the values of these fields. They lie in the service's scratch then, which must stay as
// it is until the head is encoded. *growth: by how much they are longer. Answers:
//   400  Destination is repeated or malformed, or servers could take it to different routes
//   403  the route of the destination does not let this client in
//   431  there is no room for the new values
//   502  the destination is on another host or backend (RFC 4918 9.8.5, 9.9.4)
// A tag of If for which one of these holds stays as it was received: its condition fails. choice
// has its route and its client. `told`: by a trusted proxy, NULL if there is none.
struct answer dav_rewrite(struct choice *choice, struct http_request *request,
                          const struct http_told *told, size_t *growth);

#endif
