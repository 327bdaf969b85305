// Our own look at a ClientHello, before the TLS library sees it (RFC 8446 4.1.2, RFC 6066 3).
//
// It finds what must be known before a wolfSSL object exists: which site is asked for, which
// certificate types the client can verify, and what it offered when it has to be refused. It is a
// reader only: what it accepts is still checked in full by wolfSSL. Bytes in, facts out: no I/O, no
// allocation; the slices point into the message.
#ifndef RAVELIN_TLS_HELLO_H
#define RAVELIN_TLS_HELLO_H

#include "base/result.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define HELLO_NAME_MAX 255
#define HELLO_SIZE_MAX 65536 // of a ClientHello message, over all its records

enum hello_signature {
    HELLO_SIGNATURE_ECDSA_P256 = 1,
    HELLO_SIGNATURE_ECDSA_P384 = 2,
    HELLO_SIGNATURE_ED25519 = 4,
    HELLO_SIGNATURE_RSA_PSS = 8,
};

struct client_hello {
    uint16_t legacy_version;
    bool offers_tls13;
    bool has_server_name;
    struct slice server_name;   // as sent; checked to be a plausible host name
    uint32_t signatures;        // hello_signature bits
    struct slice groups;        // the raw list of supported groups, 2 bytes each
    struct slice versions;      // the raw list of supported versions, 2 bytes each
    struct slice cipher_suites; // the raw list
};

// Looks at the first record bytes a client sent. RESULT_AGAIN: a whole ClientHello is not there
// yet. RESULT_OK: `message` is the ClientHello message without its 4-byte header when it lies in
// one record; empty (size 0) when it is spread over several records, which the caller leaves to
// wolfSSL. RESULT_ERROR: not a TLS handshake; *alert says what to answer.
enum result hello_find(const uint8_t *data, size_t size, struct slice *message,
                       uint8_t *alert) MUST_CHECK;

// Reads the message. RESULT_ERROR: malformed; *alert says what to answer.
enum result hello_parse(struct slice message, struct client_hello *hello,
                        uint8_t *alert) MUST_CHECK;

// True when the bytes look like a plain HTTP request sent to the TLS port.
bool hello_looks_like_http(const uint8_t *data, size_t size);

#endif
