// The Connection and Upgrade fields of HTTP/1 (RFC 9110 7.6.1, 7.8), for requests and responses.
// Used inside http/ only.
#ifndef RAVELIN_HTTP_CONNECTION_H
#define RAVELIN_HTTP_CONNECTION_H

#include "http/index.h"
#include "http/refusal.h"

struct connection {
    struct http_fields *fields;
    uint32_t option_count;
    bool close;
    bool keep_alive;
    bool upgrade;
    bool tolerant; // in: options without a meaning are ignored
    bool odd;      // such an option was ignored
    const char *why;
};

// Reads the options of every Connection field, and marks the fields that they name as hop-by-hop.
enum result http_read_connection(struct http_fields *fields, const struct http_index *index,
                                 bool tolerant, struct connection *connection,
                                 struct http_refusal *refusal) MUST_CHECK;

static inline bool keeps_alive(const struct connection *connection, uint8_t minor_version) {
    return !connection->close && (minor_version == 1 || connection->keep_alive);
}

struct protocols {
    uint32_t count;
    bool barred; // one is h2c or TLS, which would hide requests from Ravelin
    bool others; // one is not in `asked`
    const struct slice *asked;
};

// Callback of http_list_each() for an Upgrade value; the context is a struct protocols. False: the
// element is malformed.
bool http_on_protocol(struct slice item, void *context);

#endif
