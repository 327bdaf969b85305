// Writes the master's data for the monitor to the board (observe/board.h): with every beat, after a
// reload and when the monitor starts, if the configuration needs a monitor.
#ifndef RAVELIN_PROCESS_FACTS_H
#define RAVELIN_PROCESS_FACTS_H

#include "observe/board.h"
#include "process/children.h"
#include "process/reload.h"
#include "process/ticket_rotation.h"

#include <stdint.h>

// The owner sets the members above the line.
struct facts {
    struct board *board;
    const struct children *children;
    const struct ticket_rotation *tickets;
    const char *version;
    const char *config_path;
    int64_t started_us;
    // ----
    uint64_t reloads_done, reloads_failed;
    int64_t reloaded_us;
    bool reload_failed; // of the last reload
    char reload_text[BOARD_TEXT_SIZE];
};

// `lost_log_lines`: lost by the master and the log writers.
void facts_write(const struct facts *facts, uint64_t lost_log_lines);
void facts_note_reload(struct facts *facts, const struct reload_end *end);
// For struct log: adds a line of the master's log to the events on the board.
void facts_note_line(void *board, enum log_severity severity, const char *line);

#endif
