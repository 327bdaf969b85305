// The redirect to the login page of `authorize`: which requests get it, and its Location.
//
// Only browsers that load a page are redirected: GET and HEAD requests with text/html in Accept.
// Other clients, such as scripts of a page and WebSockets, could not use a login page. They get the
// 401.
//
// If the configured page ends with '=' in its query, the address of the request is appended,
// percent-encoded. So a client cannot add parameters, header fields or another host:
//   - to an https URL: protocol, host, path and query
//   - to a path: path and query. Login pages accept those without a list of hosts. But a path that
//     begins with "//" would lead to another host, so it gets protocol and host, too.
//
// No I/O, no allocation.
#ifndef RAVELIN_EXCHANGE_LOGIN_PAGE_H
#define RAVELIN_EXCHANGE_LOGIN_PAGE_H

#include "base/slice.h"

#include <stdbool.h>

#define LOGIN_PAGE_MAX 4096 // bytes of a Location

// Whether the client of this subrequest is redirected. `head`: of the subrequest (authorize.h).
bool login_page_is_for(struct slice head);
// Writes the Location to `location`, LOGIN_PAGE_MAX bytes, and returns it. Empty: it does not fit.
// `page`: as configured.
struct slice login_page_location(const char *page, struct slice head, char *location);

#endif
