// The guard of routes with `users`: basic authentication (RFC 7617). It reads the name and the
// password of a request, has the password checked (logins.h), and refuses requests without a right
// password:
//   401  no password, or a wrong one; with WWW-Authenticate
//   429  too many wrong passwords from the client or for the user; with Retry-After
//   503  passwords cannot be checked now; with Retry-After
//
// Invariant: only the verdict LOGIN_GRANTED lets a request continue.
#ifndef RAVELIN_SESSION_LOGIN_H
#define RAVELIN_SESSION_LOGIN_H

#include "exchange/verdict.h"

// The ask function of ROUTE_GUARD_USERS, see exchange/verdict.h.
struct answer login_ask(const struct verdict_question *question, struct verdict **verdict);

#endif
