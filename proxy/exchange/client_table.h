// What all workers know together about client addresses: how many connections each address has
// open, and how fast its requests come. For limits that mean the whole proxy and not one worker.
//
// The master makes the table before it forks. No address is stored: each leads, by a keyed hash, to
// one cell in each of two rows, and the smaller of the two counts (a count-min sketch). So an
// estimate may be too high when others share both cells, never too low; memory does not grow with
// the number of clients; nothing has to be evicted. The hash is keyed at random at every start; it
// keeps clients apart and is not a secret.
//
// An IPv4 address counts as itself, also inside an IPv6 one (::ffff:192.0.2.1). Any other IPv6
// address counts by its first 64 bits, which one host can use up as it likes.
//
// Every worker has rows of its own in a region (base/region.h): it alone writes them, the others
// read them, and the master clears them when the worker died. Sizes and keys are in the private
// memory of each process. What a worker that was taken over can write into its rows is bounded:
//   connections  it counts for at most claim_bound() of the limit (base/claim.h), so that each
//   other
//                worker still serves every client; it cannot make a sum smaller or wrap it
//   rates        a point in time further ahead than a full bucket can be is not believed at all;
//   where
//                only the other workers say that a bucket is empty, each worker still lets one
//                request
//                pass in 2 * slots intervals
//
// Rates are a generic cell rate algorithm (a token bucket kept as one point in time: when it will
// be full again). The latest point of all workers counts. Two workers that take from one bucket
// within the same microsecond may both count one request only once.
#ifndef RAVELIN_EXCHANGE_CLIENT_TABLE_H
#define RAVELIN_EXCHANGE_CLIENT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct client_table;

// For `slots` workers, zeroed. NULL when memory or randomness is short.
struct client_table *client_table_map(size_t slots);
void client_table_unmap(struct client_table *table); // NULL is fine; for the master
// Which slot the processes can write that are forked from now on; REGION_NO_SLOT: they get nothing.
void client_table_lend(const struct client_table *table, size_t slot);
// For the master: the worker in this slot is gone, and what it wrote with it.
void client_table_clear(struct client_table *table, size_t slot);

// Which cells an address leads to.
uint64_t client_table_key(const struct client_table *table, const struct sockaddr *address);

// Adds a connection in the worker's own slot. True when the client now has at most `most` of them,
// this one included; 0: no limit. The caller takes it back with client_table_disconnect() in both
// cases.
bool client_table_connect(struct client_table *table, size_t slot, uint64_t key, uint32_t most);
void client_table_disconnect(struct client_table *table, size_t slot, uint64_t key);

// A bucket of `burst` requests that fills at one per `interval_us`; `purpose` tells buckets of the
// same client apart. Returns 0 when the request may go on (it is counted then, in the worker's own
// slot), else the microseconds until the next one may. `now_us`: the monotonic clock.
int64_t client_table_take(struct client_table *table, size_t slot, uint64_t key, uint64_t purpose,
                          int64_t interval_us, uint32_t burst, int64_t now_us);

#endif
