// The server table: the state of each server of a generation, in memory that the master shares with
// the workers. The name of its backend and the text of its address identify a server.
//
// A server that is a name has a place (an entry) for each address that it may have. Its addresses
// change at run time (server_places.h). An address keeps its place while the name has it. The
// number of entries is that of config_server_places(), for every reply of DNS.
//
//   entry  address, weight, limit, standing, name, cell: shared by all workers. The master writes
//          it, workers only read it. Workers count connections in use and failures in the cell
//          (server_counts.h). The name is the server's name in cookies of `sticky` (server_names.h)
//   site   whether it is in maintenance: the master writes it, workers read it
//   state  turns of one worker. Each worker slot has its own part (base/region.h). Invariant: no
//          other worker can write it or has its descriptor. So an attacker who controls a worker
//          can change only this worker's choice. The master clears the part when the worker dies
//
// Each generation has its own table. The descriptors of the entries and of the worker's states are
// in the message LOAD. Each entry has the index of the same server in the former table. With it, a
// worker copies the state of servers that stay (server_view_take_over()), in the turn of its loop
// in which the generation changes. Cells stay. Turns stay if a backend has the same servers with
// the same weights.
//
// An address, with the name for cookies, may change while it is read. A sequence lock protects two
// copies: the writer writes the copy that is not in use, so that no reader waits. If the version
// has changed, the entry has another address than before.
#ifndef RAVELIN_BACKEND_SERVER_TABLE_H
#define RAVELIN_BACKEND_SERVER_TABLE_H

#include "backend/server_counts.h"
#include "backend/server_names.h"
#include "base/region.h"
#include "base/socket.h"
#include "config/config.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Which requests a server gets. Primary and backup servers: requests by the balance. Draining: only
// requests of clients with its cookie. Down: none. A place without an address is absent. A change
// does not affect requests under way.
enum server_standing { SERVER_PRIMARY, SERVER_BACKUP, SERVER_DRAINING, SERVER_DOWN, SERVER_ABSENT };

struct server_entry {
    _Atomic uint32_t version; // addresses[version % 2] is the address, and so is the name
    _Atomic uint32_t weight;
    uint32_t connections_max;  // largest number of connections in use, in all workers; 0: no limit
    _Atomic uint32_t standing; // an enum server_standing; changes at run time
    _Atomic uint32_t rank;     // of a backup server: those of the lowest rank come first
    uint32_t former;           // index of the same server in the former table, from 1; 0: new
    uint32_t cell;  // less than SERVER_CELLS; shared only if there are more servers than cells
    uint32_t share; // for an address of a name: weight of its SRV record, or 1
    _Atomic uint64_t address_hash; // hash_bytes() of the text of the address
    // Of the first entry of a backend with names:
    _Atomic uint32_t changes; // incremented after each change of its addresses
    _Atomic uint32_t used;    // entries behind this number are absent
    _Atomic uint32_t awaited; // number of names that no resolver has responded for yet
    bool is_answered;         // first entry of a name: a resolver has responded. For the master
    uint8_t names[2][SERVER_NAME_SIZE]; // set if the backend is sticky
    struct address addresses[2];
};

// The state of a server in one worker.
struct server_state {
    int64_t current_weight; // balance.h
};

// Reads the present address. Returns its version.
uint32_t server_entry_address(const struct server_entry *entry, struct address *address);
void server_entry_name(const struct server_entry *entry, uint8_t name[SERVER_NAME_SIZE]);
static inline enum server_standing server_entry_standing(const struct server_entry *entry) {
    return (enum server_standing)atomic_load_explicit(&entry->standing, memory_order_relaxed);
}

static inline uint32_t server_entry_version(const struct server_entry *entry) {
    return atomic_load_explicit(&entry->version, memory_order_acquire);
}
static inline uint32_t server_entry_weight(const struct server_entry *entry) {
    return atomic_load_explicit(&entry->weight, memory_order_relaxed);
}

// For the one writer: sets the address, and the name (NULL: none).
void server_entry_set_address(struct server_entry *entry, const struct address *address,
                              const uint8_t name[SERVER_NAME_SIZE]);

// --- In the master ---

struct server_table {
    struct region_part entries;
    struct region_part *states; // one for each slot; NULL: no table
    size_t slots;
    size_t count; // number of servers
    size_t site_count;
};

// The generation that another one replaces.
struct server_table_former {
    const struct config *config;
    uint64_t number;
    const struct server_table *table;
};

// Makes the table of all servers of `config`, in its order. `former`: the generation before, or
// NULL. False, with errno: nothing was made.
bool server_table_make(struct server_table *table, const struct config *config, size_t slots,
                       const struct server_names *names, const struct server_table_former *former);
// Clears the health of servers that were not in the former table.
void server_table_forget_new(const struct server_table *table, const struct server_counts *counts);
// The entry of place `index`, in the order of the config.
struct server_entry *server_table_entry(const struct server_table *table, size_t index);
// The standing of a server without an order of an operator.
static inline enum server_standing server_entry_own(const struct server_entry *entry,
                                                    const struct config_server *server) {
    uint32_t rank = atomic_load_explicit(&entry->rank, memory_order_relaxed);
    return server->backup || rank > 0 ? SERVER_BACKUP : SERVER_PRIMARY;
}
// An operator's order at run time. Ready: as configured.
enum server_order { SERVER_ORDER_READY, SERVER_ORDER_DRAIN, SERVER_ORDER_DOWN };
enum server_order server_entry_order(const struct server_entry *entry);
// Applies an order to place `index`, which is a place of `server` in the config. Does nothing if
// the place is absent.
void server_table_order(const struct server_table *table, size_t index,
                        const struct config_server *server, enum server_order order);
// Whether a site, by its index in the config, is in maintenance. The second function sets this.
bool server_table_site_is_closed(const struct server_table *table, size_t site);
void server_table_close_site(const struct server_table *table, size_t site, bool closed);
// Clears the states of a worker that has died.
void server_table_clear(const struct server_table *table, size_t slot);
void server_table_close(struct server_table *table); // does nothing to a zeroed table

// --- In a worker, and in the monitor ---

// The descriptors in LOAD; -1: none.
struct server_fds {
    int entries, states;
};

void server_fds_close(struct server_fds *fds);

struct server_view {
    struct region_part entries_part, states_part;
    const struct server_entry *entries;
    struct server_state *states;
    size_t count;
    uint64_t former;                      // number of the generation before; 0: none
    const _Atomic uint32_t *closed_sites; // number of sites in maintenance
    const _Atomic uint8_t *sites;         // [site_count], 1: in maintenance
    size_t site_count;
};

// Whether a site is in maintenance. Usually none is, which takes one comparison.
static inline bool server_view_is_closed(const struct server_view *view, size_t site) {
    return atomic_load_explicit(view->closed_sites, memory_order_relaxed) != 0 &&
           site < view->site_count &&
           atomic_load_explicit(&view->sites[site], memory_order_relaxed) != 0;
}

// Owns the descriptors, on failure too. False: they are not a table of this configuration, or
// memory is short.
bool server_view_open(struct server_view *view, const struct config *config,
                      struct server_fds *fds);
// The same for the monitor, which has no states.
bool server_view_open_entries(struct server_view *view, const struct config *config, int fd);
void server_view_close(struct server_view *view); // does nothing to a zeroed view
// Copies the states of servers that stay from `former`, the view of generation `former_number`.
// Does nothing if that is not the generation before.
void server_view_take_over(const struct server_view *view, const struct config *config,
                           const struct server_view *former, uint64_t former_number);

#endif
