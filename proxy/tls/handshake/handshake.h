// One TLS 1.3 handshake, driven by bytes: wolfSSL does it whole, up to and including the session
// tickets it sends.
//
// Invariant: handshake_finish() is the commit point. Until then the session speaks through this
// object; then the traffic secrets are in the record layer, the wolfSSL object is gone and nothing
// can fail any more.
//
// Invariant: a handshake that is refused sends one alert (refusal.h), in the clear as long as
// nothing of ours was encrypted, then sealed under the server's application keys; never one of the
// library's own beside it.
//
// No I/O: handshake_advance() takes the bytes received so far (contiguous) and tells how many it
// used; what is to be sent is in handshake_output(). Signatures are made elsewhere: when
// handshake_wants_signature() gives a request, the caller sends it to the signer and hands the
// answer to handshake_give_signature(); meanwhile the worker does other things.
//
// Owner: the session. Lifetime: from the first bytes of a client to the hand-over. The contexts
// must outlive it (the session holds the generation).
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

// Which site a client asks for: the caller's router decides. `name` is empty for a name that no
// host can have. Returns the site's index, or HANDSHAKE_NO_SITE when no site has the name.
#define HANDSHAKE_NO_SITE SIZE_MAX
typedef size_t (*handshake_site_function)(void *context, struct slice name);

// What was negotiated.
struct handshake_facts {
    const struct policy_group *group; // NULL: none of the policy, which wolfSSL never negotiates
    const struct policy_suite *suite;
    bool resumed;
    bool name_is_odd; // no host can have the name: any bytes, as sent, perhaps cut; only for logs
    uint8_t name_size;
    char name[HELLO_NAME_MAX + 1]; // SNI, lower case, NUL-terminated
    size_t site_index;             // the site whose certificate was used
    // What the site asked of the client, see tls_contexts_client_policy(); zeros when nothing.
    uint8_t client_policy[TLS_CLIENT_POLICY_SIZE];
    // Who the client has proven to be, NULL when it showed no certificate. After handshake_finish()
    // the caller's, to be freed.
    struct client_identity *client;
};

// `engine`: the scratch space of this process, see record.h. NULL when memory is short.
struct handshake *handshake_new(const struct tls_contexts *contexts, struct record_engine *engine,
                                handshake_site_function choose_site, void *choose_context);
// A newer generation is in use. True: the handshake has not read a ClientHello and uses these from
// now on. False: nothing changed, it has chosen a certificate and keeps its contexts.
bool handshake_renew(struct handshake *handshake, const struct tls_contexts *contexts,
                     void *choose_context);
void handshake_free(struct handshake *handshake);

// RESULT_OK: complete, call handshake_finish() once the output has been sent. RESULT_AGAIN: needs
// more input or a signature. RESULT_ERROR: refused; an alert may be in the output;
// handshake_refusal() says why. *used bytes of data were taken; they may be changed, as records are
// opened in place.
enum result handshake_advance(struct handshake *handshake, uint8_t *data, size_t size,
                              size_t *used) MUST_CHECK;

// Bytes to send, in order; handshake_sent() takes away the first `size` of them.
struct slice handshake_output(const struct handshake *handshake);
void handshake_sent(struct handshake *handshake, size_t size);

// The request to send to the signer, once; NULL when there is none (any more). Its number must be
// set by the caller.
struct sign_request *handshake_wants_signature(struct handshake *handshake);
bool handshake_waits_for_signature(const struct handshake *handshake);
// size 0: the signer refused.
void handshake_give_signature(struct handshake *handshake, const uint8_t *signature, size_t size);

// Moves the secrets into `layer`, fills `facts`, frees the wolfSSL object and the handshake.
enum result handshake_finish(struct handshake *handshake, struct record_layer *layer,
                             struct handshake_facts *facts) MUST_CHECK;

const struct refusal *handshake_refusal(const struct handshake *handshake);
// The name the client asked for, empty as long as it is not known. NUL-terminated unless it is odd:
// one that no host can have, any bytes.
struct slice handshake_server_name(const struct handshake *handshake);
bool handshake_name_is_odd(const struct handshake *handshake);
// What the client offered, valid as long as the handshake; NULL as long as it is not known.
const struct client_hello *handshake_hello(const struct handshake *handshake);

#endif
