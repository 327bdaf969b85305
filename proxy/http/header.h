// Header fields of one head, as views into the bytes of the head.
//
// A `struct http_fields` is scratch space, one for each worker. http/parse fills it, and
// http/encode reads it before the bytes of the head move. Its array has the configured number of
// fields and belongs to the worker.
#ifndef RAVELIN_HTTP_HEADER_H
#define RAVELIN_HTTP_HEADER_H

#include "base/result.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The fields that Ravelin reads, drops or writes. Every other field is FIELD_OTHER and is
// forwarded.
enum http_field_id {
    FIELD_OTHER = 0,
    FIELD_AUTHORIZATION,
    FIELD_CLIENT_CERT, // RFC 9440: only a proxy may set these two; Ravelin never sets them
    FIELD_CLIENT_CERT_CHAIN,
    FIELD_CONNECTION,
    FIELD_CONTENT_LENGTH,
    FIELD_CONTENT_TYPE,
    FIELD_DATE,
    FIELD_DESTINATION, // WebDAV: contains a URL, as does each tag of If
    FIELD_EXPECT,
    FIELD_FORWARDED,
    FIELD_HOST,
    FIELD_HTTP2_SETTINGS,
    FIELD_IF,
    FIELD_KEEP_ALIVE,
    FIELD_MAX_FORWARDS,
    FIELD_ORIGIN,
    FIELD_PERSISTENT_AUTH, // of servers that authenticate connections
    FIELD_PROXY,           // an attack: gateways turn it into the variable HTTP_PROXY ("httpoxy")
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
    FIELD_X_REQUEST_ID,
    FIELD_X_TLS_FACTS,
    // One of the names above with '_' or another sign instead of '-' (X_Forwarded_For). Never
    // forwarded, because gateways turn both names into the same environment variable.
    FIELD_LOOKALIKE,
    FIELD_ID_COUNT, // at most 64: sets of ids are bit masks
};

#define FIELD_BIT(id) (UINT64_C(1) << (id))

struct http_field {
    struct slice name;  // as received
    struct slice value; // without surrounding white space
    enum http_field_id id;
    bool hop_by_hop; // never forwarded: hop-by-hop, named by Connection, or a look-alike
};

struct http_fields {
    struct http_field *items;
    uint32_t count;
    uint32_t capacity;
};

// The known field of this name. The case of letters does not matter. One hash, one comparison.
enum http_field_id http_field_lookup(struct slice name);
// The first field with this id, or NULL.
const struct http_field *http_fields_find(const struct http_fields *fields, enum http_field_id id);

// Whether a gateway could read a field as the wanted one: letters in any case, and any sign in
// place of another ("X_User", "X.User" for "X-User").
bool http_name_resembles(struct slice name, struct slice wanted);

// True for fields that every recipient needs (Host, Content-Length, Authorization, Cookie,
// Content-Type, X-Forwarded-For, ...). A message whose Connection field names one is refused,
// because its meaning would change if a proxy dropped that field.
bool http_field_is_end_to_end(struct slice name);
// True for fields that are not allowed in a trailer section (RFC 9110 6.5.1): framing, routing,
// authentication, cookies, request modifiers, response control and content format, and fields about
// the client (X-Forwarded-*, client certificates). Other signs count as '-', as in FIELD_LOOKALIKE.
bool http_field_is_barred_from_trailers(struct slice name);

// Calls `element` for each element of a comma-separated list of tokens, without white space around
// it. Empty elements are skipped; quoted strings are not recognised. False: a callback returned
// false, and no later element was visited.
bool http_list_each(struct slice value, bool (*element)(struct slice item, void *context),
                    void *context);

// True if an Authorization value, or a challenge in a WWW-Authenticate or Proxy-Authenticate value,
// has a scheme that authenticates the connection and not the request: NTLM or Negotiate (RFC 4559),
// or a scheme whose name begins like these. A quoted string that looks like such a challenge
// counts, too.
bool http_authenticates_connection(struct slice value);

bool http_is_token(struct slice text); // RFC 9110 5.6.2: one or more tchar

#endif
