// Server names in the master: copies the addresses that the monitor has found
// (backend/server_answers.h) to the server table, and logs each change.
//
// The monitor uses the network, so the master checks everything again. In addition to the checks of
// server_answers_read(), no address may be one that Ravelin listens on. Otherwise a malicious DNS
// server could send requests in a loop.
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
    struct rate lines; // limits the log lines; omitted lines are counted
};

void names_watch_init(struct names_watch *watch, struct log *log);
// Copies new addresses for the current generation.
void names_take(struct names_watch *watch, struct source *current, const struct shares *shares);
// `next` replaces `former`: copies the present addresses. Call it before servers_keep_orders().
void names_hand_on(const struct source *next, const struct source *former,
                   const struct shares *shares);

// --- for upgrades (handover.h) ---

#define NAMES_RECORD_LAYOUT 1

struct names_record {
    char name[SERVERS_TEXT_SIZE]; // "BACKEND/NAME"
    struct server_record record;
};

// Returns the next address of a name, from index *at on, which is advanced. False: no more.
bool names_next_record(const struct source *source, size_t *at, struct names_record *record);
// Gives names their addresses in `records`. They stay until DNS returns other ones.
void names_take_records(const struct source *source, const struct shares *shares,
                        const struct names_record *records, size_t count);

#endif
