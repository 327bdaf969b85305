// A lookup: the records of one name and type, asked for again after their TTL. It keeps its last
// good response if later ones fail.
//
// The next question is sent after:
//   found    the TTL, within `resolve-min` and `resolve-max`
//   empty    the same, with the TTL of the negative response (RFC 2308)
//   failed   `resolve-min`, then twice as long each time, up to LOOKUP_RETRY_MS
// If the owner has no address, it is at most `resolve-min`, then twice as long each time, up to
// LOOKUP_URGENT_MS.
#ifndef RAVELIN_MONITOR_LOOKUP_H
#define RAVELIN_MONITOR_LOOKUP_H

#include "monitor/resolver.h"

#define LOOKUP_RETRY_MS 10000
#define LOOKUP_URGENT_MS 2000

// The settings and functions that lookups share. They outlive the lookups.
struct lookup_rules {
    struct ev_loop *loop;
    void *asker;
    void (*ask)(void *asker, struct question *question); // resolver_ask()
    void (*forget)(void *asker, struct question *question);
    uint32_t min_ms, max_ms; // limits of the time until the next question
};

struct lookup {
    struct question question;
    const struct lookup_rules *rules;
    // Called at the end of each question. `is_good`: with a response. Returns whether the owner
    // needs an address urgently.
    bool (*ended)(struct lookup *lookup, bool is_good);
    void *owner;
    ev_timer due;
    unsigned attempts; // questions in a row without a record
    bool has_ended;    // at least one question has ended
    bool is_known;     // there was a good response
    enum dns_outcome outcome;
    // Of the last good answer:
    int64_t answered_us; // monotonic clock; 0: none
    size_t count;
    struct dns_address *addresses; // of A and AAAA records
    struct dns_service *services;  // of SRV records
};

// Initialises a lookup. `host` outlives it. The caller then sets ended() and the owner.
void lookup_init(struct lookup *lookup, const struct lookup_rules *rules, const char *host,
                 enum dns_type type);
void lookup_end(struct lookup *lookup);
// Asks now, unless a question is under way. May call ended().
void lookup_ask(struct lookup *lookup);

#endif
