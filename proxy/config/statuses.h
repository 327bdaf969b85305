// Sets of response statuses in a configuration: "503", "502-504", or a word. No I/O.
#ifndef RAVELIN_CONFIG_STATUSES_H
#define RAVELIN_CONFIG_STATUSES_H

#include "config/config.h"

// Adds the statuses of `text`. `words`: the words for no status, and for 500, 502, 503 and 504;
// NULL: no words. False: invalid text; nothing was added.
bool statuses_add(struct config_statuses *statuses, const char *text, const char *const *words);

#endif
