// A client: who asks, and over what connection. Its session owns it and lends it to the exchanges,
// which do not change it.
#ifndef RAVELIN_EXCHANGE_CLIENT_H
#define RAVELIN_EXCHANGE_CLIENT_H

#include "base/network.h"
#include "base/slice.h"
#include "tls/certificate/client_auth.h"
#include "tls/handshake/context.h"

#include <stdbool.h>
#include <stdint.h>

struct client {
    union ip_address address; // the peer of the connection, or whom a PROXY header named
    uint16_t port;
    bool redirect;       // came to a redirect listener: plain, and answered 308
    bool challenges;     // that also answers challenges
    uint16_t https_port; // where it sends clients; 0: the generation knows
    // The PROXY header named no client: forwarding fields of this connection are not believed. If
    // it was not for the peer's own connection (LOCAL), the client is unknown: neither `allow` nor
    // `deny` lets it in.
    bool untold;
    bool unknown;
    bool resumed;
    bool uncertified;        // no authority vouched for the host in its handshake
    bool server_name_is_odd; // no host can have it: any bytes, for logs only
    uint8_t server_name_size;
    uint8_t text_size;
    char text[INET6_ADDRSTRLEN]; // of the address
    const char *tls_group;
    const char *tls_suite;
    char *server_name; // SNI, or NULL; server_name_size bytes, not terminated
    // What the site of the handshake asked of the client's certificate, and who it is; see
    // tls/handshake/handshake.h.
    uint8_t policy[TLS_CLIENT_POLICY_SIZE];
    struct client_identity *identity;
};

static inline struct slice client_text(const struct client *client) {
    return (struct slice){client->text, client->text_size};
}

static inline struct slice client_server_name(const struct client *client) {
    return (struct slice){client->server_name, client->server_name_size};
}

#endif
