#include "tls/handshake/resumption.h"

#include "base/clock.h"

#include <sys/random.h>

static void bind_ticket(const struct ticket_terms *terms, WOLFSSL *ssl,
                        uint8_t binding[TICKET_BINDING_SIZE]) {
    struct ticket_terms whole = *terms;
    char *protocol = NULL;
    unsigned short size = 0;
    if (wolfSSL_ALPN_GetProtocol(ssl, &protocol, &size) == WOLFSSL_SUCCESS) {
        whole.protocol = (struct slice){protocol, size};
    }
    ticket_binding(&whole, binding);
}

static enum result seal(const struct resumption *resumption, WOLFSSL *ssl,
                        const struct ticket_store *store,
                        const uint8_t binding[TICKET_BINDING_SIZE], int64_t now_s,
                        struct ticket *ticket) {
    uint8_t nonce[TICKET_NONCE_SIZE];
    struct ticket_stamp stamp = {.since_s = now_s};
    if (wolfSSL_session_reused(ssl)) {
        stamp = resumption->stamp;
        stamp.resumptions++;
    }
    return getrandom(nonce, sizeof(nonce), 0) == sizeof(nonce)
               ? ticket_seal(store, binding, nonce, &stamp, ticket)
               : RESULT_ERROR;
}

// A client may offer several tickets, and wolfSSL need not use the one that it opened last.
static void note_stamp(struct resumption *resumption, const struct ticket_stamp *stamp) {
    struct ticket_stamp *worst = &resumption->stamp;
    if (!resumption->opened || stamp->since_s < worst->since_s) {
        worst->since_s = stamp->since_s;
    }
    if (stamp->resumptions > worst->resumptions) {
        worst->resumptions = stamp->resumptions;
    }
    resumption->opened = true;
}

int resumption_ticket(struct resumption *resumption, const struct ticket_terms *terms, WOLFSSL *ssl,
                      unsigned char name[WOLFSSL_TICKET_NAME_SZ],
                      unsigned char iv[WOLFSSL_TICKET_IV_SZ],
                      unsigned char mac[WOLFSSL_TICKET_MAC_SZ], int encrypt, unsigned char *data,
                      int size, int *out_size, const struct ticket_store *store) {
    struct ticket ticket = {name, iv, mac, data, (size_t)size};
    uint8_t binding[TICKET_BINDING_SIZE];
    int64_t now_s = clock_wall_us() / 1000000;
    enum result result = RESULT_ERROR;
    bind_ticket(terms, ssl, binding);
    if (!encrypt) {
        struct ticket_stamp stamp;
        result = ticket_open(store, binding, now_s, &ticket, &stamp);
        if (result == RESULT_OK) {
            note_stamp(resumption, &stamp);
        }
    } else if (*out_size - size >= TICKET_STAMP_SIZE) { // the room there is
        result = seal(resumption, ssl, store, binding, now_s, &ticket);
    }
    *out_size = (int)ticket.size;
    // A new ticket is sent in any case. If the result asked for a new ticket, wolfSSL would not
    // resume.
    return result == RESULT_OK ? WOLFSSL_TICKET_RET_OK : WOLFSSL_TICKET_RET_REJECT;
}
