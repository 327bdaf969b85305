// The title of a `server` section. No I/O, no look-up.
//
//   127.0.0.1:9000, [::1]:9000    an IP address with its port
//   unix:/run/app.sock            a unix socket
//   app.internal:8000             a host name with a port: its A and AAAA records
//   srv:_http._tcp.app.internal   the name of SRV records (RFC 2782), which have the ports
//
// A name is absolute: no search list is used. Names are compared and written in lower case.
#ifndef RAVELIN_CONFIG_SERVER_TITLE_H
#define RAVELIN_CONFIG_SERVER_TITLE_H

#include "config/config.h"

// Returned by server_title_parse() if memory is short.
extern const char SERVER_TITLE_NO_MEMORY[];

// Sets address, text, host and port of `server`, which owns the texts. Returns NULL, or a text with
// the problem, static or in `scratch`; then nothing is set.
const char *server_title_parse(const char *title, struct config_server *server, char scratch[128]);

// Parses an IP address without a port, with or without brackets, and sets the port of DNS. False:
// it is not an IP address.
bool resolver_parse(struct slice text, struct address *address);

#endif
