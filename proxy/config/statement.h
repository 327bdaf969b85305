// Removes a statement that has been reported from a prepared text (text.h), so that the rest can be
// read and its faults reported too. No I/O.
#ifndef RAVELIN_CONFIG_STATEMENT_H
#define RAVELIN_CONFIG_STATEMENT_H

#include <stdbool.h>

// Overwrites the first statement of this line that begins with this word with blanks: up to the end
// of its value or section, or of its line if it has neither. Of a ';' only that. Lines keep their
// numbers. False: the
// line has no such word.
bool statement_blank(char *text, int line, const char *name);

#endif
