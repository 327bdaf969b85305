// A client: its address, and facts about its connection. The session owns it and lends it to the
// exchanges, which do not change it.
#ifndef RAVELIN_EXCHANGE_CLIENT_H
#define RAVELIN_EXCHANGE_CLIENT_H

#include "base/network.h"
#include "base/slice.h"
#include "tls/certificate/client_auth.h"
#include "tls/handshake/context.h"

#include <stdbool.h>
#include <stdint.h>

struct client {
    union ip_address address; // peer of the connection, or address from the PROXY header
    uint16_t port;
    bool redirect;       // connected to a redirect listener: no TLS, gets 308
    bool challenges;     // this listener also answers ACME challenges
    uint16_t https_port; // port in the redirect; 0: the generation has it
    // The PROXY header named no client: forwarding fields of this connection are ignored. If the
    // header also was not LOCAL, which is for the peer's own connections, the client is `unknown`:
    // neither `allow` nor `deny` lets it pass.
    bool untold : 1;
    bool unknown : 1;
    bool resumed : 1;
    bool uncertified : 1;        // no CA vouches for the host name of its handshake
    bool server_name_is_odd : 1; // not a possible host name: any bytes, for logs only
    uint8_t server_name_size;
    uint8_t text_size;
    uint8_t tls_group_size;
    uint8_t tls_suite_size;
    char text[INET6_ADDRSTRLEN]; // the address as text
    const char *tls_group;       // the names in tls/policy.h; empty before the handshake has ended
    const char *tls_suite;
    char *server_name; // SNI, or NULL; server_name_size bytes, not terminated
    // The rules for client certificates of the handshake's site, and the identity of the client;
    // see tls/handshake/handshake.h.
    uint8_t policy[TLS_CLIENT_POLICY_SIZE];
    struct client_identity *identity;
};

static inline struct slice client_text(const struct client *client) {
    return (struct slice){client->text, client->text_size};
}

static inline struct slice client_tls_group(const struct client *client) {
    return (struct slice){client->tls_group, client->tls_group_size};
}

static inline struct slice client_tls_suite(const struct client *client) {
    return (struct slice){client->tls_suite, client->tls_suite_size};
}

static inline void client_set_tls(struct client *client, struct slice group, struct slice suite) {
    client->tls_group = group.data;
    client->tls_group_size = (uint8_t)group.size;
    client->tls_suite = suite.data;
    client->tls_suite_size = (uint8_t)suite.size;
}

static inline struct slice client_server_name(const struct client *client) {
    return (struct slice){client->server_name, client->server_name_size};
}

#endif
