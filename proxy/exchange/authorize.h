// The guard `authorize` of a route: a server allows or denies the client's request by its response
// to a subrequest. nginx calls it auth_request, Caddy forward_auth, and Traefik ForwardAuth.
// oauth2-proxy and Authelia are such servers.
//
// The subrequest is a GET for the configured path with the fields of the client's request. Left out
// are fields about its body, and fields that select another response (If-None-Match, Range).
// Ravelin alone writes the fields on which the server decides: X-Original-URL, X-Original-Method,
// X-Forwarded-Method, X-Forwarded-Uri, and the fields that every server gets.
//
// Results by the status of the response:
//   2xx       the request continues, with the configured fields of the response
//   401, 403  the client gets the response: status, fields and at most 32 KiB of the body; instead
//             of a 401, a browser gets the redirect that `login` configures (login_page.h)
//   301, 302, 303, 307, 308 with Location: the same
//   others    503; also without a valid response, and after a time-out
//
// Invariant: only a complete response head with a status from 200 to 299 lets a request continue.
// Nothing is cached.
#ifndef RAVELIN_EXCHANGE_AUTHORIZE_H
#define RAVELIN_EXCHANGE_AUTHORIZE_H

#include "exchange/verdict.h"

// A verdict_asker.
struct answer authorize_ask(const struct verdict_question *question, struct verdict **verdict);

#endif
