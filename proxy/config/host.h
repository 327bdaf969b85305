// Host names: checks them and writes their canonical form, which is used to compare them. No
// look-up, no I/O.
#ifndef RAVELIN_CONFIG_HOST_H
#define RAVELIN_CONFIG_HOST_H

#include <stdbool.h>

#define HOST_TEXT_SIZE 256 // 253 characters at most (RFC 1035 2.3.4), a dot, NUL

// Writes the canonical form of a host name or IP address. Returns NULL, or a static text with the
// problem.
//   text     labels of 1 to 63 letters, digits, '-' and '_' (RFC 1123 2.1; '_' is in use, too).
//            Names in other scripts have their xn-- form. An IPv6 address may have brackets
//   pattern  true: "*.suffix" and "*" are allowed, too
//   host     out: lower case, no trailing dot; an IP address as inet_ntop() writes it, IPv6 in
//            brackets, as in a Host field
const char *host_canonical(const char *text, bool pattern, char host[HOST_TEXT_SIZE]);

#endif
