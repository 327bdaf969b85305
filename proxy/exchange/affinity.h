// Affinity: what in a request decides which server of its backend it goes to.
//
// `hash-by` makes a key of the client's address (as trusted proxies tell it; of an IPv6 address the
// first 64 bits, which one host can change as it likes), the path without its query, a header field
// or a cookie. If the request has more than one such field or cookie, the first counts. A request
// that has none has no key.
//
// With `sticky` a cookie names the server (backend/server_names.h). What is not the text of a name
// counts as no cookie.
#ifndef RAVELIN_EXCHANGE_AFFINITY_H
#define RAVELIN_EXCHANGE_AFFINITY_H

#include "backend/server_names.h"
#include "base/network.h"
#include "config/config.h"
#include "http/request.h"

#include <stdbool.h>
#include <stdint.h>

struct affinity {
    bool has_key;
    uint64_t key; // of hash_bytes()
    bool has_name;
    uint8_t name[SERVER_NAME_SIZE]; // of a server, if it is one's
};

// `client` is who asks. A backend that does not look at the request costs nothing.
void affinity_find(struct affinity *affinity, const struct config_backend *backend,
                   const struct http_request *request, const union ip_address *client);

// The same for a client without a request. The backend must not look at requests.
void affinity_find_client(struct affinity *affinity, const struct config_backend *backend,
                          const union ip_address *client);

// The value of the first cookie of this name (letters in the same case); data is NULL: there is
// none.
struct slice affinity_cookie(const struct http_fields *fields, struct slice name);

#endif
