// Removes a statement with a reported fault from a prepared text (text.h), so that the rest can be
// parsed and its faults reported. No I/O.
#ifndef RAVELIN_CONFIG_STATEMENT_H
#define RAVELIN_CONFIG_STATEMENT_H

#include <stdbool.h>

// Overwrites the first statement of this line that begins with this word with blanks, to the end of
// its value or section, or else of its line. Of a ';' only the ';'. Lines keep their numbers.
// False: the line has no such word.
bool statement_blank(char *text, int line, const char *name);

#endif
