// What the master writes on the board for the monitor (observe/board.h): with every beat, after a
// reload and when the monitor starts, as long as the configuration wants a monitor.
#ifndef RAVELIN_PROCESS_FACTS_H
#define RAVELIN_PROCESS_FACTS_H

#include "observe/board.h"
#include "process/children.h"
#include "process/reload.h"
#include "process/ticket_rotation.h"

#include <stdint.h>

// The owner sets what is above the line.
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
    bool reload_failed; // the last one
    char reload_text[BOARD_TEXT_SIZE];
};

// `lost_log_lines`: of the master and the log writers.
void facts_write(const struct facts *facts, uint64_t lost_log_lines);
void facts_note_reload(struct facts *facts, const struct reload_end *end);
// For struct log: a line of the master's log is an event.
void facts_note_line(void *board, enum log_severity severity, const char *line);

#endif
