// The board: data of the master for the monitor, in a region (base/region.h) that the master makes
// before it forks. The master writes the board, the monitor only reads it, and no other process has
// a view of it.
//
// A sequence lock protects the facts: board_read() returns a consistent copy, or nothing.
#ifndef RAVELIN_OBSERVE_BOARD_H
#define RAVELIN_OBSERVE_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOARD_PROCESSES_MAX 520
#define BOARD_TERMS_MAX 4096
#define BOARD_EVENTS_MAX 64
#define BOARD_EVENT_SIZE 232
#define BOARD_TEXT_SIZE 256

// STARTING: not every child runs yet. ENDING: a drain or a stop has begun.
enum board_state { BOARD_STARTING, BOARD_RUNNING, BOARD_ENDING };

struct board_process {
    char kind[12]; // "master", or the name of the kind of child
    uint32_t slot;
    int32_t pid; // 0: not running
    uint32_t restarts;
    uint64_t cpu_ms; // user and system time
    uint64_t memory_kib;
};

// The validity of a file of a site.
struct board_term {
    uint32_t site;        // index into config->sites
    uint32_t certificate; // index into its certificates
    bool is_ocsp;         // of the OCSP response; false: of the certificate
    int64_t from, until;  // seconds since 1970
};

struct board_facts {
    char version[BOARD_TEXT_SIZE];
    char config_path[BOARD_TEXT_SIZE];
    int64_t started_us;  // wall clock, as are all times here
    uint64_t generation; // generation of the terms
    uint64_t reloads_done, reloads_failed;
    int64_t reloaded_us; // end of the last reload; 0: none
    bool reload_failed;  // the last reload failed
    char reload_text[BOARD_TEXT_SIZE];
    int64_t tickets_us; // when the ticket keys were made; 0: no tickets
    uint64_t lost_log_lines;
    uint64_t orders_failing; // certificates whose last order failed
    uint32_t process_count;
    uint32_t term_count;
    bool terms_are_cut; // there are more terms
    struct board_process processes[BOARD_PROCESSES_MAX];
    struct board_term terms[BOARD_TERMS_MAX];
};

// A line of the master's log.
struct board_event {
    int64_t at_us;
    uint32_t severity; // enum log_severity
    char text[BOARD_EVENT_SIZE];
};

// The last events, the oldest first.
struct board_events {
    uint64_t total; // number of events so far
    struct board_event items[BOARD_EVENTS_MAX];
    size_t count;
};

struct board;

struct board *board_map(void);         // NULL: memory is short
void board_unmap(struct board *board); // for the master; does nothing to NULL
// Sets whether processes that are forked from now on can read the board.
void board_lend(const struct board *board, bool lend);

// --- For the master ---

void board_set_state(struct board *board, enum board_state state);
// Returns the facts for changes. board_end() must follow in the same function.
struct board_facts *board_begin(struct board *board);
void board_end(struct board *board);
void board_add_event(struct board *board, int64_t at_us, unsigned severity, const char *text);

// --- For the monitor ---

enum board_state board_state(const struct board *board);
// False: the master is writing; try again later.
bool board_read(const struct board *board, struct board_facts *facts);
void board_read_events(const struct board *board, struct board_events *events);

#endif
