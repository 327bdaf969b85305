// Reads a ServerHello or HelloRetryRequest of any server (RFC 8446 4.1.3, 4.1.4; RFC 5246 7.4.1.3).
// It checks every length and trusts no value. No I/O, no allocation. The slices point into the
// message.
#ifndef RAVELIN_TLS_PROBE_SERVER_HELLO_H
#define RAVELIN_TLS_PROBE_SERVER_HELLO_H

#include "base/result.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define SERVER_HELLO_RANDOM_SIZE 32

struct server_hello {
    uint16_t version; // of supported_versions; without it, legacy_version
    uint16_t suite;
    uint8_t compression;
    bool is_retry; // a HelloRetryRequest
    uint8_t random[SERVER_HELLO_RANDOM_SIZE];
    struct slice session_id;
    bool has_share;
    uint16_t group; // of the share; of a HelloRetryRequest, the group that it asks for
    struct slice share;
    struct slice cookie;
    bool has_psk;
    uint16_t psk_index;
    bool has_renegotiation_info; // RFC 5746
    bool has_early_data;         // not allowed here, so it is reported
};

// Reads a message, without its 4-byte header. RESULT_ERROR: malformed.
enum result server_hello_parse(struct slice message, struct server_hello *hello) MUST_CHECK;

// The downgrade mark in the server's random bytes (RFC 8446 4.1.3). 0x0303: the server chose TLS
// 1.2 but supports TLS 1.3. 0x0302: it chose an older version but supports TLS 1.2. 0: no mark.
uint16_t server_hello_downgrade_mark(const struct server_hello *hello);

#endif
