// Which route a request takes, what that asks of it before it goes on, and what it answers by
// itself.
//
// The order: who may come (403), how often (429), how large (413), then redirect and return. The client
// is the peer of the connection (or whom a PROXY header named). If that is one of trusted-proxies, the
// client is whom it names (http/forwarded.h).
//
// Invariant: a client that is unknown, because a trusted proxy's word cannot be read, passes no
// `allow` and no `deny` list. For `rate` and the logs it counts as the proxy that did not name it.
#ifndef RAVELIN_SESSION_ROUTE_RULES_H
#define RAVELIN_SESSION_ROUTE_RULES_H

#include "http/forwarded.h"
#include "http/parse.h"
#include "session/exchange.h"

// Chooses site, route and backend. Answers 421 for a host that no site names, or another site than the
// name in the TLS handshake; 404 without a route; 400 for a path that servers could take to different
// routes, or whose prefix cannot be stripped as it was matched.
struct answer route_rules_choose(struct exchange *exchange, const struct http_request *request);

// Sets exchange->client and exchange->unknown. Returns what a trusted proxy told, scratch space of the
// service; NULL if the peer is none.
const struct http_told *route_rules_find_client(struct exchange *exchange,
                                                const struct http_request *request);

// Applies exchange->route.
struct answer route_rules_apply(struct exchange *exchange, const struct http_request *request);

// The answer of a redirect listener: 308 to https, or 400 if the request names no host.
struct answer route_rules_to_https(struct exchange *exchange, const struct http_request *request);

// What the server is to be asked for: the target without the route's prefix, when it says so.
struct slice route_rules_path(const struct exchange *exchange, const struct http_request *request);

// Whether the client may come to this route, by its `allow` and `deny`.
bool route_rules_let_in(const struct exchange *exchange, const struct config_route *route);
// Whether a path (without its query) that leads to this route can be stripped, if the route wants
// that: its server must not see more or less stripped than was matched, and what is left must be a
// path of its own. `plain`: see http/path.h.
bool route_rules_can_strip(const struct config_route *route, struct slice path, bool plain);
// A path, and query, for this route without the prefix that it strips.
struct slice route_rules_strip(const struct config_route *route, struct slice path);

#endif
