// Text from a less trusted process, made fit for a log and a terminal.
#ifndef RAVELIN_BASE_PRINTABLE_H
#define RAVELIN_BASE_PRINTABLE_H

#include <stddef.h>

enum printable { PRINTABLE_LINE, PRINTABLE_LINES };

// Replaces in place, by '?', every byte that is neither printable ASCII nor part of a character that
// utf8_printable() accepts. PRINTABLE_LINES: keeps line feeds.
void printable_clean(char *text, enum printable kind);

// Copies `text` with `name` and ": " before each of its lines, cleaned, so that no line in it passes
// for one of somebody else. Empty lines are left out; no line gives "name: ". Cut to `capacity` (at
// least 1), NUL included.
void printable_attribute(char *output, size_t capacity, const char *name, const char *text);

#endif
