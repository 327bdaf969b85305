// Reads a ServerHello or HelloRetryRequest (RFC 8446 4.1.3, 4.1.4; RFC 5246 7.4.1.3), whoever
// sent it: every length is checked, and nothing in it is believed. Bytes in, facts out: no I/O, no
// allocation; the slices point into the message.
#ifndef RAVELIN_TLS_PROBE_SERVER_HELLO_H
#define RAVELIN_TLS_PROBE_SERVER_HELLO_H

#include "base/result.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define SERVER_HELLO_RANDOM_SIZE 32

struct server_hello {
    uint16_t version; // what was chosen: of supported_versions when it is there, else the old field
    uint16_t suite;
    uint8_t compression;
    bool is_retry; // a HelloRetryRequest
    uint8_t random[SERVER_HELLO_RANDOM_SIZE];
    struct slice session_id;
    bool has_share;
    uint16_t group; // of the share; in a HelloRetryRequest the group it asks for
    struct slice share;
    struct slice cookie;
    bool has_psk;
    uint16_t psk_index;
    bool has_renegotiation_info; // RFC 5746
    bool has_early_data;         // wrong here, and therefore noted
};

// `message` without its 4-byte header. RESULT_ERROR: malformed.
enum result server_hello_parse(struct slice message, struct server_hello *hello) MUST_CHECK;

// 0x0303 or 0x0302: the server says in its random number that it could have done better (RFC 8446
// 4.1.3): TLS 1.3, or TLS 1.2. 0: it says nothing.
uint16_t server_hello_downgrade_mark(const struct server_hello *hello);

#endif
