// One loaded bundle in one worker: config, TLS contexts, router, backends. Immutable, except for
// the pools and counters of backends. It has a reference count: the service has one reference while
// the generation is current, and each handshake and exchange has one while it exists. The last
// release frees the generation.
#ifndef RAVELIN_EXCHANGE_GENERATION_H
#define RAVELIN_EXCHANGE_GENERATION_H

#include "backend/backend.h"
#include "config/bundle.h"
#include "config/config.h"
#include "exchange/router.h"
#include "tls/handshake/context.h"

#include <stdint.h>

struct generation {
    uint64_t number;
    uint32_t references;
    struct bundle bundle;
    struct config *config;
    struct tls_contexts *contexts;
    struct router *router;
    struct backend_set *backends;
    uint16_t https_port; // port to which redirect listeners send clients
    struct metrics_slot *metrics;
    struct series_cell **site_series; // in the order of config->sites
};

// The state that all generations of a worker share.
struct generation_shares {
    const struct ticket_store *tickets;
    struct metrics_slot *metrics;
    struct server_counter counter;
    const struct series *series;
};

// Takes ownership of bundle_fd and of the descriptors of the server table, also on failure. On
// success the caller has the one reference.
struct generation *generation_new(uint64_t number, int bundle_fd, struct server_fds *servers,
                                  const struct generation_shares *shares,
                                  char error[CONFIG_ERROR_SIZE]);
// Finds the cells that count its requests by site and by server. False: memory is short.
bool generation_find_cells(struct generation *generation, const struct generation_shares *shares);
struct generation *generation_hold(struct generation *generation); // returns `generation`
void generation_release(struct generation *generation);            // NULL is allowed

#endif
