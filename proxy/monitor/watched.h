// What the monitor sees: the memory that it shares with other processes, and the generation that it
// watches.
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

// All of it outlives the monitor.
struct monitor_options {
    struct ev_loop *loop;
    struct log *log;
    struct metrics_slot *metrics;           // its own slot
    const struct metrics_slot *all_metrics; // of all workers, then its own
    size_t metric_slots;                    // of all_metrics
    const struct server_counts *servers;    // readable
    const struct board *board;              // readable
    const struct series *series;            // readable
    const char *page_policy;                // see page_write_policy()
    void (*news)(void *context);            // there are new answers for the master
    void *context;
};

// The descriptors of a LOAD; the monitor owns them, on failure too. -1: none.
struct monitor_load {
    uint64_t number;
    int bundle_fd;
    int servers_fd;       // entries of the server table
    int answers_fd;       // what is found out about names; -1: there are none
    const int *admin_fds; // in the order of config.admins
    size_t admin_count;
};

// A generation, as far as the monitor needs it.
struct watched {
    uint64_t number;
    struct config *config;
    struct server_view servers; // entries only
    uint32_t *site_cells;       // of the series (observe/series.h), in the order of the config
    uint32_t *server_cells;
    struct server_answers answers;
    // Who is asked about names; none if there are no names.
    struct address resolvers[RESOLVERS_MAX];
    size_t resolver_count;
};

// Takes the bundle and the server table of a LOAD, on failure too. NULL: `error` says why.
struct watched *watched_new(const struct monitor_load *load, const struct series *series,
                            char error[CONFIG_ERROR_SIZE]);
void watched_free(struct watched *watched); // does nothing to NULL
// How many backends a configuration file names.
size_t watched_backends(const struct watched *watched);
// Whether a term fits the configuration.
bool watched_has_term(const struct watched *watched, const struct board_term *term);

#endif
