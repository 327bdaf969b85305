// One loaded bundle at work in one worker: config, TLS contexts, router, backends. Immutable but
// for the backends' pools and counters; reference-counted. The service holds one reference while it
// is current; a handshake and an exchange hold one each for as long as they last. The last release
// frees it.
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
    uint16_t https_port; // where redirect listeners send clients
    struct metrics_slot *metrics;
    struct series_cell **site_series; // in the order of config->sites
};

// What all generations of a worker share.
struct generation_shares {
    const struct ticket_store *tickets;
    struct metrics_slot *metrics;
    struct server_counter counter;
    const struct series *series;
};

// Takes ownership of bundle_fd and of the descriptors of the server table, on failure too. On
// success the caller holds the one reference.
struct generation *generation_new(uint64_t number, int bundle_fd, struct server_fds *servers,
                                  const struct generation_shares *shares,
                                  char error[CONFIG_ERROR_SIZE]);
// Finds the cells in which its requests are counted by site and by server. False: memory is short.
bool generation_find_cells(struct generation *generation, const struct generation_shares *shares);
struct generation *generation_hold(struct generation *generation); // returns it
void generation_release(struct generation *generation);            // NULL is fine

#endif
