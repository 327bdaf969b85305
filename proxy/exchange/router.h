// Which site serves a host name, and which route of it a path takes.
//
// Built once per generation from the config, immutable. Names are looked up in constant time
// whatever the number of sites: exact names first, then "*.suffix" wildcards from the longest
// suffix to the shortest (a wildcard stands for one or more labels), then the site with the alias
// "*".
#ifndef RAVELIN_EXCHANGE_ROUTER_H
#define RAVELIN_EXCHANGE_ROUTER_H

#include "base/result.h"
#include "base/slice.h"
#include "config/config.h"

#define ROUTER_NO_SITE SIZE_MAX
#define ROUTER_DEFAULT_SITE 0

struct router;

struct router *
router_new(const struct config *config); // config must outlive it; NULL when memory is short
void router_free(struct router *router);

// `host` without port, in any case, with or without the final dot. ROUTER_NO_SITE when no site
// names it.
size_t router_find_site(const struct router *router, struct slice host);

// The longest prefix that fits the path, or NULL for none. `path` is that of a request, checked and
// without its query; `plain` when it is so in the sense of http/path.h, where it also says what is
// compared. RESULT_ERROR: servers would read the path differently, and so that it leads to
// different routes.
enum result router_find_route(const struct config_site *site, struct slice path, bool plain,
                              const struct config_route **route) MUST_CHECK;

#endif
