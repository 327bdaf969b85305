// Writes the addresses of server names into the server table. The master calls this when the
// addresses of a name have changed. No other code writes these entries.
//
//   An address that stays keeps its place, and so its state, counts and the order of an operator.
//   An address that is removed becomes absent: open requests continue, workers close its idle
//   connections.
//   A new address gets the first free place, preferably one without a connection in use. Without a
//   free place it is dropped.
//
// The records come from another process and were checked before (server_answers.h). Their number is
// at most config_server_places().
#ifndef RAVELIN_BACKEND_SERVER_PLACES_H
#define RAVELIN_BACKEND_SERVER_PLACES_H

#include "backend/server_counts.h"
#include "backend/server_table.h"

// `share`: the weight among the addresses of the name. 1 to SERVER_SHARE_MAX.
#define SERVER_SHARE_MAX 6553500

struct server_record {
    struct address address;
    uint32_t rank; // 0: used first; others are backup servers, the lowest rank first
    uint32_t share;
};

// One name in a table.
struct server_name {
    const struct config_backend *backend;
    const struct config_server *server;
    size_t backend_first; // indices of entries
    size_t first;
};

// Advances to the next name of the config, from {NULL} on. False: no more.
bool server_name_next(const struct config *config, struct server_name *name);

struct server_places {
    const struct server_table *table;
    const struct server_names *names; // for cookies
    // Prefers places without a connection; NULL: all free places are equal.
    const struct server_counts *counts;
    // Called when an address was added (`came`) or removed.
    void (*changed)(void *context, const struct server_name *name, const struct address *address,
                    bool came);
    void *context;
};

// Sets the addresses of a name. Duplicates count once. Returns the number of addresses without a
// place.
size_t server_places_set(const struct server_places *places, const struct server_name *name,
                         const struct server_record *records, size_t count);
// Reads the addresses of a name, at most config_server_places(). Returns their number.
size_t server_places_get(const struct server_table *table, const struct server_name *name,
                         struct server_record *records);
// Whether a resolver has responded for the name, in this table or in a former one.
bool server_name_is_answered(const struct server_table *table, const struct server_name *name);

// For a new table, after server_table_make(): names that the former table (or NULL) has get its
// addresses. False with errno: memory is short.
bool server_places_begin(const struct server_table *table, const struct config *config,
                         const struct server_table *former, const struct server_names *names);

#endif
