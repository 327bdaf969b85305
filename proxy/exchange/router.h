// Finds the site of a host name, and the route of a path.
//
// Each generation has one router, made from its config and immutable. The time of a lookup does not
// depend on the number of sites. Exact names are first, then "*.suffix" wildcards from the longest
// suffix to the shortest, then the site with the alias "*". A wildcard matches one or more labels.
#ifndef RAVELIN_EXCHANGE_ROUTER_H
#define RAVELIN_EXCHANGE_ROUTER_H

#include "base/result.h"
#include "base/slice.h"
#include "config/config.h"

#define ROUTER_NO_SITE SIZE_MAX
#define ROUTER_DEFAULT_SITE 0

struct router;

struct router *
router_new(const struct config *config); // config must outlive it; NULL: memory is short
void router_free(struct router *router);

// Finds the site of `host`: without port, in any case, with or without a final dot. ROUTER_NO_SITE:
// no site has this name.
size_t router_find_site(const struct router *router, struct slice host);

// Finds the route with the longest prefix that matches the path; NULL: none. RESULT_ERROR: servers
// could read the path differently and so map it to different routes.
//   path   of a request, checked and without its query
//   plain  whether the path is plain, see http/path.h, which also explains the comparison
enum result router_find_route(const struct config_site *site, struct slice path, bool plain,
                              const struct config_route **route) MUST_CHECK;

#endif
