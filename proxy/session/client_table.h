// What all workers know together about client addresses: how many connections each address has
// open, and how fast its requests come. For limits that mean the whole proxy and not one worker.
//
// One shared mapping of fixed size, made by the master before it forks. No address is stored:
// each leads, by a keyed hash, to one cell in each of two rows, and the smaller of the two counts
// (a count-min sketch). So an estimate may be too high when others share both cells, never too
// low; memory does not grow with the number of clients; nothing has to be evicted. The hash is keyed
// at random at every start; it keeps clients apart and is not a secret.
//
// An IPv4 address counts as itself, also inside an IPv6 one (::ffff:192.0.2.1). Any other IPv6
// address counts by its first 64 bits, which one host can use up as it likes.
//
// Connections have one writer per cell: each worker slot has rows of its own, which the master
// clears when the worker died. Rates are shared by all: a generic cell rate algorithm (a token
// bucket kept as one point in time), moved on with compare-and-swap.
#ifndef RAVELIN_SESSION_CLIENT_TABLE_H
#define RAVELIN_SESSION_CLIENT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct client_table;

// For `slots` workers, zeroed, shared with children. NULL when memory or randomness is short.
struct client_table *client_table_map(size_t slots);
void client_table_unmap(struct client_table *table); // NULL is fine
// The worker in this slot is gone, and its connections with it.
void client_table_clear(struct client_table *table, size_t slot);

// Which cells an address leads to.
uint64_t client_table_key(const struct client_table *table, const struct sockaddr *address);

// Adds a connection, and says how many there are now, this one included.
uint32_t client_table_connect(struct client_table *table, size_t slot, uint64_t key);
void client_table_disconnect(struct client_table *table, size_t slot, uint64_t key);

// A bucket of `burst` requests that fills at one per `interval_us`; `purpose` tells buckets of the
// same client apart. Returns 0 when the request may go on (it is counted then), else the
// microseconds until the next one may. `now_us`: the monotonic clock.
int64_t client_table_take(struct client_table *table, uint64_t key, uint64_t purpose,
                          int64_t interval_us, uint32_t burst, int64_t now_us);

#endif
