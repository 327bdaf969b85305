// Makes text from a less trusted process safe for a log and a terminal. No I/O, no allocation.
#ifndef RAVELIN_BASE_PRINTABLE_H
#define RAVELIN_BASE_PRINTABLE_H

#include <stddef.h>

enum printable { PRINTABLE_LINE, PRINTABLE_LINES };

// Replaces in place, with '?', every byte that is neither printable ASCII nor part of a character
// that utf8_printable() accepts. PRINTABLE_LINES keeps line feeds.
void printable_clean(char *text, enum printable kind);
// The same for `size` bytes. NULs are replaced, too.
void printable_clean_bytes(char *data, size_t size, enum printable kind);

// Writes "name: 'text'" on one line and cleans the text, so that the line cannot seem to be another
// process's. The text is cut so that all fits into `capacity`, NUL included. If not even the name
// fits, the output is empty.
void printable_attribute(char *output, size_t capacity, const char *name, const char *text);

#endif
