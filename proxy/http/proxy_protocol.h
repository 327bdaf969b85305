// The PROXY protocol, versions 1 and 2: how a proxy before or behind us says whose connection it
// passes on. Follows "The PROXY protocol, versions 1 & 2" (haproxy.org, 2020).
//
// Reading is strict and bounded: one header, nothing guessed. Whoever can send a header can claim
// any address, so the caller takes one only from peers it was told to trust, and takes nothing from
// the others. Bytes in, bytes and a code out: no I/O, no allocation.
//
// What a version 2 header carries behind the addresses (TLVs) must be well-formed and is not used.
#ifndef RAVELIN_HTTP_PROXY_PROTOCOL_H
#define RAVELIN_HTTP_PROXY_PROTOCOL_H

#include "base/result.h"
#include "base/socket.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The longest header that is read; a version 2 header claiming to be longer is refused.
#define PROXY_HEADER_SIZE_MAX ((size_t)16 + 2048)
// The longest one that is written.
#define PROXY_HEADER_WRITE_MAX ((size_t)108)

enum proxy_version { PROXY_VERSION_NONE, PROXY_VERSION_1, PROXY_VERSION_2 };

struct proxy_header {
    size_t size;     // of the whole header
    bool has_client; // false: the header names no client
    bool local;      // version 2 LOCAL: the connection is the peer's own, as of a health check
    struct address client; // who connected to the peer
};

// RESULT_AGAIN: data[0..size) may be the beginning of a header. RESULT_ERROR: it is none, or one
// that is not for a stream connection; *why is a static text.
enum result proxy_header_read(const uint8_t *data, size_t size, struct proxy_header *header,
                              const char **why) MUST_CHECK;

// The header for a connection from `client` to our address `local`. Where one is IPv4 and the other
// IPv6, the IPv4 address is written inside an IPv6 one. `client` NULL: it is unknown, and the
// header says so (version 1 UNKNOWN, version 2 with the family unspecified). Returns its size.
size_t proxy_header_write(enum proxy_version version, const struct address *client,
                          const struct address *local, uint8_t output[PROXY_HEADER_WRITE_MAX]);

#endif
