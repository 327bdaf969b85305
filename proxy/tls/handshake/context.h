// The TLS side of one generation: for every site its certificates, ready to be used by handshakes.
//
// Built in workers, from a config and the bundle of its files, which tls/check has judged; owned by
// the generation. What a site needs is made when its first client comes: a proxy with ten thousand
// sites starts as fast and as small as one with ten. But for that it is immutable.
//
// A site with client-ca issues no tickets and takes none: every session with it has shown the
// client's certificate in its own handshake, judged as it is now.
//
// No private key is in here: a certificate is an "identity" whose key is named by an id and used by
// the signer. The policy of DESIGN section 6 (TLS 1.3, three suites, groups in order of preference,
// psk_dhe_ke, no early data) is set here, in one function, for every context; there is no way to
// ask for less.
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

// Library-wide set-up and tear-down, once per process.
enum result tls_library_init(void) MUST_CHECK;
void tls_library_free(void);

// The config, the bundle and `tickets` outlive the contexts. generation goes into the key ids. On
// failure NULL and `error` says what.
struct tls_contexts *tls_contexts_build(const struct config *config, const struct bundle *files,
                                        uint64_t generation, const struct ticket_store *tickets,
                                        char error[CONFIG_ERROR_SIZE]);
void tls_contexts_free(struct tls_contexts *contexts);

// The identity of site `site_index` that this client can verify: ECDSA first, then Ed25519, then
// RSA; the site's first when none fits (the handshake then ends in handshake_failure). NULL when
// memory is short.
const struct tls_identity *tls_contexts_select(const struct tls_contexts *contexts,
                                               size_t site_index, const struct client_hello *hello);

// What site `site_index` asks of its clients' certificates, as a value: it is the same only where
// the site's name, client-certificate and the contents of client-ca and client-crl are. NULL when
// it asks for none.
#define TLS_CLIENT_POLICY_SIZE 32
const uint8_t *tls_contexts_client_policy(const struct tls_contexts *contexts, size_t site_index);

const char *tls_library_version(void);

#endif
