// The TLS contexts of one generation: the certificates of every site, ready for handshakes.
//
// A worker builds the contexts from a configuration and the bundle of its files, which the
// validator has checked (tls/certificate/check.h). The generation owns them. The contexts of a site
// are made at its first handshake, so that ten thousand sites start as fast as ten. Otherwise they
// are immutable.
//
// A site with client-ca neither issues nor accepts tickets. So every session has verified the
// client's certificate in its own handshake.
//
// No private key is here. A certificate chain is an *identity*; an id names its key, which only the
// signer has. One function (context_apply_policy()) sets the TLS policy for every context: TLS 1.3,
// the suites and groups of tls/policy.h, psk_dhe_ke, no early data. No option weakens it.
#ifndef RAVELIN_TLS_HANDSHAKE_CONTEXT_H
#define RAVELIN_TLS_HANDSHAKE_CONTEXT_H

#include "base/result.h"
#include "config/bundle.h"
#include "config/config.h"
#include "tls/handshake/hello.h"
#include "tls/handshake/signature.h"
#include "tls/handshake/ticket.h"

struct tls_contexts;
struct tls_identity; // one certificate chain of one site

// Set-up and tear-down of wolfSSL, once in a process.
enum result tls_library_init(void) MUST_CHECK;
void tls_library_free(void);

// Builds the contexts. `config`, `files` and `tickets` must outlive them. `generation`: part of the
// key ids. NULL: `error` has the problem.
struct tls_contexts *tls_contexts_build(const struct config *config, const struct bundle *files,
                                        uint64_t generation, const struct ticket_store *tickets,
                                        char error[CONFIG_ERROR_SIZE]);
void tls_contexts_free(struct tls_contexts *contexts);

// Returns the first identity of the site that this client supports, in the order ECDSA, Ed25519,
// RSA. One that Ravelin has generated (issue.h) comes after the others that cover the name. If the
// client supports none, returns the first one of the site, and the handshake fails. NULL: memory is
// short.
const struct tls_identity *tls_contexts_select(const struct tls_contexts *contexts,
                                               size_t site_index, const struct client_hello *hello);

// The policy of the site for client certificates, as a hash of the site's name, client-certificate
// and the contents of client-ca and client-crl. NULL: the site has no client-ca.
#define TLS_CLIENT_POLICY_SIZE 32
const uint8_t *tls_contexts_client_policy(const struct tls_contexts *contexts, size_t site_index);

const char *tls_library_version(void);

#endif
