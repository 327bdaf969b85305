// The addresses of servers that are names, in the server table. The master calls this when a name
// has other addresses than before; nothing else writes these entries.
//
//   An address that stays keeps its place, and with it its state, counts and the order of an
//   operator. One that leaves becomes absent: what is under way with it goes on, workers close its
//   idle connections. One that comes gets the first free place, if there is one of those without a
//   connection in use. What finds no place is left out.
//
// The records come from another process and are checked before (server_answers.h). Their number is
// bounded by config_server_places().
#ifndef RAVELIN_BACKEND_SERVER_PLACES_H
#define RAVELIN_BACKEND_SERVER_PLACES_H

#include "backend/server_counts.h"
#include "backend/server_table.h"

// `share`: the weight among the addresses of the name. 1 to SERVER_SHARE_MAX.
#define SERVER_SHARE_MAX 6553500

struct server_record {
    struct address address;
    uint32_t rank; // 0: the first that are used; others are backup servers, the lowest rank first
    uint32_t share;
};

// One name in a table.
struct server_name {
    const struct config_backend *backend;
    const struct config_server *server;
    size_t backend_first; // indices of entries
    size_t first;
};

// Goes to the next name of the config, from {NULL} on. False: there is none.
bool server_name_next(const struct config *config, struct server_name *name);

struct server_places {
    const struct server_table *table;
    const struct server_names *names;   // for cookies
    const struct server_counts *counts; // NULL: all places are as good
    // An address came or left.
    void (*changed)(void *context, const struct server_name *name, const struct address *address,
                    bool came);
    void *context;
};

// Sets the addresses of a name. An address that is given twice counts once. Returns how many found
// no place.
size_t server_places_set(const struct server_places *places, const struct server_name *name,
                         const struct server_record *records, size_t count);
// The addresses of a name, of config_server_places() at most. Returns their number.
size_t server_places_get(const struct server_table *table, const struct server_name *name,
                         struct server_record *records);
// Whether a resolver has answered for the name, in this table or the one that it was made from.
bool server_name_is_answered(const struct server_table *table, const struct server_name *name);

// For a new table, after server_table_make(): names that the former table (or NULL) has begin with
// its addresses. False, with errno: memory is short.
bool server_places_begin(const struct server_table *table, const struct config *config,
                         const struct server_table *former, const struct server_names *names);

#endif
