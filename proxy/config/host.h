// Host names: checked and brought into the one form in which they are compared.
#ifndef RAVELIN_CONFIG_HOST_H
#define RAVELIN_CONFIG_HOST_H

#include <stdbool.h>

#define HOST_TEXT_SIZE 256 // 253 characters at most (RFC 1035 2.3.4), a dot, NUL

// Lower case, without a trailing dot; an IP address as inet_ntop() writes it, IPv6 in brackets: as
// in a Host field. The text may leave the brackets out. `pattern` also allows "*.suffix" and "*".
// Returns NULL, or what is wrong. Letters, digits, '-' and '_' in labels of 1 to 63 (RFC 1123 2.1;
// '_' is not in it but in use). Other scripts are written in their xn-- form.
const char *host_canonical(const char *text, bool pattern, char host[HOST_TEXT_SIZE]);

#endif
