// The request target and its host (RFC 9112 3.2 and 3.3, RFC 3986 3.2), and URLs in fields of a
// request. Used by http/, http2/ and exchange/dav.c only. No I/O, no allocation.
#ifndef RAVELIN_HTTP_TARGET_H
#define RAVELIN_HTTP_TARGET_H

#include "http/request.h"

struct http_authority {
    struct slice text; // host[:port]; without a colon that has no port behind it
    struct slice host; // an IPv6 address has brackets
    uint16_t port;     // 0: not given
};

// Reads host[:port]. The host is a name of at most 255 letters, digits, '-', '.' and '_' without an
// empty label (a dot at the end is allowed), or an IPv6 address in brackets. No user information,
// no percent-encoding, no zone. The port is 1 to 65535 in at most 5 digits. NULL: valid. Otherwise
// a static text with the problem.
const char *http_parse_authority(struct slice text, struct http_authority *authority);

// Sets path, path_size, path_is_plain, authority and host of `request`, from its method, its
// scanned target and its Host field (NULL: none). `plain_size`: see struct http_request_line. NULL:
// valid. Otherwise a static text with the reason for a 400.
const char *http_resolve_target(struct http_request *request, size_t plain_size,
                                const struct http_field *host);

// The URL in a field: "/path", or an http or https URI. Both may have a query but no fragment.
struct http_reference {
    bool has_authority;
    struct http_authority authority; // set if has_authority
    struct slice path;               // path and query; "/" if the URI ends with its authority
    size_t path_size;                // of the path without the query; http_check_path() accepts it
};

// NULL: valid. Otherwise a static text with the problem.
const char *http_parse_reference(struct slice text, struct http_reference *reference);

#endif
