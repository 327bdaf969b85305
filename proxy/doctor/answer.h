// What a server says to a ClientHello before anything is encrypted: an alert, a ServerHello, in TLS
// 1.2 and older a whole flight with its certificates, or something that is not TLS.
//
// A bounded reader of bytes from strangers: no I/O, no allocation; the slices point into the
// reader's own buffer, or into the bytes given.
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
    ANSWER_NONE,    // nothing came in time
    ANSWER_CLOSED,  // the connection was ended without a word
    ANSWER_RESET,   // or was reset
    ANSWER_LOST,    // there was no connection in the first place
    ANSWER_ALERT,   // alert
    ANSWER_HELLO,   // hello
    ANSWER_RETRY,   // hello, which is a HelloRetryRequest
    ANSWER_SSL2,    // a SERVER-HELLO of SSL 2.0
    ANSWER_HTTP,    // plain HTTP: http_status
    ANSWER_STRANGE, // something else
};

// Of a ServerKeyExchange.
struct key_exchange_facts {
    bool present;
    uint16_t group;  // a named curve; 0: finite field
    unsigned bits;   // of the prime, for a finite field
    uint16_t scheme; // what it is signed with, TLS 1.2 only; 0: not signed, or older
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

// The handshake messages put together from records.
struct flight {
    size_t size;
    uint8_t data[FLIGHT_SIZE_MAX];
};

// Reads all that came so far. `whole`: read on to the end of the flight, not only to the first
// message. RESULT_AGAIN: nothing decisive yet (answer->kind is ANSWER_NONE), or, with `whole`, the
// flight goes on (what there is of it is in the answer). RESULT_OK: done.
enum result answer_read(struct slice received, bool whole, struct flight *flight,
                        struct answer *answer) MUST_CHECK;

// "alert handshake_failure (40)", "TLS 1.2 with TLS_RSA_WITH_RC4_128_SHA", ...
void answer_text(const struct answer *answer, char text[ANSWER_TEXT_SIZE]);
const char *version_name(uint16_t version); // "TLS 1.2"
const char *group_name(uint16_t group);     // "X25519"; "a group without a name"

// The status of a plain HTTP/1.x response that begins here; 0 when none does.
uint16_t http_status_of(struct slice data);

#endif
