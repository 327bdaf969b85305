// Maintenance of sites at run time (`ravelin maintenance`). The master writes it into the server
// table of its current generation. Workers see it at once, and respond to requests for the site
// with 503.
//
// Maintenance stays on across reloads while the file has a site of this name, and across upgrades.
// It ends when it is turned off, and when the master exits.
#ifndef RAVELIN_PROCESS_MAINTENANCE_H
#define RAVELIN_PROCESS_MAINTENANCE_H

#include "observe/log.h"
#include "process/servers.h"
#include "process/source.h"

// Executes an order: the name or alias of a site, and "on" or "off". Logs a change and writes the
// reply to `text`. Returns the exit code.
int maintenance_order(const struct source *source, const char *name, const char *word,
                      struct log *log, char text[SERVERS_TEXT_SIZE]);
// `next` replaces `former`: copies the maintenance of sites, and logs each that ends.
void maintenance_keep(const struct source *next, const struct source *former, struct log *log);

// --- for upgrades (handover.h) ---

// Returns the next site in maintenance, as an order of "site:NAME". *at: as of
// servers_next_order(); call this after the last order of servers_next_order(). False: no more.
bool maintenance_next(const struct source *source, size_t *at, struct servers_order *order);
// Puts the site of such an order into maintenance. False: the file has no such site, or the order
// is for a server.
bool maintenance_take(const struct source *source, const struct servers_order *order);

#endif
