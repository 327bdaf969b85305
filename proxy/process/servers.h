// Orders for servers at run time (`ravelin server`), and the list of servers (`ravelin servers`).
// The master writes orders into the server table of its current generation. Workers see them at
// once.
//
// An order stays in effect across reloads while the file has the same backend, address, weight,
// backup and max-connections of the server. It ends when the file changes the server, and when the
// master exits. An upgrade passes it to the next master.
#ifndef RAVELIN_PROCESS_SERVERS_H
#define RAVELIN_PROCESS_SERVERS_H

#include "backend/server_counts.h"
#include "base/json.h"
#include "observe/log.h"
#include "process/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVERS_TEXT_SIZE 512

// Executes an order: "BACKEND/ADDRESS" and "drain", "ready" or "down". Logs a change and writes the
// reply to `text`. Returns the exit code.
int servers_order(const struct source *source, const char *name, const char *word, struct log *log,
                  char text[SERVERS_TEXT_SIZE]);
// Writes a table with a line for each server, and the number of lines that do not fit.
void servers_list(const struct source *source, const struct server_counts *counts, char *text,
                  size_t capacity);
// Adds an object "servers" to the status: the number of servers, and of those that work. For at
// most SERVERS_STATUS_MAX that do not work: state, cause and since when.
#define SERVERS_STATUS_MAX 40
void servers_put_status(struct json *json, const struct source *source,
                        const struct server_counts *counts);
// `next` replaces `former`: copies orders, and logs those that end.
void servers_keep_orders(const struct source *next, const struct source *former, struct log *log);

// --- for upgrades (handover.h) ---

#define SERVERS_ORDER_LAYOUT 1

struct servers_order {
    char name[SERVERS_TEXT_SIZE];                // "BACKEND/ADDRESS"
    uint32_t order;                              // an enum server_order
    uint32_t weight, max_connections, is_backup; // as configured
};
// Returns the next order, from index *at on, which is advanced. False: no more.
bool servers_next_order(const struct source *source, size_t *at, struct servers_order *order);
// Applies an order, if the file has the same server. False: it does not.
bool servers_take_order(const struct source *source, const struct servers_order *order);

#define SERVERS_CHECK_LAYOUT 1

// A server that its checks found down.
struct servers_check {
    char name[SERVERS_TEXT_SIZE]; // "BACKEND/ADDRESS"
    uint32_t fault;               // enum check_fault
    uint32_t detail;
    int64_t since_ms; // monotonic clock, which both masters share
};
// Returns the next server that is down, as servers_next_order() does.
bool servers_next_check(const struct source *source, const struct server_counts *counts, size_t *at,
                        struct servers_check *check);
// The server is down until its checks find it up. Does nothing if the file has no such server, or
// no checks of it.
void servers_take_check(const struct source *source, const struct server_counts *counts,
                        const struct servers_check *check);

#endif
