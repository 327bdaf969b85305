// The client's half of an ephemeral key exchange: one key pair for one handshake, in one group (RFC
// 8446 4.2.8; the hybrids of draft-ietf-tls-ecdhe-mlkem). For `ravelin doctor`; the server's half
// is wolfSSL's.
//
// The caller owns the object. The private key is in the object and is wiped with it.
#ifndef RAVELIN_TLS_PROBE_KEY_EXCHANGE_H
#define RAVELIN_TLS_PROBE_KEY_EXCHANGE_H

#include "base/result.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define KEY_SHARE_SIZE_MAX 1280 // P-256 and an ML-KEM-768 key: 65 + 1184
#define KEY_SECRET_SIZE_MAX 80  // P-521 alone: 66; a hybrid: 32 + 32

struct key_exchange;

// True if this build supports the group.
bool key_exchange_knows(uint16_t group);
// Makes a key pair. NULL: unknown group, memory is short, or there are no random bytes.
struct key_exchange *key_exchange_new(uint16_t group);
void key_exchange_free(struct key_exchange *exchange);
// The share for the key_share extension. Valid as long as the object.
struct slice key_exchange_share(const struct key_exchange *exchange);
// Computes the shared secret, of *size bytes; the caller wipes it. RESULT_ERROR: the server's share
// has a wrong size or is not a valid key.
enum result key_exchange_finish(struct key_exchange *exchange, struct slice server_share,
                                uint8_t secret[KEY_SECRET_SIZE_MAX], size_t *size) MUST_CHECK;

#endif
