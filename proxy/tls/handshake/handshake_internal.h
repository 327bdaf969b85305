// What the parts of the handshake share: handshake.c drives, handshake_callbacks.c answers the
// library, handshake_errors.c tells what its errors mean, transcript.c what it hashes. Nobody else
// includes it.
#ifndef RAVELIN_TLS_HANDSHAKE_HANDSHAKE_INTERNAL_H
#define RAVELIN_TLS_HANDSHAKE_HANDSHAKE_INTERNAL_H

#include "base/buffer.h"
#include "tls/handshake/context_internal.h"
#include "tls/handshake/flight.h"
#include "tls/handshake/handshake.h"
#include "tls/handshake/resumption.h"

enum sign_state {
    SIGN_IDLE,
    SIGN_WANTED,  // wolfSSL asked; the request was not taken yet
    SIGN_WAITING, // the signer works
    SIGN_READY,
    SIGN_REFUSED,
};

// The latest hello as the client sent it, and the one the library has instead: see transcript.c.
struct transcript {
    struct slice message;        // with its header
    size_t binders_size;         // the list of binders at its end, 0: none
    size_t library_size;         // without header
    size_t library_binders_size; // 0: none
    bool hashed;                 // it was, perhaps but for its binders
    bool binders_due;            // these are still to be hashed
};

#define HANDSHAKE_OUTPUT_MAX ((size_t)256 * 1024)

struct handshake {
    WOLFSSL *ssl; // NULL until the ClientHello was read
    const struct tls_contexts *contexts;
    struct record_engine *engine;
    const struct tls_identity *identity;
    handshake_site_function choose_site;
    void *choose_context;

    struct flight flight;         // from the client
    struct buffer output;         // to the client
    struct buffer first_message;  // the ClientHello that `hello` points into
    struct buffer second_message; // the one after a HelloRetryRequest
    struct client_hello hello;    // the first
    struct transcript transcript;
    uint16_t retry_suite;  // what a HelloRetryRequest named; 0: none was sent
    bool library_must_run; // something has changed for it, though it has no new input

    enum sign_state sign_state;
    bool library_waits; // the library was told that the signature comes later, and not called since
    struct sign_request request;
    uint8_t signature[SIGNATURE_SIZE_MAX];
    size_t signature_size;
    struct resumption resumption;

    unsigned secrets; // 1 << id of each that the library told
    uint8_t client_handshake_secret[RECORD_SECRET_MAX];
    uint8_t client_secret[RECORD_SECRET_MAX];
    uint8_t server_secret[RECORD_SECRET_MAX];
    struct client_verdict verdict; // on the client's certificate
    word64 write_sequence;         // under server_secret, after our flight
    struct handshake_facts facts;
};

// Gives the library's callbacks this handshake.
bool handshake_bind(struct handshake *handshake);
// True when the library has all keys: its flight up to Finished is made.
bool handshake_has_keys(const struct handshake *handshake);

// False when the client has proven itself with a scheme that is not for its key, whether the
// signature verifies or not: the library does not look at that.
bool handshake_proof_fits(const struct handshake *handshake);
#define HANDSHAKE_PROOF_MISFIT "a signature scheme that is not for the client's key"

// Refuses for an error that wolfSSL_accept() ended with.
enum result handshake_refuse_error(struct handshake *handshake, int error) MUST_CHECK;

#endif
