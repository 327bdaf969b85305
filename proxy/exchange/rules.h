// Which route a request takes, what that asks of it before it goes on, and what it answers by
// itself.
//
// The order: who may come (403), how often (429), how large (413), then redirect and return. The
// client is the peer of the connection (or whom a PROXY header named). If that is one of
// trusted-proxies, the client is whom it names (http/forwarded.h).
//
// Invariant: a client that is unknown, because a trusted proxy's word cannot be read, passes no
// `allow` and no `deny` list. For `rate` and the logs it counts as the proxy that did not name it.
#ifndef RAVELIN_EXCHANGE_RULES_H
#define RAVELIN_EXCHANGE_RULES_H

#include "exchange/affinity.h"
#include "exchange/answer.h"
#include "exchange/client.h"
#include "exchange/shared.h"
#include "http/forwarded.h"
#include "http/parse.h"

// What the rules know of a request and decide about it. Nothing in it is owned.
struct choice {
    struct shared *shared;
    const struct generation *generation; // of the exchange, which holds it
    const struct client *client;
    int64_t begun_us; // monotonic clock, when the request was whole
    // decided
    const struct config_site *site;       // NULL: no site is chosen yet
    const struct config_route *route;     // NULL: none
    const struct config_backend *backend; // NULL: none, the route answers by itself
    struct affinity affinity;             // to servers of the backend
    uint64_t body_limit;                  // of a request body; 0: none
    bool of_site;                         // the request is for `site`, which is else the first one
    bool is_certified;    // the site asked for a certificate, and the client has shown one
    bool unknown;         // nobody knows for certain who asks: `allow` and `deny` let nobody in
    bool ends_connection; // no other request may follow on the connection
    union ip_address client_address;
    struct slice
        client_shown; // who asks, as far as trusted proxies tell; the client's, or client_text
    char client_text[INET6_ADDRSTRLEN];
};

// Chooses site, route and backend. Answers 421 for a host that no site names, that names another
// site than the name in the TLS handshake, or whose site asks for client certificates when this
// connection's handshake was not for it; 404 without a route; 400 for a path that servers could
// take to different routes, or whose prefix cannot be stripped as it was matched; 503 if the
// certificate of the connection is one that Ravelin has made itself.
struct answer rules_choose(struct choice *choice, const struct http_request *request);

// Sets choice->client_shown, client_address and unknown. Returns what a trusted proxy told, scratch
// space of the service; NULL if the peer is none.
const struct http_told *rules_find_client(struct choice *choice,
                                          const struct http_request *request);

// Applies choice->route.
struct answer rules_apply(struct choice *choice, const struct http_request *request);

// The answer of a redirect listener: 308 to https, or 400 if the request names no host.
struct answer rules_to_https(struct choice *choice, const struct http_request *request);

// Whether a request to a redirect listener is for the file of an ACME challenge. If so, chooses the
// backend that answers it (config/challenge.h).
bool rules_find_challenge(struct choice *choice, const struct http_request *request);

// What the server is to be asked for: the target without the route's prefix, when it says so.
struct slice rules_path(const struct choice *choice, const struct http_request *request);

// Whether the client may come to this route, by its `allow` and `deny`.
bool rules_let_in(const struct choice *choice, const struct config_route *route);
// Whether a path (without its query) that leads to this route can be stripped, if the route wants
// that: its server must not see more or less stripped than was matched, and what is left must be a
// path of its own. `plain`: see http/path.h.
bool rules_can_strip(const struct config_route *route, struct slice path, bool plain);
// A path, and query, for this route without the prefix that it strips.
struct slice rules_strip(const struct config_route *route, struct slice path);

#endif
