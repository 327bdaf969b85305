// Rewrites the Location of a response that names the server by its plain address, so that the
// client comes back to Ravelin: http://127.0.0.1:9000/a becomes https://www.example.com/a.
//
// A URL names the server if its scheme is http, and its host and port are
//   - the address of the server as the configuration has it;
//   - the host of the request, with the server's port, the port of the request, or none;
//   - localhost, with the port of a server on a loopback address.
// The path gets the prefix that was stripped from the request. All else stays as it is. No I/O, no
// allocation.
#ifndef RAVELIN_EXCHANGE_LOCATION_H
#define RAVELIN_EXCHANGE_LOCATION_H

#include "base/socket.h"
#include "config/config.h"

#define LOCATION_SIZE_MAX 4096

struct location {
    struct slice authority;           // host[:port] of the request
    struct slice server;              // text of the server's address
    const struct address *address;    // of the server
    const struct config_route *route; // of the request
};

// Returns the new value, which is in `text` then. Empty: the value stays as it is, because it does
// not name the server, or the new value would not fit.
struct slice location_rewrite(const struct location *location, struct slice value,
                              char text[LOCATION_SIZE_MAX]);

#endif
