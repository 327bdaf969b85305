// The link to the signer: sign requests of many handshakes on one SOCK_SEQPACKET socket, none of
// which stops the worker.
//
// Each request has a number; the answer carries it. An owner is part of the object that waits. When
// the signer dies, waiting requests stay in the table and are asked again on the socket of the next
// one (signing_attach).
//
// A signer that has nothing to do is asked at once. One that is at work does not wait for the next
// request, so those of one loop turn are gathered and leave together, SIGN_BATCH_MAX at most: the
// busier both are, the fewer system calls and wake-ups a handshake takes.
#ifndef RAVELIN_SESSION_SIGNING_H
#define RAVELIN_SESSION_SIGNING_H

#include "base/list.h"
#include "tls/handshake/signature.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct metrics_slot;

struct signing_owner {
    // The answer; size 0: there will be no signature. The request is forgotten.
    void (*answered)(struct signing_owner *owner, const uint8_t *signature, size_t size);
};

struct signing_place {
    struct signing_owner *owner;        // NULL: free
    const struct sign_request *request; // the handshake's
    uint32_t serial;
    bool sent;
    uint32_t next; // of the free ones, or of those not sent yet
    uint32_t previous;
};

struct signing {
    struct ev_loop *loop;
    struct metrics_slot *metrics;
    ev_io read_watcher;
    ev_io write_watcher; // while the socket is full
    ev_prepare turn_end; // while requests are gathered
    int fd;              // -1: no signer now
    struct signing_place *places;
    uint32_t place_count;
    uint32_t first_free;
    uint32_t first_unsent; // requests not sent yet, in the order of asking
    uint32_t last_unsent;
    uint32_t unsent;     // how many
    uint32_t unanswered; // how many this signer has
};

void signing_init(struct signing *signing, struct ev_loop *loop, struct metrics_slot *metrics);
void signing_free(struct signing *signing);
void signing_attach(struct signing *signing, int fd);
// Asks for a signature; answered() is called with the answer, never from in here. Owner and request
// stay where they are until then, or until signing_forget(). Returns the number of the request, 0
// when memory is short.
uint64_t signing_ask(struct signing *signing, struct signing_owner *owner,
                     struct sign_request *request);
// The owner does not wait any more. Other numbers than those that are waited for change nothing.
void signing_forget(struct signing *signing, uint64_t number);

#endif
