// A table of client addresses that all workers share: open connections and request rates of each
// address. It serves limits that count for the whole proxy.
//
// The master makes the table before it forks. The table has no addresses. A keyed hash maps each
// address to one cell in each of two rows, and the smaller cell counts (a count-min sketch). An
// estimate may be too high if other addresses share both cells, but never too low. The memory does
// not grow with the number of clients, and no entry is ever evicted. The key of the hash is random
// at every start. It keeps clients apart and is not a secret.
//
// An IPv4 address counts alone, also as an IPv4-mapped IPv6 address (::ffff:192.0.2.1). Any other
// IPv6 address counts by its first 64 bits, because one host can use all addresses behind them.
//
// Every worker has its own rows in a region (base/region.h). It alone writes them, other workers
// read them, and the master clears them after the worker died. Sizes and keys are in the private
// memory of each process. A worker that was taken over has limited influence by its rows:
//   connections  its count is used up to claim_bound() of the limit (base/claim.h), so that each
//                other worker still serves every client. It cannot make a sum smaller or wrap it
//   rates        a time further ahead than a full bucket is ignored. If only other workers report
//                an empty bucket, each worker still lets one request pass in 2 * slots intervals
//
// Rates use a generic cell rate algorithm: a token bucket stored as the time at which it will be
// full again. The latest time of all workers counts. Two workers that charge one bucket within the
// same microsecond may count one request instead of two.
#ifndef RAVELIN_EXCHANGE_CLIENT_TABLE_H
#define RAVELIN_EXCHANGE_CLIENT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct client_table;

// Makes a zeroed table for `slots` workers. NULL: memory or random bytes are short.
struct client_table *client_table_map(size_t slots);
void client_table_unmap(struct client_table *table); // NULL is allowed; for the master
// Sets the slot that processes forked from now on can write. REGION_NO_SLOT: they get no part of
// the table.
void client_table_lend(const struct client_table *table, size_t slot);
// For the master: clears the slot of a worker that died.
void client_table_clear(struct client_table *table, size_t slot);

// Returns the key of an address, which selects its cells.
uint64_t client_table_key(const struct client_table *table, const struct sockaddr *address);

// Counts a connection in the worker's own slot. True: the client now has at most `most`
// connections, including this one; 0: no limit. In both cases the caller must call
// client_table_disconnect().
bool client_table_connect(struct client_table *table, size_t slot, uint64_t key, uint32_t most);
void client_table_disconnect(struct client_table *table, size_t slot, uint64_t key);

// Charges one request to a bucket of `burst` requests that refills one request per `interval_us`.
// `purpose` distinguishes buckets of the same client. Returns 0 if the request may continue; it is
// then counted in the worker's own slot. Otherwise returns the µs until the next request may
// continue. `now_us`: monotonic clock.
int64_t client_table_take(struct client_table *table, size_t slot, uint64_t key, uint64_t purpose,
                          int64_t interval_us, uint32_t burst, int64_t now_us);

// A bucket that is checked before an act and charged after it, if the act turns out to count (a
// wrong password). A charge never makes it less than empty.
struct client_bucket {
    uint64_t purpose;
    int64_t interval_us;
    uint32_t burst;
};

// Returns the µs until the client may act; 0: now. Values of other workers count for at most half
// of the bucket, so that a worker that was taken over cannot block a client in other workers.
int64_t client_table_peek(const struct client_table *table, size_t slot, uint64_t key,
                          const struct client_bucket *bucket, int64_t now_us);
void client_table_charge(struct client_table *table, size_t slot, uint64_t key,
                         const struct client_bucket *bucket, int64_t now_us);

#endif
