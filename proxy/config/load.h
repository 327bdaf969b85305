// Parses text into the structs of config.h. Only load.c uses libconfuse.
//
// libconfuse reports events: a section opens, a value, a section closes, each with its line. The
// option table (options.h) decides everything else: which option is allowed where, types, ranges,
// defaults and counts.
#ifndef RAVELIN_CONFIG_LOAD_H
#define RAVELIN_CONFIG_LOAD_H

#include "config/config.h"
#include "config/report.h"
#include "config/unique.h"

#include <stdbool.h>

#define LOAD_NAME_SIZE 64

// The word at which the parser stopped.
struct load_stop {
    int line; // 0: it did not stop
    char name[LOAD_NAME_SIZE];
};

// Parses a text.
//   config  in: path and directory are set; out: the values
//   text    from text_prepare()
//   files   for lists of addresses; NULL: they stay empty
//   claims  out: the names that must be unique
//   partial  a part of the text was removed: missing options are not faults
//   report  out: the faults
//   stop    out: if false is returned, the unknown option or section that ended the reading
//   true    the text was read to its end; `report` may have faults of single values
bool load_text(struct config *config, const char *text, const struct config_files *files,
               bool partial, struct claims *claims, struct report *report, struct load_stop *stop);

#endif
