// The options `users`, `realm`, `user-header` and `pass-authorization` of a site and its routes. A
// route without `users` has the users of its site. Routes that redirect or return require no
// password, because they have no server.
#ifndef RAVELIN_CONFIG_LOGIN_H
#define RAVELIN_CONFIG_LOGIN_H

#include "config/config.h"
#include "config/report.h"

// Sets `login`, `guards` and the reserved fields of all routes, which must not be moved afterwards.
// Refuses options that need `users` without it, and options that cannot be used.
void login_settle(struct config_site *site, struct report *report);

#endif
