// Networks in CIDR notation, and whether an address lies in one: for lists of who is trusted, let in
// or kept out. RFC 4632, RFC 4291 2.3.
//
// An IPv4 address that arrives inside an IPv6 one (::ffff:192.0.2.1) is the IPv4 address: it lies in
// the networks that 192.0.2.1 lies in, and in no other. No name look-up, no I/O.
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

#define NETWORK_TEXT_SIZE 50 // "ffff:...:255.255.255.255/128"

// "10.0.0.0/8", "2001:db8::/32", or a single address. Bits behind the prefix must be zero: a typing
// error there would let in more or less than was meant. On failure *why is a short static text.
enum result network_parse(struct slice text, struct network *network, const char **why) MUST_CHECK;
// The one form of a network, with its prefix length: network_parse() reads it back.
void network_format(const struct network *network, char text[NETWORK_TEXT_SIZE]);
// False for an address that is neither IPv4 nor IPv6.
bool network_contains(const struct network *network, const struct sockaddr *address);
bool networks_contain(const struct network *networks, size_t count, const struct sockaddr *address);

#endif
