// The client's half of an ephemeral key exchange: one key pair for one handshake, in one group (RFC
// 8446 4.2.8; the hybrids of draft-ietf-tls-ecdhe-mlkem). For `ravelin doctor`; the server's half
// is wolfSSL's.
//
// The private key lives in the object and is wiped with it.
#ifndef RAVELIN_TLS_PROBE_KEY_EXCHANGE_H
#define RAVELIN_TLS_PROBE_KEY_EXCHANGE_H

#include "base/result.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define KEY_SHARE_SIZE_MAX 1280 // P-256 and an ML-KEM-768 key: 65 + 1184
#define KEY_SECRET_SIZE_MAX 80  // P-521 alone: 66; a hybrid: 32 + 32

struct key_exchange;

// False for a group this build cannot do.
bool key_exchange_knows(uint16_t group);
// Makes a key pair. NULL: an unknown group, or no memory or randomness.
struct key_exchange *key_exchange_new(uint16_t group);
void key_exchange_free(struct key_exchange *exchange);
// What goes into key_share.
struct slice key_exchange_share(const struct key_exchange *exchange);
// RESULT_ERROR: the server's share is of a wrong size, or no key at all.
enum result key_exchange_finish(struct key_exchange *exchange, struct slice server_share,
                                uint8_t secret[KEY_SECRET_SIZE_MAX], size_t *size) MUST_CHECK;

#endif
