// The link to the signer: sign requests of many handshakes on one SOCK_SEQPACKET socket. No request
// blocks the worker's loop.
//
// Each request has a number, and the response has the same number. An owner is a member of the
// object that waits. If the signer dies, requests without a response stay in the table.
// signing_attach() sends them again on the socket of the next signer.
//
// A request to an idle signer is sent at once. Requests to a busy signer are gathered during a loop
// turn and sent together, at most SIGN_BATCH_MAX in a batch. So the cost of a handshake in system
// calls and wake-ups falls as the load rises.
#ifndef RAVELIN_SESSION_SIGNING_H
#define RAVELIN_SESSION_SIGNING_H

#include "base/list.h"
#include "tls/handshake/signature.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct metrics_slot;

struct signing_owner {
    // Called with the signature. Size 0: there will be no signature. The request is forgotten.
    void (*answered)(struct signing_owner *owner, const uint8_t *signature, size_t size);
};

struct signing_place {
    struct signing_owner *owner;        // NULL: free
    const struct sign_request *request; // member of the handshake
    uint32_t serial;
    bool sent;
    uint32_t next; // next free place, or next place with an unsent request
    uint32_t previous;
};

struct signing {
    struct ev_loop *loop;
    struct metrics_slot *metrics;
    ev_io read_watcher;
    ev_io write_watcher; // runs while the socket is full
    ev_prepare turn_end; // runs while requests are gathered
    int fd;              // -1: no signer now
    struct signing_place *places;
    uint32_t place_count;
    uint32_t first_free;
    uint32_t first_unsent; // first in the list of unsent requests, the oldest
    uint32_t last_unsent;
    uint32_t unsent;     // number of unsent requests
    uint32_t unanswered; // number of requests that this signer has not answered
};

void signing_init(struct signing *signing, struct ev_loop *loop, struct metrics_slot *metrics);
void signing_free(struct signing *signing);
void signing_attach(struct signing *signing, int fd);
// Asks for a signature. answered() is called later, never from inside this function. Owner and
// request must stay in place until then, or until signing_forget(). Returns the number of the
// request. 0: memory is short.
uint64_t signing_ask(struct signing *signing, struct signing_owner *owner,
                     struct sign_request *request);
// Forgets a request. Does nothing if `number` is not a waiting request.
void signing_forget(struct signing *signing, uint64_t number);

#endif
