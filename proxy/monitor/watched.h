// The data that the monitor reads: memory shared with other processes, and the current generation.
#ifndef RAVELIN_MONITOR_WATCHED_H
#define RAVELIN_MONITOR_WATCHED_H

#include "backend/server_answers.h"
#include "backend/server_counts.h"
#include "backend/server_table.h"
#include "config/config.h"
#include "observe/board.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/series.h"

#include <stddef.h>
#include <stdint.h>

#include <ev.h>

#define RESOLVERS_MAX 8

// All objects outlive the monitor.
struct monitor_options {
    struct ev_loop *loop;
    struct log *log;
    struct metrics_slot *metrics;           // its own slot
    const struct metrics_slot *all_metrics; // one for each worker, then the monitor's own
    size_t metric_slots;                    // number of slots in all_metrics
    const struct server_counts *servers;    // readable
    const struct board *board;              // readable
    const struct series *series;            // readable
    const char *page_policy;                // see page_write_policy()
    void (*news)(void *context);            // called when there are new addresses for the master
    void *context;
};

// The descriptors of a LOAD. The monitor owns them, also on failure. -1: none.
struct monitor_load {
    uint64_t number;
    int bundle_fd;
    int servers_fd;       // entries of the server table
    int answers_fd;       // for addresses of names; -1: no names
    const int *admin_fds; // in the order of config.admins
    size_t admin_count;
};

// The parts of a generation that the monitor needs.
struct watched {
    uint64_t number;
    struct config *config;
    struct server_view servers; // entries only
    uint32_t *site_cells;       // of the series (observe/series.h), in the order of the config
    uint32_t *server_cells;
    struct server_answers answers;
    // DNS servers for names; none if there are no names.
    struct address resolvers[RESOLVERS_MAX];
    size_t resolver_count;
};

// Opens the bundle and the server table of a LOAD; owns the descriptors, also on failure. NULL:
// `error` has the reason.
struct watched *watched_new(const struct monitor_load *load, const struct series *series,
                            char error[CONFIG_ERROR_SIZE]);
void watched_free(struct watched *watched); // NULL is allowed
// Number of backends in the configuration file.
size_t watched_backends(const struct watched *watched);
// Whether `term` belongs to the configuration.
bool watched_has_term(const struct watched *watched, const struct board_term *term);

#endif
