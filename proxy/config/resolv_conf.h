// The DNS servers of /etc/resolv.conf (resolv.conf(5)). A pure parser: the reader opens the file
// (bundle.h), because no other process opens files.
//
// Only `nameserver` lines count. Search lists and options are ignored, because names in a
// configuration are absolute. An address with a zone (fe80::1%eth0) is skipped.
#ifndef RAVELIN_CONFIG_RESOLV_CONF_H
#define RAVELIN_CONFIG_RESOLV_CONF_H

#include "base/slice.h"
#include "base/socket.h"

#include <stddef.h>

#define RESOLV_CONF_PATH "/etc/resolv.conf"
#define RESOLV_CONF_SERVERS_MAX 8

// Returns the number of servers, at most RESOLV_CONF_SERVERS_MAX.
size_t resolv_conf_parse(struct slice text, struct address servers[RESOLV_CONF_SERVERS_MAX]);

#endif
