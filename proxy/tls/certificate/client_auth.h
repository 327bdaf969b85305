// What a site asks of its clients' certificates (RFC 8446 4.3.2, 4.4.2; RFC 5280 6): a file of
// authorities, perhaps one of revocation lists, and the judgement of what a client showed.
//
// A client is accepted when its certificate is for clients, and a path leads from it over
// certificates it sent to one of the authorities, in which every certificate is signed by the next,
// valid now, not revoked and strong enough (certificate.h). Every certificate of client-ca is
// trusted; the path goes on from there as long as its issuers are in the file too, so an authority
// that was revoked by the one above it, or has expired, counts for nothing.
//
// Where there are revocation lists, every certificate of the path but its last must be covered by
// one that is fresh; it is refused else, as other servers do it. Only complete lists are taken: no
// critical extension is. Name constraints of an authority hold for all that stands below it
// (constraints.h).
//
// No I/O, no clock: bytes and the time in, a verdict out. Bounded: PRESENTED_MAX certificates of a
// client, AUTHORITIES_MAX authorities, and the work of one handshake: see client_path.h.
//
// Owner: the contexts of a generation; immutable.
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

// Who a client has proven to be.
struct client_identity {
    char subject[NAME_TEXT_SIZE];              // RFC 4514, printable ASCII; "" for the empty name
    char fingerprint[CLIENT_FINGERPRINT_SIZE]; // SHA-256 of the certificate, lower case hex
    enum certificate_key key;                  // what it proves itself with
};

struct client_verdict {
    uint8_t alert;   // 0: accepted
    const char *why; // static; why not
};

// Reads the files; crl.data is NULL when there is none. Authorities are judged: keys, signatures
// (of roots nobody verifies them) and that they are authorities. NULL: `why` says what is wrong,
// and *in_crl in which file.
struct client_auth *client_auth_new(struct slice authorities, struct slice crl,
                                    char why[CLIENT_AUTH_ERROR_SIZE], bool *in_crl);
// The same, of the files that a site with client-ca names.
struct client_auth *client_auth_open(const struct config_site *site, const struct bundle *files,
                                     char why[CLIENT_AUTH_ERROR_SIZE], bool *in_crl);
void client_auth_free(struct client_auth *auth); // NULL is fine
// Whether every revocation list is signed by an authority: a costly question, asked when a
// configuration is checked. A list in which something was changed is refused before that in any
// case.
enum result client_auth_verify_crls(const struct client_auth *auth,
                                    char why[CLIENT_AUTH_ERROR_SIZE]) MUST_CHECK;

// Adds to the first term when all of the authorities are valid, to the second when all lists are.
void client_auth_terms(const struct client_auth *auth, struct term *authorities, struct term *crls);
// The subject of an authority that has no revocation list though there are some, or NULL: none can
// be accepted whom it issued a certificate. `text` is room for it.
const char *client_auth_without_crl(const struct client_auth *auth, char text[NAME_TEXT_SIZE]);

// Judges what a client showed: its own certificate first, the others in any order. `identity` is
// filled when it is accepted. `now`: seconds since 1970.
struct client_verdict client_auth_judge(const struct client_auth *auth,
                                        const struct slice *presented, size_t count, int64_t now,
                                        struct client_identity *identity);

// Whether a key of this kind may sign with this scheme (RFC 8446 4.2.3): ECDSA with the hash of its
// curve only, RSA by what the certificate says the key is for.
bool client_auth_scheme_fits(enum certificate_key key, uint16_t scheme);

#endif
