// The Connection and Upgrade fields of HTTP/1, alike in requests and responses. Used inside http/
// only.
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
    bool tolerant; // of options that mean nothing; `odd` tells that there were any
    bool odd;
    const char *why;
};

// The options of every Connection field. Marks the fields that they name as hop-by-hop. `tolerant`:
// as in struct connection.
enum result http_read_connection(struct http_fields *fields, const struct http_index *index,
                                 bool tolerant, struct connection *connection,
                                 struct http_refusal *refusal) MUST_CHECK;

static inline bool keeps_alive(const struct connection *connection, uint8_t minor_version) {
    return !connection->close && (minor_version == 1 || connection->keep_alive);
}

struct protocols {
    uint32_t count;
    bool barred; // one of them would hide requests from us
    bool others; // one of them is none of `asked`
    const struct slice *asked;
};

// For each element of an Upgrade value; the context is a struct protocols. False: malformed.
bool http_on_protocol(struct slice item, void *context);

#endif
