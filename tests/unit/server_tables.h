// Server tables as a worker gets them: by descriptors.
#ifndef RAVELIN_TESTS_SERVER_TABLES_H
#define RAVELIN_TESTS_SERVER_TABLES_H

#include "backend/backend.h"
#include "backend/server_table.h"

#include <fcntl.h>

// What the only worker counts with.
static inline const struct server_counter *sole_counter(void) {
    static struct server_counter counter;
    if (counter.counts == NULL) {
        counter.counts = server_counts_map(1);
    }
    return &counter;
}

// Where the only worker counts requests.
static inline const struct series *sole_series(void) {
    static struct series *series;
    if (series == NULL) {
        series = series_map(1);
    }
    return series;
}

// What LOAD brings to the worker in this slot.
static inline struct server_fds sent_fds(const struct server_table *table, size_t slot) {
    return (struct server_fds){fcntl(table->entries.fd, F_DUPFD_CLOEXEC, 0),
                               fcntl(table->states[slot].fd, F_DUPFD_CLOEXEC, 0)};
}

// The descriptors of a table of its own for one worker; -1: there is no memory.
static inline struct server_fds new_server_fds(const struct config *config,
                                               const struct server_table_former *former) {
    struct server_table table;
    struct server_names *names = server_names_new();
    bool made = names != NULL && server_table_make(&table, config, 1, names, former);
    server_names_free(names);
    if (!made) {
        return (struct server_fds){-1, -1};
    }
    server_table_forget_new(&table, sole_counter()->counts);
    struct server_fds fds = sent_fds(&table, 0);
    server_table_close(&table);
    return fds;
}

static inline struct backend_set *new_backend_set(const struct config *config) {
    struct server_fds fds = new_server_fds(config, NULL);
    return backend_set_new(config, &fds, sole_counter());
}

#endif
