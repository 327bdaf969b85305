// What an operator orders of servers at run time (`ravelin server`), and the list of servers
// (`ravelin servers`). The master writes orders into the server table of its current generation;
// workers see them at once.
//
// An order stays across reloads while the file says the same of the server: its backend, address,
// weight, backup and max-connections. It ends when the file changes the server, and with the
// master. A master that takes over gets it too.
#ifndef RAVELIN_PROCESS_SERVERS_H
#define RAVELIN_PROCESS_SERVERS_H

#include "backend/server_counts.h"
#include "observe/log.h"
#include "process/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVERS_TEXT_SIZE 512

// Carries out "BACKEND/ADDRESS" and "drain", "ready" or "down", logs a change and answers in
// `text`. Returns the exit code.
int servers_order(const struct source *source, const char *name, const char *word, struct log *log,
                  char text[SERVERS_TEXT_SIZE]);
// Draws a table with a line for each server. Says how many lines do not fit.
void servers_list(const struct source *source, const struct server_counts *counts, char *text,
                  size_t capacity);
// `next` takes the place of `former`: hands on orders, and logs those that end.
void servers_keep_orders(const struct source *next, const struct source *former, struct log *log);

// --- For another master that takes over (handover.h) ---

#define SERVERS_ORDER_LAYOUT 1

struct servers_order {
    char name[SERVERS_TEXT_SIZE];                // "BACKEND/ADDRESS"
    uint32_t order;                              // an enum server_order
    uint32_t weight, max_connections, is_backup; // as the file says
};
// The next order from index *at on, which moves on behind it. False: there is none.
bool servers_next_order(const struct source *source, size_t *at, struct servers_order *order);
// Orders the same, if the file says the same of the server. False: it does not.
bool servers_take_order(const struct source *source, const struct servers_order *order);

#endif
