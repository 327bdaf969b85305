#include "session/admission.h"

#include "session/handshaking.h"
#include "session/http1.h"
#include "session/plain.h"

// Counts the session for its client. False: the client has too many.
static bool count_client(struct session *session) {
    const struct shared *shared = &session->sessions->shared;
    struct client_table *table = shared->clients;
    uint64_t key = client_table_key(table, &session->client.address.any);
    session->counted = true;
    session->client_key = key;
    return client_table_connect(table, shared->slot, key,
                                shared->current->config->limits.connections_per_client);
}

void session_admit(struct session *session) {
    if (!count_client(session)) {
        session_refuse(session, "more connections than one client may have");
    } else if (session->client.redirect) {
        plain_commit(&session->transport);
        http1_enter(session);
    } else {
        handshaking_enter(session);
    }
}
