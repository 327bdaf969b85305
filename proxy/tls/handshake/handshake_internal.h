// The structs that the files of the handshake share: handshake.c advances it, handshake_callbacks.c
// has the callbacks of wolfSSL, handshake_errors.c translates its errors, and transcript.c sets the
// bytes that it hashes. No other file includes it.
#ifndef RAVELIN_TLS_HANDSHAKE_HANDSHAKE_INTERNAL_H
#define RAVELIN_TLS_HANDSHAKE_HANDSHAKE_INTERNAL_H

#include "base/buffer.h"
#include "tls/handshake/context_internal.h"
#include "tls/handshake/flight.h"
#include "tls/handshake/handshake.h"
#include "tls/handshake/resumption.h"

enum sign_state {
    SIGN_IDLE,
    SIGN_WANTED,  // wolfSSL needs a signature; the caller has not read the request
    SIGN_WAITING, // the signer has the request
    SIGN_READY,
    SIGN_REFUSED,
};

// The latest ClientHello: the client's, and the one that wolfSSL has instead. See transcript.c.
struct transcript {
    struct slice message;        // the client's, with its header
    size_t binders_size;         // of the list of binders at its end; 0: none
    size_t library_size;         // of wolfSSL's, without its header
    size_t library_binders_size; // of the binders at its end; 0: none
    bool hashed;                 // the message was hashed, perhaps without its binders
    bool binders_due;            // the binders must still be hashed
};

#define HANDSHAKE_OUTPUT_MAX ((size_t)256 * 1024)

struct handshake {
    WOLFSSL *ssl; // NULL: the ClientHello was not read yet
    const struct tls_contexts *contexts;
    struct record_engine *engine;
    const struct tls_identity *identity;
    handshake_site_function choose_site;
    void *choose_context;

    struct flight flight;         // records from the client
    struct buffer output;         // bytes for the client
    struct buffer first_message;  // the ClientHello that `hello` points into
    struct buffer second_message; // the ClientHello after a HelloRetryRequest
    struct client_hello hello;    // the first ClientHello
    struct transcript transcript;
    uint16_t retry_suite;             // suite in a HelloRetryRequest; 0: none was sent
    struct hello_protocols protocols; // that ALPN may choose
    bool library_must_run;            // call wolfSSL again, although it has no new input
    bool is_complete;

    enum sign_state sign_state;
    bool library_waits; // wolfSSL knows that the signature follows, and was not called since
    struct sign_request request;
    uint8_t signature[SIGNATURE_SIZE_MAX];
    size_t signature_size;
    struct resumption resumption;

    unsigned secrets; // 1 << id for each secret that wolfSSL has derived
    uint8_t client_handshake_secret[RECORD_SECRET_MAX];
    uint8_t client_secret[RECORD_SECRET_MAX];
    uint8_t server_secret[RECORD_SECRET_MAX];
    struct client_verdict verdict; // on the client's certificate
    word64 write_sequence;         // next sequence number of server_secret
    struct handshake_facts facts;
};

// Sets this handshake as the context of wolfSSL's callbacks. False: wolfSSL failed.
bool handshake_bind(struct handshake *handshake);
// True if wolfSSL has all keys: it has made its flight up to Finished.
bool handshake_has_keys(const struct handshake *handshake);

// False: the scheme in the client's CertificateVerify does not match the client's key. wolfSSL
// accepts such a CertificateVerify; Ravelin refuses it.
bool handshake_proof_fits(const struct handshake *handshake);
#define HANDSHAKE_PROOF_MISFIT "a signature scheme that is not for the client's key"

// Refuses because wolfSSL_accept() failed with `error`. Always RESULT_ERROR.
enum result handshake_refuse_error(struct handshake *handshake, int error) MUST_CHECK;

#endif
