// The rules: the choice of a request's route, the checks before the request continues, and the
// answers of routes without a server.
//
// The order of checks: allowed addresses (403), request rate (429), body size (413), then redirect
// and return. The client is the peer of the connection, or the address from a PROXY header. If this
// peer is one of trusted-proxies, the client is the one that it reports (http/forwarded.h).
//
// Invariant: a client is unknown if the report of a trusted proxy cannot be parsed. An unknown
// client passes no `allow` and no `deny` list. For `rate` and the logs it counts as the proxy that
// did not name it.
#ifndef RAVELIN_EXCHANGE_RULES_H
#define RAVELIN_EXCHANGE_RULES_H

#include "exchange/affinity.h"
#include "exchange/answer.h"
#include "exchange/client.h"
#include "exchange/shared.h"
#include "http/encode.h"
#include "http/parse.h"

// The facts about a request that the rules use, and their decisions. The struct owns nothing.
struct choice {
    struct shared *shared;
    const struct generation *generation; // the exchange has the reference
    const struct client *client;
    int64_t begun_us; // monotonic clock, when the request was complete
    // Decisions:
    const struct config_site *site;       // NULL: not chosen yet
    const struct config_route *route;     // NULL: none
    const struct config_backend *backend; // NULL: none, the route has an answer
    struct affinity affinity;             // to servers of the backend
    uint64_t body_limit;                  // largest request body; 0: no limit
    bool of_site; // true: the host matched `site`. false: no match, and `site` is the default site
    bool is_certified; // the site requires or accepts a certificate, and the client has one
    // The client is not known for certain: `allow` and `deny` lists do not let it pass.
    bool unknown;
    bool ends_connection; // no other request may follow on the connection
    bool is_told;         // a trusted proxy reports the client: client_address is not the peer's
    union ip_address client_address; // the client, as far as trusted proxies report it
};

// Chooses site, route and backend. Returns one of these answers otherwise:
//   400  servers could map the path to different routes, or its prefix cannot be stripped as it was
//        matched
//   404  no route
//   421  no site has this host, or it is of another site than the name in the TLS handshake, or its
//        site asks for client certificates and the handshake was not for this site
//   503  the certificate of the connection is one that Ravelin generated itself
struct answer rules_choose(struct choice *choice, const struct http_request *request);

// Whether the site of a connection's handshake is the same after a reload: the same name, and the
// rules for client certificates that the client has met. If not, rules_choose() may answer 421 to
// later requests, and the client should open another connection.
bool rules_keep_site(const struct client *client, const struct generation *before,
                     const struct generation *now);

// Sets choice->client_address, is_told and unknown. Returns the report of a trusted proxy, in
// scratch space of the service. NULL: the peer is not a trusted proxy.
const struct http_told *rules_find_client(struct choice *choice,
                                          const struct http_request *request);

// Returns choice->client_address as text: in `text`, or the client's own text.
struct slice rules_client_text(const struct choice *choice, char text[INET6_ADDRSTRLEN]);

// Applies the checks and answers of choice->route.
struct answer rules_apply(struct choice *choice, const struct http_request *request);

// The answer of a redirect listener: 308 to https, or 400 if the request has no host.
struct answer rules_to_https(struct choice *choice, const struct http_request *request);

// Whether a request to a redirect listener is for the file of an ACME challenge. If so, chooses the
// backend that serves it (config/challenge.h).
bool rules_find_challenge(struct choice *choice, const struct http_request *request);

// The target for the server: without the route's prefix, if the route strips it.
struct slice rules_path(const struct choice *choice, const struct http_request *request);

// Facts about the client for a server of choice->backend, and the route's changes of fields.
struct http_forwarding rules_forwarding(const struct choice *choice,
                                        const struct http_request *request,
                                        const struct http_told *told);

// Whether the route's `allow` and `deny` let the client pass.
bool rules_let_in(const struct choice *choice, const struct config_route *route);
// Whether the prefix of a path (without query) can be stripped for this route. False if the server
// could see more or less stripped than was matched, or if the rest is not a path. True if the route
// strips nothing. `plain`: see http/path.h.
bool rules_can_strip(const struct config_route *route, struct slice path, bool plain);
// Returns a path, and query, without the prefix that this route strips.
struct slice rules_strip(const struct config_route *route, struct slice path);

#endif
