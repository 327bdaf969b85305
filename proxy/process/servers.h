// What an operator orders of servers at run time (`ravelin server`), and the list of servers
// (`ravelin servers`). The master writes orders into the server table of its current generation;
// workers see them at once.
//
// An order stays across reloads while the file says the same of the server: its backend, address,
// weight, backup and max-connections. It ends when the file changes the server, and with the
// master.
#ifndef RAVELIN_PROCESS_SERVERS_H
#define RAVELIN_PROCESS_SERVERS_H

#include "backend/server_counts.h"
#include "observe/log.h"
#include "process/source.h"

#include <stddef.h>

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

#endif
