// Networks in CIDR notation, and whether an address lies in one: for lists of who is trusted, let
// in or kept out. RFC 4632, RFC 4291 2.3.
//
// An IPv4 address inside an IPv6 one (::ffff:192.0.2.1) is the IPv4 address: it is in the networks
// that contain 192.0.2.1, and in no other. The same holds for networks (::ffff:10.0.0.0/104 is
// 10.0.0.0/8). No name look-up, no I/O.
#ifndef RAVELIN_BASE_NETWORK_H
#define RAVELIN_BASE_NETWORK_H

#include "base/result.h"
#include "base/slice.h"
#include "base/socket.h"

struct network {
    uint8_t bytes[16]; // IPv4: the first four
    uint8_t bits;      // of the prefix
    bool v6;
};

// An IP address with its port, as small as it can be.
union ip_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

// Makes ::ffff:192.0.2.1 the IPv4 address 192.0.2.1, with the same port. Changes no other address.
void ip_address_unmap(union ip_address *address);
// Reads an IPv4 or IPv6 address without brackets, port or zone; port 0. An IPv4 address inside an
// IPv6 one is read as IPv4. False: `text` is none.
bool ip_address_parse(struct slice text, union ip_address *address);
bool ip_address_same_host(const union ip_address *a,
                          const union ip_address *b); // whatever the port

#define NETWORK_TEXT_SIZE 50 // "ffff:...:255.255.255.255/128"

// "10.0.0.0/8", "2001:db8::/32", or a single address; ::ffff:10.0.0.0/104 becomes 10.0.0.0/8. Bits
// behind the prefix must be zero: a typing error there would let in more or less than was meant. On
// failure *why is a short static text.
enum result network_parse(struct slice text, struct network *network, const char **why) MUST_CHECK;
// The one form of a network, with its prefix length: network_parse() reads it back.
void network_format(const struct network *network, char text[NETWORK_TEXT_SIZE]);
// False for an address that is neither IPv4 nor IPv6.
bool network_contains(const struct network *network, const struct sockaddr *address);
bool networks_contain(const struct network *networks, size_t count, const struct sockaddr *address);

#endif
