// Maintenance of sites at run time (`ravelin maintenance`). The master writes it into the server
// table of its current generation; workers see it at once, and answer requests for the site with
// 503.
//
// It stays across reloads while the file has a site of this name, and when another master takes
// over. It ends when it is turned off, and with the master.
#ifndef RAVELIN_PROCESS_MAINTENANCE_H
#define RAVELIN_PROCESS_MAINTENANCE_H

#include "observe/log.h"
#include "process/servers.h"
#include "process/source.h"

// Carries out the name or alias of a site and "on" or "off", logs a change and answers in `text`.
// Returns the exit code.
int maintenance_order(const struct source *source, const char *name, const char *word,
                      struct log *log, char text[SERVERS_TEXT_SIZE]);
// `next` takes the place of `former`: hands on what is in maintenance, and logs what ends.
void maintenance_keep(const struct source *next, const struct source *former, struct log *log);

// --- For another master that takes over ---

// The next site in maintenance, as an order of "site:NAME". *at: as of servers_next_order(), which
// is called until it has no more. False: there is none.
bool maintenance_next(const struct source *source, size_t *at, struct servers_order *order);
// Puts the site of such an order into maintenance. False: the file has no such site, or the order
// is about a server.
bool maintenance_take(const struct source *source, const struct servers_order *order);

#endif
