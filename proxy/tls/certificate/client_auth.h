// Client certificates of a site (RFC 8446 4.3.2, 4.4.2; RFC 5280 6): its authorities, its
// revocation lists, and the verdict on the certificates that a client sends.
//
// A client is accepted if its certificate is for clients, and if a path leads from this certificate
// over certificates that the client sent to an authority of client-ca. Every certificate on the
// path must be signed by the next, valid now, not revoked and strong enough (certificate.h). Every
// certificate of client-ca is trusted. If its issuer is in client-ca, too, the path continues
// there. So an authority that has expired, or that its issuer has revoked, is not accepted.
//
// If client-crl is set, a fresh list must cover every certificate of the path except the last;
// otherwise the client is refused. Lists must be complete, without critical extensions (crl.h). The
// name constraints of an authority apply to all certificates below it (constraints.h).
//
// No I/O, no clock. Bounds: CLIENT_PRESENTED_MAX certificates of a client, CLIENT_AUTHORITIES_MAX
// authorities, and the work for one handshake (client_path.h).
//
// Owner: the contexts of a generation. Immutable.
#ifndef RAVELIN_TLS_CERTIFICATE_CLIENT_AUTH_H
#define RAVELIN_TLS_CERTIFICATE_CLIENT_AUTH_H

#include "config/bundle.h"
#include "config/config.h"
#include "tls/certificate/client_path.h"
#include "tls/certificate/findings.h"
#include "tls/certificate/name.h"

#define CLIENT_AUTHORITIES_MAX 256
#define CLIENT_CRLS_MAX 256
#define CLIENT_AUTH_ERROR_SIZE (NAME_TEXT_SIZE + 256)
#define CLIENT_FINGERPRINT_SIZE 65 // hex of SHA-256, with the NUL

struct client_auth;

// The identity that a client has proven.
struct client_identity {
    char subject[NAME_TEXT_SIZE];              // RFC 4514, printable ASCII; "" for the empty name
    char fingerprint[CLIENT_FINGERPRINT_SIZE]; // SHA-256 of the certificate, lower case hex
    enum certificate_key key;                  // kind of the client's key
};

struct client_verdict {
    uint8_t alert;   // 0: accepted
    const char *why; // static text with the reason; NULL: accepted
};

// Reads the files. `crl.data` NULL: the site has no lists. Every authority must be one, with an
// accepted key and, unless it is a root, an accepted signature. NULL: `why` has the problem, and
// *in_crl is true if it is in the lists.
struct client_auth *client_auth_new(struct slice authorities, struct slice crl,
                                    char why[CLIENT_AUTH_ERROR_SIZE], bool *in_crl);
// The same for the files of a site with client-ca.
struct client_auth *client_auth_open(const struct config_site *site, const struct bundle *files,
                                     char why[CLIENT_AUTH_ERROR_SIZE], bool *in_crl);
void client_auth_free(struct client_auth *auth); // does nothing to NULL
// RESULT_OK: an authority has signed every list. RESULT_ERROR: `why` has the problem. Costly:
// called only when a configuration is checked.
enum result client_auth_verify_crls(const struct client_auth *auth,
                                    char why[CLIENT_AUTH_ERROR_SIZE]) MUST_CHECK;

// Adds the validity of all authorities to the first term, and that of all lists to the second.
void client_auth_terms(const struct client_auth *auth, struct term *authorities, struct term *crls);
// The subject of an authority without a list, in `text`, if the site has lists: no client of this
// authority can be accepted. NULL: every authority has a list, or the site has none.
const char *client_auth_without_crl(const struct client_auth *auth, char text[NAME_TEXT_SIZE]);

// Decides about a client.
//   presented  [count]: the client's certificate first, the others in any order
//   now        seconds since 1970
//   identity   out, if the client is accepted
struct client_verdict client_auth_judge(const struct client_auth *auth,
                                        const struct slice *presented, size_t count, int64_t now,
                                        struct client_identity *identity);

// True if a key of this kind may sign with this scheme (RFC 8446 4.2.3): ECDSA with the hash of the
// curve only; RSA and RSA-PSS with their own schemes only.
bool client_auth_scheme_fits(enum certificate_key key, uint16_t scheme);

#endif
