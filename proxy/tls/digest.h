// SHA-256 as text, and HMAC-SHA-256 (RFC 2104).
#ifndef RAVELIN_TLS_DIGEST_H
#define RAVELIN_TLS_DIGEST_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define DIGEST_SIZE 32
#define DIGEST_TEXT_SIZE 65

// Writes 64 lower-case hexadecimal digits and NUL, as sha256sum does.
void digest_text(struct slice data, char text[DIGEST_TEXT_SIZE]);
// HMAC-SHA-256 of the concatenated parts. Each part is smaller than 4 GiB. False: memory is short.
bool digest_keyed(const uint8_t key[DIGEST_SIZE], const struct slice *parts, size_t count,
                  uint8_t mac[DIGEST_SIZE]);

#endif
