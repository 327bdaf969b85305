// The board: what the master tells the monitor about Ravelin as a whole, in a region
// (base/region.h) that the master makes before it forks. The master writes it, the monitor only
// reads it, and no other process has a view of it.
#ifndef RAVELIN_OBSERVE_BOARD_H
#define RAVELIN_OBSERVE_BOARD_H

#include <stdbool.h>

// STARTING: not every child runs yet. ENDING: from the moment a drain or a stop begins.
enum board_state { BOARD_STARTING, BOARD_RUNNING, BOARD_ENDING };

struct board;

struct board *board_map(void);         // NULL: memory is short
void board_unmap(struct board *board); // for the master; does nothing to NULL
// Whether processes that are forked from now on can read it.
void board_lend(const struct board *board, bool lend);

// For the master.
void board_set_state(struct board *board, enum board_state state);

// For the monitor.
enum board_state board_state(const struct board *board);

#endif
