// What all exchanges of a worker share. The service owns it, as a part of itself, and outlives
// them.
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

#define SHARED_MEMORY_SIZE 1024 // what a usual request leaves to be kept: texts, and its head
#define HTTP_FIELDS_MAX 1000    // the largest header-count; responses may use it all

struct shared {
    struct log *log;              // outlives the service
    struct metrics_slot *metrics; // this worker's slot
    struct client_table *clients; // of all workers
    size_t slot;                  // this worker's, in the table of clients
    struct generation *current;   // what begins now, begins with this one
    struct pool pool;
    struct prober prober;
    struct queues queues;
    struct slab exchange_slab;
    struct slab write_slab;  // of what servers do not take at once
    struct slab memory_slab; // of small accounts
    struct access_log access_log;
    struct complaints complaints;
    struct request_ids request_ids;
    bool draining;
    int64_t turn_us;        // when this loop turn began, monotonic clock
    int64_t now_ms;         // the same in milliseconds
    int64_t wall_offset_us; // of the wall clock before the monotonic one, looked at once a second
    time_t date_second;
    char date[CLOCK_HTTP_DATE_SIZE];
    // Scratch space, for use within one call.
    struct http_fields fields; // of the head being parsed
    struct http_told told;     // what a trusted proxy told in it
    char *scratch;             // a head being encoded, or the fields of an answer
    size_t scratch_size;
};

static inline int64_t shared_now_ms(const struct shared *shared) {
    return shared->now_ms;
}

// The scratch space for the fields of a message, for at most `most` of them. The array itself
// bounds them too, whatever a configuration says.
static inline struct http_fields *shared_fields(struct shared *shared, uint32_t most) {
    shared->fields.capacity = most < HTTP_FIELDS_MAX ? most : HTTP_FIELDS_MAX;
    return &shared->fields;
}

// The Date of this second, for responses. Valid until the next call.
struct slice shared_date(struct shared *shared);

#endif
