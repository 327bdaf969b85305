// Affinity: finds the part of a request that selects a server of its backend.
//
// `hash-by` computes a key from one of these: the client's address, the path without its query, a
// header field, a cookie. The address is the one that trusted proxies report. Of an IPv6 address,
// only the first 64 bits count, because one host can use all addresses behind them. If a request
// has several such fields or cookies, the first one counts. A request without such a field or
// cookie has no key.
//
// With `sticky`, a cookie names the server (backend/server_names.h). A cookie that cannot be a name
// is ignored.
#ifndef RAVELIN_EXCHANGE_AFFINITY_H
#define RAVELIN_EXCHANGE_AFFINITY_H

#include "backend/server_names.h"
#include "base/network.h"
#include "config/config.h"
#include "http/request.h"

#include <stdbool.h>
#include <stdint.h>

struct affinity {
    uint64_t key; // of hash_bytes()
    bool has_key;
    bool has_name;
    uint8_t name[SERVER_NAME_SIZE]; // from the cookie; perhaps of no server
};

// `client`: the client's address. Does nothing for a backend with neither option.
void affinity_find(struct affinity *affinity, const struct config_backend *backend,
                   const struct http_request *request, const union ip_address *client);

// The same for a connection without a request. The backend must not have options that read
// requests.
void affinity_find_client(struct affinity *affinity, const struct config_backend *backend,
                          const union ip_address *client);

// Returns the value of the first cookie with this name (case-sensitive). data is NULL: no such
// cookie.
struct slice affinity_cookie(const struct http_fields *fields, struct slice name);

#endif
