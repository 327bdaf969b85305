// What a trusted proxy says about the client of a request: X-Forwarded-For, -Proto and -Host, and
// Forwarded (RFC 7239). Reads them and writes both kinds, so that a server finds the same client,
// protocol and host in either. X-Real-IP is never read, as it has one value for any number of
// proxies.
//
// One kind decides: X-Forwarded-For if the request has it, otherwise Forwarded. If both are there
// and name different clients, X-Forwarded-For decides and `doubtful` is set.
//
// Invariant: a value that cannot be read never makes the client more trusted. The client is then
// *unknown*: CLIENT_UNKNOWN, of which nothing may be believed; it is not the proxy.
//
// Bounds: HTTP_HOPS_MAX nodes; a longer list counts as unreadable. No I/O, no allocation; the
// slices point into the head.
#ifndef RAVELIN_HTTP_FORWARDED_H
#define RAVELIN_HTTP_FORWARDED_H

#include "base/network.h"
#include "http/header.h"
#include "http/writer.h"

#define HTTP_HOPS_MAX 64

enum http_node_kind {
    NODE_ADDRESS,    // an IP address, with or without a port
    NODE_HIDDEN,     // "unknown", or an obfuscated name such as _proxy1
    NODE_UNREADABLE, // anything else, and an empty element of the list
};

// One element of the list: whose request a proxy passed on.
struct http_node {
    struct slice text;    // as received, without white space and quotes around it
    struct slice port;    // of NODE_ADDRESS: ':' and the port; empty: none
    struct slice element; // the whole element, as received; of Forwarded: all its parameters
    struct slice proto;   // of Forwarded: the parameter's value without quotes; empty: none
    struct slice host;
    union ip_address address; // NODE_ADDRESS only; an IPv4 address inside an IPv6 one is IPv4
    enum http_node_kind kind;
};

enum http_told_client {
    CLIENT_PEER,    // no list came: the proxy speaks for itself
    CLIENT_ADDRESS, // nodes[client]
    CLIENT_UNKNOWN, // nodes[client] names no address, or (client == count) the list is unreadable
};

struct http_told {
    enum http_field_id source; // FIELD_X_FORWARDED_FOR or FIELD_FORWARDED; FIELD_OTHER: no list
    enum http_told_client kind;
    bool has_real_ip; // X-Real-IP came
    bool doubtful;    // X-Forwarded-For and Forwarded name different clients
    uint32_t client;
    struct slice unread; // the value that could not be understood, empty: none
    struct slice proto;  // what the client spoke to the first trusted proxy; empty: not told
    struct slice host;   // whom it asked; empty: not told
    uint32_t count;      // 0 if the list is unreadable as a whole
    struct http_node nodes[HTTP_HOPS_MAX];
};

// Reads one node: "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80",
// each also in double quotes, an IPv6 address also with a zone ("fe80::1%eth0", which is left out);
// "unknown", "_name". A port is up to five digits or "_name". Sets text, port, address and kind.
void http_node_read(struct slice text, struct http_node *node);

// Reads all that `fields` hold. From the last node to the first, each was added by the proxy before
// it: the client is the first one that is not in `trusted`. `told` is scratch space of the caller.
void http_told_read(const struct http_fields *fields, const struct network *trusted,
                    size_t trusted_count, struct http_told *told);

// An upper bound on what http_told_write() adds to what was received and to http_told_own_size().
size_t http_told_size(const struct http_told *told);

// Writes X-Forwarded-For, -Proto, -Host and Forwarded, each once, and X-Real-IP with the client's
// address if a trusted proxy sent one and the client is known. `peer`: the address of the
// connection, or "unknown"; it is added to both lists. `proto`, `host`: what is true of this
// connection, written where `told` has no other word. `told` NULL: the peer is the client.
void http_told_write(struct writer *writer, const struct http_told *told, struct slice peer,
                     struct slice proto, struct slice host);

#endif
