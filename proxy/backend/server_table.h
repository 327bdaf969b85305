// The server table: what is known of each server of a generation, in memory that the master shares
// with the workers. A server is known by the name of its backend and the text of its address.
//
//   entry  address, weight, limit, standing, name, cell, one for all workers. The master writes it,
//          workers only read it. The cell is where connections in use are counted
//          (server_counts.h), the name what cookies of `sticky` call it (server_names.h).
//   state  what one worker knows: penalty and turns. Each worker slot has a part
//          (base/region.h) of its own. Invariant: no other worker can write it or has its
//          descriptor, so that a worker that was taken over can harm its own choice only. The
//          master clears the part when the worker died.
//
// A generation brings its table: the descriptors of the entries and of the worker's own states come
// with LOAD. Each entry names the entry of the same server in the former table; so a worker takes
// over what it knows of servers that stay (server_view_take_over()), in the turn of its loop in
// which the generation changes: nothing that it learns on the way there is lost. Penalties stay,
// and cells. Turns stay where a backend has the same servers with the same weights.
//
// An address may change while it is read: a sequence lock over two places. The writer fills the
// place that is not in use, so that no reader ever waits for it.
#ifndef RAVELIN_BACKEND_SERVER_TABLE_H
#define RAVELIN_BACKEND_SERVER_TABLE_H

#include "backend/server_names.h"
#include "base/region.h"
#include "base/socket.h"
#include "config/config.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum server_standing { SERVER_PRIMARY, SERVER_BACKUP };

struct server_entry {
    _Atomic uint32_t version; // addresses[version % 2] is the address
    uint32_t weight;
    uint32_t connections_max;      // in use at a time, in all workers; 0: no limit
    enum server_standing standing; // as a server that others stand in for, or as one of these
    uint32_t former; // index of the same server in the former table, from 1; 0: it is new
    uint32_t cell;   // less than SERVER_CELLS, its own unless there are more servers than that
    uint64_t address_hash;          // of the text of its address: balance_hash()
    uint8_t name[SERVER_NAME_SIZE]; // if its backend is sticky
    struct address addresses[2];
};

// Of the worker whose slot it is.
struct server_state {
    int64_t current_weight;   // balance.h
    int64_t penalty_until_ms; // it is passed over until then, on the monotonic clock
};

// Of the address as it is now.
void server_entry_address(const struct server_entry *entry, struct address *address);
// For the one writer.
void server_entry_set_address(struct server_entry *entry, const struct address *address);

// --- In the master ---

struct server_table {
    struct region_part entries;
    struct region_part *states; // one a slot; NULL: there is no table
    size_t slots;
};

// The generation whose place another one takes.
struct server_table_former {
    const struct config *config;
    uint64_t number;
    const struct server_table *table;
};

// The servers of `config` in its order. `former` (or NULL): where servers that stay are found.
// False with errno: nothing is left.
bool server_table_make(struct server_table *table, const struct config *config, size_t slots,
                       const struct server_names *names, const struct server_table_former *former);
// The worker in this slot is gone, and what it wrote with it.
void server_table_clear(const struct server_table *table, size_t slot);
void server_table_close(struct server_table *table); // none (all zero) is fine

// --- In a worker ---

// What LOAD brings; -1: none.
struct server_fds {
    int entries, states;
};

void server_fds_close(struct server_fds *fds);

struct server_view {
    struct region_part entries_part, states_part;
    const struct server_entry *entries;
    struct server_state *states;
    size_t count;
    uint64_t former; // the number of the generation before; 0: none
};

// Takes the descriptors, on failure too. False: they are not a table of this config, or memory is
// short.
bool server_view_open(struct server_view *view, const struct config *config,
                      struct server_fds *fds);
void server_view_close(struct server_view *view); // none (all zero) is fine
// States of servers that stay, from the view of the generation with that number. Of any other than
// the one before: nothing.
void server_view_take_over(const struct server_view *view, const struct config *config,
                           const struct server_view *former, uint64_t former_number);

#endif
