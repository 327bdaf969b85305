// Writes a ClientHello that may offer anything, for `ravelin doctor`, which also offers what a
// server should refuse.
//
// An offer is data. A member that is zero is not in the message. This module decides nothing, and
// Ravelin as a server never uses it. No I/O, no allocation.
#ifndef RAVELIN_TLS_PROBE_OFFER_H
#define RAVELIN_TLS_PROBE_OFFER_H

#include "base/builder.h"
#include "base/result.h"
#include "base/slice.h"
#include "tls/registry.h"

#include <stdbool.h>
#include <stdint.h>

// A list of 16-bit numbers, which the caller owns.
struct numbers {
    const uint16_t *items;
    size_t count;
};

#define NUMBERS(array) ((struct numbers){(array), sizeof(array) / sizeof((array)[0])})

enum psk_mode { PSK_KE = 1, PSK_DHE_KE = 2 }; // RFC 8446 4.2.9, as bits

#define OFFER_RANDOM_SIZE 32
#define OFFER_SHARES_MAX 2

struct offer_share {
    uint16_t group;
    struct slice key;
};

struct offer {
    uint16_t version; // legacy_version
    struct numbers suites;
    struct slice session_id;
    struct slice compressions; // empty: the null method only
    // Extensions. None is written if `version` is below TLS 1.0.
    struct slice name;
    struct numbers versions; // supported_versions
    struct numbers groups;
    struct numbers signatures;
    bool has_shares; // key_share; without shares, the server answers with the group it wants
    struct offer_share shares[OFFER_SHARES_MAX];
    size_t share_count;
    struct slice cookie;
    bool legacy;      // point formats, extended_master_secret and renegotiation_info: TLS 1.2
    bool http1;       // ALPN
    bool http2;       // ALPN with h2 alone, in place of http1
    bool ocsp;        // status_request
    unsigned modes;   // psk_key_exchange_modes
    bool early_data;  // early_data
    struct slice psk; // identity (the ticket); its binder is zeros at the end of the message
    uint32_t psk_age; // obfuscated
    size_t binder_size;
};

// Appends the handshake message, with its 4-byte header. If it does not fit, the builder's
// `overflow` is set.
void offer_write(const struct offer *offer, const uint8_t random[OFFER_RANDOM_SIZE],
                 struct builder *message);
// The number of bytes at the end of the message that the binder does not cover (RFC 8446 4.2.11.2).
// The binder is the last binder_size of them. 0: no PSK.
size_t offer_binders_size(const struct offer *offer);

// Appends a message as one plaintext record.
void offer_write_record(uint16_t record_version, struct slice message, struct builder *output);

// Appends a CLIENT-HELLO of SSL 2.0, which can also offer later versions (RFC 5246 E.2). `suites`:
// cipher specs of 3 bytes.
void offer_write_ssl2(uint16_t version, struct slice suites, const uint8_t random[16],
                      struct builder *output);

#endif
