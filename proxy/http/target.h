// The request target and the host it is meant for: RFC 9112 3.2 and 3.3, RFC 3986 3.2. And other
// URLs that a request names. Used by http/parse and exchange/dav only.
#ifndef RAVELIN_HTTP_TARGET_H
#define RAVELIN_HTTP_TARGET_H

#include "http/request.h"

struct http_authority {
    struct slice text; // host[:port]; a colon without a port is left out
    struct slice host; // an IPv6 address with its brackets
    uint16_t port;     // 0: none given
};

// host[:port]. The host is a name of letters, digits, '-', '.' and '_' (at most 255; no empty
// label, but a dot at the end is fine), or an IPv6 address in brackets; no user information, no
// percent-encoding, no zone. The port is 1 to 65535, in at most 5 digits. NULL when it is right,
// else why not.
const char *http_parse_authority(struct slice text, struct http_authority *authority);

// Decides what the request is for from its method, its target (already scanned) and its Host field
// (NULL: none). Sets path, path_size, path_is_plain, authority and host of `request`. `plain_size`:
// see struct http_request_line. NULL when it is right, else why the answer is 400.
const char *http_resolve_target(struct http_request *request, size_t plain_size,
                                const struct http_field *host);

// The URL of a field: "/path", or an http or https URI; both may have a query, but no fragment.
struct http_reference {
    bool has_authority;
    struct http_authority authority; // when it has one
    struct slice path;               // and query; "/" when the URI ends with its authority
    size_t path_size;                // of the path without the query; http_check_path() is content
};

// NULL when it is right, else why not.
const char *http_parse_reference(struct slice text, struct http_reference *reference);

#endif
