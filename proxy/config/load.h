// From text to the structs of config.h: the one place that knows libconfuse.
//
// libconfuse is used as a reader of events: it calls back when a section opens, for each value, and
// when a section closes, each with its line. Everything else (what may stand where, types, ranges,
// defaults, how many) comes from the option table.
#ifndef RAVELIN_CONFIG_LOAD_H
#define RAVELIN_CONFIG_LOAD_H

#include "config/config.h"
#include "config/report.h"
#include "config/unique.h"

#include <stdbool.h>

// Reads `text` (from text_prepare()) into `config`, whose path and directory are set, and notes in
// `claims` what must be unique. Returns true when the text was read to its end; what was wrong with
// single values is in `report` even then.
bool load_text(struct config *config, const char *text, struct claims *claims,
               struct report *report);

#endif
