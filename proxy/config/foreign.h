// Options that people know from other proxies (nginx, HAProxy, stunnel, Caddy, Apache, Envoy,
// hitch, Traefik) and that have no counterpart here, because what they would weaken does not exist:
// for each a short reason, so that the message about an unknown option says more than that.
//
// A table of fixed size; it only explains. What may stand in a configuration is options.h's matter,
// and no name is in both.
#ifndef RAVELIN_CONFIG_FOREIGN_H
#define RAVELIN_CONFIG_FOREIGN_H

#include <stddef.h>

#define FOREIGN_REASON_MAX 96 // bytes, with the NUL

// Why there is no such option; NULL when the name is not known. Upper and lower case are the same,
// and '-', '_' and '.' count for nothing: ssl_protocols, ssl-protocols and SSLProtocols are one.
const char *foreign_reason(const char *name);

// Every name in the table, for tests: NULL past the last.
const char *foreign_name_at(size_t index);

#endif
