// Finds the path from a client's certificate to an authority of client-ca. This module verifies
// signatures and nothing else; client_auth.c checks the content of the certificates on the path.
//
// Invariant: a key verifies a signature only after an authority of client-ca has vouched for that
// key. The search therefore starts at the authorities and goes down to the client's certificate. A
// client that no authority vouches for cannot choose the keys that the worker computes with.
//
// Bounds: CLIENT_PRESENTED_MAX certificates of the client, each signature verified once with each
// key that fits by name and key identifier, CLIENT_PATH_COST_MAX of work for each handshake.
#ifndef RAVELIN_TLS_CERTIFICATE_CLIENT_PATH_H
#define RAVELIN_TLS_CERTIFICATE_CLIENT_PATH_H

#include "tls/certificate/certificate.h"

#define CLIENT_PRESENTED_MAX 8
#define CLIENT_PATH_MAX 16        // certificates from the client's own to the last authority
#define CLIENT_PATH_COST_MAX 3500 // certificate_verification_cost(): 35 of P-256, 4 of P-521

enum client_path_end {
    CLIENT_PATH_TRUSTED,  // the path reaches an authority
    CLIENT_PATH_UNKNOWN,  // no authority issued any of the certificates
    CLIENT_PATH_FALSE,    // a certificate names a trusted key that did not sign it
    CLIENT_PATH_COSTLY,   // CLIENT_PATH_COST_MAX is spent
    CLIENT_PATH_TOO_LONG, // more than CLIENT_PATH_MAX certificates
};

struct client_path {
    const struct certificate *items[CLIENT_PATH_MAX]; // client's certificate first; if TRUSTED
    size_t count;
    uint32_t cost; // of all signatures verified, with every result
};

// Finds a shortest path over the presented certificates to an authority, and from there on to the
// issuers of that authority among the authorities.
//   presented  [count], 1 <= count <= CLIENT_PRESENTED_MAX; the client's certificate first, the
//              others in any order
//   path       out; points into both arrays
enum client_path_end client_path_find(const struct certificate *authorities, size_t authority_count,
                                      const struct certificate *presented, size_t count,
                                      struct client_path *path) MUST_CHECK;

#endif
