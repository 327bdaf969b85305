// The fields in which a trusted proxy reports the client of a request: X-Forwarded-For, -Proto and
// -Host, and Forwarded (RFC 7239). This module reads both kinds and writes both kinds, so that a
// server finds the same client, protocol and host in each. It never reads X-Real-IP, because this
// field has one value for any number of proxies.
//
// One kind decides: X-Forwarded-For if the request has it, otherwise Forwarded. If both are present
// and name different clients, X-Forwarded-For decides and `doubtful` is set.
//
// Invariant: a value that cannot be parsed never makes the client more trusted. The client is then
// CLIENT_UNKNOWN: it has no address, and it is not the proxy.
//
// Bounds: HTTP_HOPS_MAX nodes; a longer list counts as unreadable. No I/O, no allocation. The
// slices point into the head.
#ifndef RAVELIN_HTTP_FORWARDED_H
#define RAVELIN_HTTP_FORWARDED_H

#include "base/network_set.h"
#include "http/header.h"
#include "http/writer.h"

#define HTTP_HOPS_MAX 64

enum http_node_kind {
    NODE_ADDRESS,    // an IP address, with or without a port
    NODE_HIDDEN,     // "unknown", or an obfuscated name such as _proxy1
    NODE_UNREADABLE, // anything else, and an empty element of the list
};

// One element of the list: a client or proxy whose request was forwarded.
struct http_node {
    struct slice text;        // the node as received, without white space and quotes around it
    struct slice port;        // NODE_ADDRESS only: ':' and the port; empty: none
    struct slice element;     // the whole element as received; in Forwarded: all its parameters
    struct slice proto;       // Forwarded only: value of `proto` without quotes; empty: none
    struct slice host;        // Forwarded only: value of `host`; empty: none
    union ip_address address; // NODE_ADDRESS only; an IPv4 address inside an IPv6 one is IPv4
    enum http_node_kind kind;
};

enum http_told_client {
    CLIENT_PEER,    // no list was sent: the proxy itself is the client
    CLIENT_ADDRESS, // nodes[client]
    CLIENT_UNKNOWN, // nodes[client] names no address, or (client == count) the list is unreadable
};

struct http_told {
    enum http_field_id source; // FIELD_X_FORWARDED_FOR or FIELD_FORWARDED; FIELD_OTHER: no list
    enum http_told_client kind;
    bool has_real_ip;    // X-Real-IP was sent
    bool doubtful;       // X-Forwarded-For and Forwarded name different clients
    uint32_t client;     // index of the client in `nodes`
    struct slice unread; // the value that could not be parsed; empty: none
    struct slice proto;  // protocol of the client at the first trusted proxy; empty: unknown
    struct slice host;   // host that the client asked for; empty: unknown
    uint32_t count;      // 0 if the list is unreadable as a whole
    struct http_node nodes[HTTP_HOPS_MAX];
};

// Reads one node: "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80",
// each also in double quotes, an IPv6 address also with a zone ("fe80::1%eth0", which is left out);
// "unknown", "_name". A port is up to five digits or "_name". Sets text, port, address and kind.
void http_node_read(struct slice text, struct http_node *node);

// Reads these fields. Each proxy appends a node, so the list is searched from its end: the client
// is the first node that is not in `trusted`. `told` is scratch space of the caller.
void http_told_read(const struct http_fields *fields, const struct network_lists *trusted,
                    struct http_told *told);

// Largest number of bytes that http_told_write() needs for `told`, beyond the size of the received
// head and the output for `told` NULL.
size_t http_told_size(const struct http_told *told);

// Writes X-Forwarded-For, -Proto, -Host and Forwarded, each once. Also writes X-Real-IP with the
// client's address, if a trusted proxy sent X-Real-IP and the client is known.
//   told         NULL: the other end of the connection is the client
//   peer         address of the other end of the connection, or "unknown"; added to both lists
//   proto, host  of this connection; used where `told` has none
void http_told_write(struct writer *writer, const struct http_told *told, struct slice peer,
                     struct slice proto, struct slice host);

#endif
