// Names of servers, in the master: takes what the monitor has found out (backend/server_answers.h)
// into the server table, and logs each change.
//
// The monitor talks to the network, so the master checks everything again: besides what
// server_answers_read() checks, no address may be one that Ravelin listens on. Otherwise a DNS
// server that lies could let requests go round in circles.
#ifndef RAVELIN_PROCESS_NAMES_H
#define RAVELIN_PROCESS_NAMES_H

#include "base/rate.h"
#include "observe/log.h"
#include "process/servers.h"
#include "process/source.h"

#define NAMES_LINES_INTERVAL_MS 50
#define NAMES_LINES_BURST 600

struct names_watch {
    struct log *log;
    struct rate lines; // left out beyond the rate, and counted
};

void names_watch_init(struct names_watch *watch, struct log *log);
// Takes what is new for the current generation.
void names_take(struct names_watch *watch, struct source *current, const struct shares *shares);
// `next` takes the place of `former`: gives it the addresses that the former one has now. Before
// servers_keep_orders().
void names_hand_on(const struct source *next, const struct source *former,
                   const struct shares *shares);

// --- For another master that takes over (handover.h) ---

#define NAMES_RECORD_LAYOUT 1

struct names_record {
    char name[SERVERS_TEXT_SIZE]; // "BACKEND/NAME"
    struct server_record record;
};

// The next address of a name, from index *at on, which moves on. False: there is none.
bool names_next_record(const struct source *source, size_t *at, struct names_record *record);
// Names begin with the addresses that they have in `records`, until the DNS says something else.
void names_take_records(const struct source *source, const struct shares *shares,
                        const struct names_record *records, size_t count);

#endif
