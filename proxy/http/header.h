// Header fields of one message head, as views into the bytes they were parsed from.
//
// A `struct http_fields` is scratch space: one per worker, filled by http/parse, read by
// http/encode before the bytes move. It owns only its array, sized once from the configured header
// count.
#ifndef RAVELIN_HTTP_HEADER_H
#define RAVELIN_HTTP_HEADER_H

#include "base/result.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The fields the proxy itself reads, drops or writes. Everything else is FIELD_OTHER and passes
// through.
enum http_field_id {
    FIELD_OTHER = 0,
    FIELD_AUTHORIZATION,
    FIELD_CLIENT_CERT, // RFC 9440: only a proxy may set these two; this one does not
    FIELD_CLIENT_CERT_CHAIN,
    FIELD_CONNECTION,
    FIELD_CONTENT_LENGTH,
    FIELD_CONTENT_TYPE,
    FIELD_DATE,
    FIELD_DESTINATION, // of WebDAV, with a URL in it; and If, with one in each of its tags
    FIELD_EXPECT,
    FIELD_FORWARDED,
    FIELD_HOST,
    FIELD_HTTP2_SETTINGS,
    FIELD_IF,
    FIELD_KEEP_ALIVE,
    FIELD_MAX_FORWARDS,
    FIELD_ORIGIN,
    FIELD_PERSISTENT_AUTH, // of servers that authenticate connections
    FIELD_PROXY, // never a real field: gateways turn it into the variable HTTP_PROXY ("httpoxy")
    FIELD_PROXY_AUTHENTICATE,
    FIELD_PROXY_AUTHENTICATION_INFO,
    FIELD_PROXY_AUTHORIZATION,
    FIELD_PROXY_CONNECTION,
    FIELD_REFERER,
    FIELD_SERVER,
    FIELD_TE,
    FIELD_TRAILER,
    FIELD_TRANSFER_ENCODING,
    FIELD_UPGRADE,
    FIELD_USER_AGENT,
    FIELD_WWW_AUTHENTICATE,
    FIELD_X_CLIENT_CERTIFICATE_FINGERPRINT,
    FIELD_X_CLIENT_CERTIFICATE_SUBJECT,
    FIELD_X_FORWARDED_FOR,
    FIELD_X_FORWARDED_HOST,
    FIELD_X_FORWARDED_OTHER, // any other X-Forwarded-*
    FIELD_X_FORWARDED_PROTO,
    FIELD_X_REAL_IP,
    FIELD_X_TLS_FACTS,
    // One of the names above with '_' or another sign where it has '-' (X_Forwarded_For). Gateways
    // that turn names into environment variables cannot tell the two apart, so these are never
    // forwarded.
    FIELD_LOOKALIKE,
    FIELD_ID_COUNT, // at most 64: sets of ids are bit masks
};

#define FIELD_BIT(id) (UINT64_C(1) << (id))

struct http_field {
    struct slice name;  // as received
    struct slice value; // without surrounding white space
    enum http_field_id id;
    bool hop_by_hop; // not to be forwarded: hop-by-hop, named by Connection, or a look-alike
};

struct http_fields {
    struct http_field *items;
    uint32_t count;
    uint32_t capacity;
};

// Which known field a name is; letters in any case. One hash, one comparison.
enum http_field_id http_field_lookup(struct slice name);
// First field with this id, or NULL.
const struct http_field *http_fields_find(const struct http_fields *fields, enum http_field_id id);

// Fields that every recipient needs (Host, Content-Length, Authorization, Cookie, Content-Type,
// X-Forwarded-For, ...). A Connection field that names one asks a proxy to take the meaning out of
// the message: such a message is refused.
bool http_field_is_end_to_end(struct slice name);
// Fields that must not stand in a trailer section (RFC 9110 6.5.1): framing, routing,
// authentication, cookies, request modifiers, response control and content format, and what tells a
// server about its client (X-Forwarded-*, client certificates). Signs count as '-' here too.
bool http_field_is_barred_from_trailers(struct slice name);

// Calls back for each element of a comma-separated list value (empty elements skipped, white space
// cut). Quoted strings are not looked into: for lists of tokens. Returns false as soon as the
// callback does.
bool http_list_each(struct slice value, bool (*element)(struct slice item, void *context),
                    void *context);

// True if an Authorization value, or a challenge of a WWW-Authenticate or Proxy-Authenticate value,
// has a scheme that authenticates the connection and not the request: NTLM or Negotiate (RFC 4559),
// or one whose name begins like them. A quoted string that looks like such a challenge counts too.
bool http_authenticates_connection(struct slice value);

bool http_is_token(struct slice text); // RFC 9110 5.6.2: one or more tchar

#endif
