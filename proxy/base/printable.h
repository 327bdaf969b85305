// Text from a less trusted process, made fit for a log and a terminal.
#ifndef RAVELIN_BASE_PRINTABLE_H
#define RAVELIN_BASE_PRINTABLE_H

#include <stddef.h>

enum printable { PRINTABLE_LINE, PRINTABLE_LINES };

// Replaces in place, by '?', every byte that is neither printable ASCII nor part of a character
// that utf8_printable() accepts. PRINTABLE_LINES: keeps line feeds.
void printable_clean(char *text, enum printable kind);
// The same for `size` bytes, which may hold NULs.
void printable_clean_bytes(char *data, size_t size, enum printable kind);

// Writes "name: 'text'" on one line, cleaned, so that the text passes for nobody else's. The text
// is cut to `capacity`, NUL included; where not even the name fits, the output is empty.
void printable_attribute(char *output, size_t capacity, const char *name, const char *text);

#endif
