// Rewrites a Location that names the server by its plain address, so that the client returns to
// Ravelin: http://127.0.0.1:9000/a becomes https://www.example.com/a.
//
// A URL names the server if its scheme is http, and its host and port are one of these:
//   - the address of the server as in the configuration;
//   - the host of the request, with the server's port, the port of the request, or no port;
//   - localhost, with the port of a server on a loopback address.
// The prefix that was stripped from the request is put before the path. Nothing else changes. No
// I/O, no allocation.
#ifndef RAVELIN_EXCHANGE_LOCATION_H
#define RAVELIN_EXCHANGE_LOCATION_H

#include "base/socket.h"
#include "config/config.h"

#define LOCATION_SIZE_MAX 4096

struct location {
    struct slice authority;           // host[:port] of the request
    struct slice server;              // text of the server's address
    const struct address *address;    // address of the server
    const struct config_route *route; // of the request
};

// Returns the new value, in `text`. Empty: the value stays, because it does not name the server, or
// the new value would not fit.
struct slice location_rewrite(const struct location *location, struct slice value,
                              char text[LOCATION_SIZE_MAX]);

#endif
