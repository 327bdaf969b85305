// Options of other proxies (nginx, HAProxy, stunnel, Caddy, Apache, Envoy, hitch, Traefik). Each
// has a short reason for the message about an unknown option: why Ravelin has none, or what to
// write instead.
//
// The table is constant. It accepts nothing: the options of Ravelin are in options.h, and no name
// is in both tables.
#ifndef RAVELIN_CONFIG_FOREIGN_H
#define RAVELIN_CONFIG_FOREIGN_H

#include <stddef.h>

#define FOREIGN_REASON_MAX 96 // bytes, with the NUL

// Returns the reason. NULL: the name is not in the table. The case of letters and the bytes '-',
// '_' and '.' are ignored: ssl_protocols, ssl-protocols and SSLProtocols are equal.
const char *foreign_reason(const char *name);

// Returns every name in the table, for tests. NULL: beyond the last.
const char *foreign_name_at(size_t index);

#endif
