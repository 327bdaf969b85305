// The PROXY protocol, versions 1 and 2: a header before the first byte of a connection, in which a
// proxy names its client. Follows "The PROXY protocol, versions 1 & 2" (haproxy.org, 2020).
//
// Reading is strict and bounded. A header can claim any address, so the caller reads it only from
// trusted proxies and closes other connections. Of a version 2 header, the data behind the
// addresses (TLVs) must be well-formed and are ignored. No I/O, no allocation.
#ifndef RAVELIN_HTTP_PROXY_PROTOCOL_H
#define RAVELIN_HTTP_PROXY_PROTOCOL_H

#include "base/result.h"
#include "base/socket.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Size of the longest header that is accepted.
#define PROXY_HEADER_SIZE_MAX ((size_t)16 + 2048)
// Size of the longest header that is written.
#define PROXY_HEADER_WRITE_MAX ((size_t)108)

enum proxy_version { PROXY_VERSION_NONE, PROXY_VERSION_1, PROXY_VERSION_2 };

struct proxy_header {
    size_t size;     // bytes of the whole header
    bool has_client; // false: the header names no client
    bool local;      // version 2 LOCAL: the proxy itself connected, for example for a health check
    struct address client; // address of the proxy's client
};

// Reads a header at the beginning of data[0..size). RESULT_AGAIN: it is not complete. RESULT_ERROR:
// there is no valid header, or it is not for a stream connection; *why is a static text.
enum result proxy_header_read(const uint8_t *data, size_t size, struct proxy_header *header,
                              const char **why) MUST_CHECK;

// Writes the header for a connection from `client` to Ravelin's address `local`, and returns its
// size. If one address is IPv4 and the other IPv6, the IPv4 address is written inside an IPv6
// address. `client` NULL: the client is unknown (version 1 UNKNOWN, version 2 with the family
// unspecified).
size_t proxy_header_write(enum proxy_version version, const struct address *client,
                          const struct address *local, uint8_t output[PROXY_HEADER_WRITE_MAX]);

#endif
