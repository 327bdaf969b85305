// Parses the first reply of a server to a ClientHello, before encryption: an alert, a ServerHello,
// or bytes that are not TLS. In TLS 1.2 and older, a whole flight with its certificates.
//
// A bounded parser of untrusted bytes: no I/O, no allocation. The slices point into the parser's
// own buffer, or into the bytes given.
#ifndef RAVELIN_DOCTOR_ANSWER_H
#define RAVELIN_DOCTOR_ANSWER_H

#include "base/result.h"
#include "base/slice.h"
#include "tls/probe/server_hello.h"

#include <stdbool.h>
#include <stdint.h>

#define FLIGHT_SIZE_MAX ((size_t)65536)
#define ANSWER_TEXT_SIZE 192

enum answer_kind {
    ANSWER_NONE,    // no bytes arrived in time
    ANSWER_CLOSED,  // the server closed the connection without a byte
    ANSWER_RESET,   // the server reset the connection
    ANSWER_LOST,    // no connection could be made
    ANSWER_ALERT,   // see `alert`
    ANSWER_HELLO,   // see `hello`
    ANSWER_RETRY,   // see `hello`, which is a HelloRetryRequest
    ANSWER_SSL2,    // a SERVER-HELLO of SSL 2.0
    ANSWER_HTTP,    // plain HTTP: see `http_status`
    ANSWER_STRANGE, // other bytes
};

// Facts of a ServerKeyExchange.
struct key_exchange_facts {
    bool present;
    uint16_t group;  // a named curve; 0: finite field
    unsigned bits;   // of the prime, for a finite field
    uint16_t scheme; // scheme of its signature, TLS 1.2 only; 0: not signed, or an older version
};

struct answer {
    enum answer_kind kind;
    uint8_t alert;
    uint16_t http_status;
    struct server_hello hello;
    struct slice certificates; // TLS 1.2 and older: the list, each with 3 bytes of length before it
    struct slice staple;       // an OCSP response
    struct key_exchange_facts exchange;
};

// Handshake messages, assembled from records.
struct flight {
    size_t size;
    uint8_t data[FLIGHT_SIZE_MAX];
};

// Parses all bytes received so far. `whole`: parse the whole flight, not only the first message.
//   OK     done
//   AGAIN  more bytes are needed: answer->kind is ANSWER_NONE; or, with `whole`, the answer has the
//          received part of the flight
enum result answer_read(struct slice received, bool whole, struct flight *flight,
                        struct answer *answer) MUST_CHECK;

// "alert handshake_failure (40)", "TLS 1.2 with TLS_RSA_WITH_RC4_128_SHA", ...
void answer_text(const struct answer *answer, char text[ANSWER_TEXT_SIZE]);
const char *version_name(uint16_t version); // "TLS 1.2"
const char *group_name(uint16_t group);     // "X25519"; "a group without a name"

// Status of a plain HTTP/1.x response that begins here; 0: not such a response.
uint16_t http_status_of(struct slice data);

#endif
