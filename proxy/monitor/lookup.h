// A lookup: the records of one name and type, asked for again and again. It keeps its last good
// answer, whatever comes afterwards.
//
//   found    asked again after the TTL, within `resolve-min` and `resolve-max`
//   empty    the same, with the TTL of the negative answer (RFC 2308). If its owner is in a hurry:
//            after `resolve-min`, then twice as long each time, up to LOOKUP_RETRY_MS
//   no good answer: asked again as when in a hurry
#ifndef RAVELIN_MONITOR_LOOKUP_H
#define RAVELIN_MONITOR_LOOKUP_H

#include "monitor/resolver.h"

#define LOOKUP_RETRY_MS 10000

// What lookups share. Outlives them.
struct lookup_rules {
    struct ev_loop *loop;
    void *asker;
    void (*ask)(void *asker, struct question *question); // resolver_ask()
    void (*forget)(void *asker, struct question *question);
    uint32_t min_ms, max_ms; // time after which it is asked again
};

struct lookup {
    struct question question;
    const struct lookup_rules *rules;
    // It has ended once more. `is_good`: with an answer. Returns whether the owner is in a hurry to
    // get an address.
    bool (*ended)(struct lookup *lookup, bool is_good);
    void *owner;
    ev_timer due;
    unsigned attempts; // without a record, in a row
    bool has_ended;    // once
    bool is_known;     // there was a good answer
    enum dns_outcome outcome;
    // Of the last good answer:
    size_t count;
    struct dns_address *addresses; // of A and AAAA
    struct dns_service *services;  // of SRV
};

// `host` outlives the lookup. ended() and the owner are then set by the caller.
void lookup_init(struct lookup *lookup, const struct lookup_rules *rules, const char *host,
                 enum dns_type type);
void lookup_end(struct lookup *lookup);
// Now, unless it is under way. May call ended().
void lookup_ask(struct lookup *lookup);

#endif
