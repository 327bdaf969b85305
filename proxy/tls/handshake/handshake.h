// One TLS 1.3 handshake. wolfSSL does the whole handshake, up to and including the session tickets.
//
// Invariant: handshake_finish() is the commit point. Before it, all bytes of the session pass
// through this object. After it, the traffic secrets are in the record layer, the wolfSSL object is
// freed, and no later step can fail.
//
// Invariant: a refused handshake sends exactly one alert (refusal.h), and no alert of wolfSSL. The
// alert is in the clear until Ravelin has sent an encrypted record; then it has the server's
// application keys.
//
// No I/O. handshake_advance() reads received bytes; handshake_output() has the bytes to send.
// Signatures are asynchronous: the caller sends the request of handshake_wants_signature() to the
// signer, and later passes the result to handshake_give_signature().
//
// Owner: the session, from the first bytes of the client to handshake_finish(). The contexts must
// outlive the handshake.
#ifndef RAVELIN_TLS_HANDSHAKE_HANDSHAKE_H
#define RAVELIN_TLS_HANDSHAKE_HANDSHAKE_H

#include "base/result.h"
#include "base/slice.h"
#include "tls/certificate/client_auth.h"
#include "tls/handshake/context.h"
#include "tls/handshake/refusal.h"
#include "tls/handshake/signature.h"
#include "tls/policy.h"
#include "tls/record/record.h"

#include <stdbool.h>
#include <stdint.h>

struct handshake;

// Callback: the index of the site with this host name, or HANDSHAKE_NO_SITE. `name` is empty if the
// client sent no name, or a name that no host can have.
#define HANDSHAKE_NO_SITE SIZE_MAX
typedef size_t (*handshake_site_function)(void *context, struct slice name);

// The result of a handshake.
struct handshake_facts {
    const struct policy_group *group; // NULL: not in the policy, which wolfSSL never negotiates
    const struct policy_suite *suite;
    bool resumed;
    bool http2;  // ALPN chose h2
    bool is_own; // Ravelin generated the certificate
    // `name` is not a possible host name: any bytes, as sent, perhaps cut; for logs only
    bool name_is_odd;
    uint8_t name_size;
    char name[HELLO_NAME_MAX + 1]; // SNI, lower case, NUL-terminated
    size_t site_index;             // the site whose certificate was used
    // See tls_contexts_client_policy(); zeros: the site has no client-ca.
    uint8_t client_policy[TLS_CLIENT_POLICY_SIZE];
    // The identity that the client has proven; NULL: the client sent no certificate. After
    // handshake_finish() the caller frees it.
    struct client_identity *client;
};

// `engine`: scratch space of this process (record.h). NULL: memory is short.
struct handshake *handshake_new(const struct tls_contexts *contexts, struct record_engine *engine,
                                handshake_site_function choose_site, void *choose_context);
// Offers the contexts of a newer generation. True: the handshake has not read a ClientHello, and
// uses them. False: the handshake has chosen a certificate, and keeps its contexts.
bool handshake_renew(struct handshake *handshake, const struct tls_contexts *contexts,
                     void *choose_context);
// The protocols that ALPN may choose; hello_http1 if this is not called before the first
// handshake_advance(). The names must outlive the handshake.
void handshake_use_protocols(struct handshake *handshake, struct hello_protocols protocols);
void handshake_free(struct handshake *handshake);

// Advances the handshake.
//   data   [size] received bytes, contiguous; records are opened in place
//   used   out: bytes that were read
//   OK     complete, now or before: reads nothing more. Call handshake_finish() when the output has
//          been sent
//   AGAIN  needs more bytes or a signature
//   ERROR  refused; see handshake_refusal(). The output may have an alert: send it, then close
enum result handshake_advance(struct handshake *handshake, uint8_t *data, size_t size,
                              size_t *used) MUST_CHECK;

// The bytes to send. handshake_sent() removes the first `size` of them.
struct slice handshake_output(const struct handshake *handshake);
void handshake_sent(struct handshake *handshake, size_t size);

// The request for the signer, once. NULL: none, or already returned. The caller sets its number.
struct sign_request *handshake_wants_signature(struct handshake *handshake);
bool handshake_waits_for_signature(const struct handshake *handshake);
// `size` 0: the signer refused.
void handshake_give_signature(struct handshake *handshake, const uint8_t *signature, size_t size);

// Moves the secrets into `layer`, fills `facts`, and frees the wolfSSL object and the handshake, on
// failure too. RESULT_ERROR: the library failed; the session must close.
enum result handshake_finish(struct handshake *handshake, struct record_layer *layer,
                             struct handshake_facts *facts) MUST_CHECK;

const struct refusal *handshake_refusal(const struct handshake *handshake);
// The host name that the client asked for; empty: none, or not known yet. NUL-terminated, unless it
// is odd: then no host can have the name, and it may contain any bytes.
struct slice handshake_server_name(const struct handshake *handshake);
bool handshake_name_is_odd(const struct handshake *handshake);
// The client's offer, valid as long as the handshake. NULL: not known yet.
const struct client_hello *handshake_hello(const struct handshake *handshake);

#endif
