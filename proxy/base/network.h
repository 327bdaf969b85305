// Networks in CIDR notation (RFC 4632, RFC 4291 2.3), and whether an address is in a network: for
// trusted proxies and for the clients that a route allows or denies.
//
// An IPv4 address inside an IPv6 address (::ffff:192.0.2.1) counts as the IPv4 address: it is in
// the networks that contain 192.0.2.1, and in no other. The network ::ffff:10.0.0.0/104 is
// 10.0.0.0/8. No name look-up, no I/O, no allocation.
#ifndef RAVELIN_BASE_NETWORK_H
#define RAVELIN_BASE_NETWORK_H

#include "base/result.h"
#include "base/slice.h"
#include "base/socket.h"

struct network {
    uint8_t bytes[16]; // network byte order; IPv4: the first four
    uint8_t bits;      // length of the prefix
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
// Reads an IPv4 or IPv6 address without brackets, port or zone, and sets the port to 0. An IPv4
// address inside an IPv6 address becomes IPv4. False: `text` is not an address.
bool ip_address_parse(struct slice text, union ip_address *address);
// Writes the address without its port; empty if it is of no family.
void ip_address_format(const union ip_address *address, char text[INET6_ADDRSTRLEN]);
// Compares addresses without their ports.
bool ip_address_same_host(const union ip_address *a, const union ip_address *b);

#define NETWORK_TEXT_SIZE 50 // "ffff:...:255.255.255.255/128"

// Reads "10.0.0.0/8", "2001:db8::/32" or a single address. Bits behind the prefix must be zero,
// because a typing error there would change who is trusted. RESULT_ERROR: *why is a short static
// text.
enum result network_parse(struct slice text, struct network *network, const char **why) MUST_CHECK;
// Writes the canonical form, always with the prefix length. network_parse() reads it.
void network_format(const struct network *network, char text[NETWORK_TEXT_SIZE]);
// Sets network->bytes to the network of this length and family that contains an address. False: the
// address is of another family.
bool network_of(const struct sockaddr *address, struct network *network);
// False for an address that is neither IPv4 nor IPv6.
bool network_contains(const struct network *network, const struct sockaddr *address);
bool networks_contain(const struct network *networks, size_t count, const struct sockaddr *address);

#endif
