// Assembles the text of a configuration: the text of its file, with every `include "PATTERN"`
// replaced by the texts of the files that match.
//
// Each file is checked alone (text.h), so that its quotes and braces end in this file. `include` is
// allowed wherever an option is. The pattern is relative to the folder of the file that contains
// it. A pattern with *, ? or [ may match no file. Files are sorted by name. A file may be included
// in several places, but never in itself. Bounds: INCLUDE_DEPTH_MAX nested files, INCLUDE_FILES_MAX
// files, CONFIG_TEXT_MAX bytes of text in all.
#ifndef RAVELIN_CONFIG_INCLUDE_H
#define RAVELIN_CONFIG_INCLUDE_H

#include "base/slice.h"
#include "config/files.h"
#include "config/parts.h"
#include "config/report.h"

#define INCLUDE_DEPTH_MAX 8
#define INCLUDE_FILES_MAX 4096

// Returns a NUL-terminated text that the caller frees, prepared by text_prepare().
//   directory  folder of the configuration file, absolute
//   files      NULL: an include is a fault
//   parts      out: empty for a text without include; the caller's to free
//   report     has no parts yet
//   NULL       the first fault is in `report`
char *include_assemble(const char *directory, struct slice text, const struct config_files *files,
                       struct config_parts *parts, struct report *report);

#endif
