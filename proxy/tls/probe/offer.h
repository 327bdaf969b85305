// A ClientHello as a client that may ask for anything writes it: for `ravelin doctor`, which asks
// for what a server should refuse.
//
// An offer is data: what is left zero is left out of the message. Nothing here decides what is
// good; the server side of this program has no use for it. Bytes out, no I/O, no allocation.
#ifndef RAVELIN_TLS_PROBE_OFFER_H
#define RAVELIN_TLS_PROBE_OFFER_H

#include "base/builder.h"
#include "base/result.h"
#include "base/slice.h"
#include "tls/registry.h"

#include <stdbool.h>
#include <stdint.h>

// A list of 16-bit numbers somebody else owns.
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
    struct slice compressions; // empty: the null method alone
    // Extensions, none of them before TLS 1.0.
    struct slice name;
    struct numbers versions; // supported_versions
    struct numbers groups;
    struct numbers signatures;
    bool has_shares; // key_share, also an empty one: the server then names the group it wants
    struct offer_share shares[OFFER_SHARES_MAX];
    size_t share_count;
    struct slice cookie;
    bool legacy;      // point formats, extended_master_secret and renegotiation_info: TLS 1.2
    bool http1;       // ALPN
    bool ocsp;        // status_request
    unsigned modes;   // psk_key_exchange_modes
    bool early_data;  // early_data
    struct slice psk; // identity (the ticket); the binder is left as zeros at the message's end
    uint32_t psk_age; // obfuscated
    size_t binder_size;
};

// Appends the handshake message, its 4-byte header included. When it does not fit, the builder's
// `overflow` is set.
void offer_write(const struct offer *offer, const uint8_t random[OFFER_RANDOM_SIZE],
                 struct builder *message);
// The bytes at the end of the message that the binder does not cover (RFC 8446 4.2.11.2); the
// binder itself is the last binder_size of them. 0 without a PSK.
size_t offer_binders_size(const struct offer *offer);

// Appends the message as one plain record.
void offer_write_record(uint16_t record_version, struct slice message, struct builder *output);

// Appends a whole CLIENT-HELLO in the format of SSL 2.0, which can also offer later versions (RFC
// 5246 E.2). `suites` are V2 cipher specs: 3 bytes each.
void offer_write_ssl2(uint16_t version, struct slice suites, const uint8_t random[16],
                      struct builder *output);

#endif
