// The state that all exchanges of a worker share. The service owns it as a member, and outlives the
// exchanges.
#ifndef RAVELIN_EXCHANGE_SHARED_H
#define RAVELIN_EXCHANGE_SHARED_H

#include "backend/pool.h"
#include "backend/prober.h"
#include "backend/queue.h"
#include "base/clock.h"
#include "base/slab.h"
#include "exchange/client_table.h"
#include "exchange/complaints.h"
#include "exchange/generation.h"
#include "exchange/request_id.h"
#include "http/forwarded.h"
#include "observe/access_log.h"

#define SHARED_MEMORY_SIZE 1200 // enough for the texts and the head of a usual request
#define HTTP_FIELDS_MAX 1000    // largest header-count; responses may always have as many

struct answer;
struct verdict;
struct verdict_question;

struct shared {
    struct log *log;              // outlives the service
    struct metrics_slot *metrics; // this worker's slot
    struct client_table *clients; // shared by all workers
    size_t slot;                  // this worker's slot in the table of clients
    struct generation *current;   // new exchanges and handshakes use it
    struct pool pool;
    struct prober prober;
    struct queues queues;
    struct slab exchange_slab; // of HTTP
    struct slab tunnel_slab;   // exchanges of plain TCP
    struct slab write_slab;    // for bytes that servers do not accept at once
    struct slab memory_slab;   // for small accounts
    struct access_log access_log;
    struct complaints complaints;
    struct request_ids request_ids;
    // The askers of the guards of routes (verdict.h); NULL: the guard refuses.
    struct answer (*askers[ROUTE_GUARD_COUNT])(const struct verdict_question *question,
                                               struct verdict **verdict);
    bool draining;
    int64_t turn_us;        // begin of this loop turn, monotonic clock
    int64_t now_ms;         // the same time in milliseconds
    int64_t wall_offset_us; // wall clock minus monotonic clock, measured once a second
    time_t date_second;
    char date[CLOCK_HTTP_DATE_SIZE];
    // Scratch space. It is valid within one call.
    struct http_fields fields; // fields of the head being parsed
    struct http_told told;     // report of a trusted proxy in this head
    char *scratch;             // an encoded head, or the fields of an answer
    size_t scratch_size;
};

static inline int64_t shared_now_ms(const struct shared *shared) {
    return shared->now_ms;
}

// Returns the scratch space for at most `most` fields. The size of the array is another limit, for
// every configuration.
static inline struct http_fields *shared_fields(struct shared *shared, uint32_t most) {
    shared->fields.capacity = most < HTTP_FIELDS_MAX ? most : HTTP_FIELDS_MAX;
    return &shared->fields;
}

// An answer with Retry-After: `wait_s` seconds. Uses the scratch space.
struct answer shared_answer_later(struct shared *shared, uint16_t status, const char *why,
                                  uint64_t wait_s);

// The Date of this second, for responses. Valid until the next call.
struct slice shared_date(struct shared *shared);

#endif
