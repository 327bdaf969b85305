// Base64 with padding (RFC 4648 4).
#ifndef RAVELIN_BASE_BASE64_H
#define RAVELIN_BASE_BASE64_H

#include <stddef.h>
#include <stdint.h>

// Size of the text of so many bytes.
#define BASE64_SIZE(bytes) (((bytes) + 2) / 3 * 4)

// Writes BASE64_SIZE(size) characters, without '\0'.
void base64_write(const uint8_t *bytes, size_t size, char *text);

#endif
