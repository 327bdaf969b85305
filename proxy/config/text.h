// Checks and prepares the text of a configuration before libconfuse reads it.
//
// libconfuse has surprises: it expands ${VARIABLES}, drops unknown characters (an unquoted *
// disappears), counts lines wrongly in comments, and accepts a file that was cut before its last
// brace. text_prepare() refuses such texts and reports the correct line. In its copy, comments are
// blanks, so that lines and columns stay the same. The two words of "hash-by = header NAME" are
// joined by colons, because libconfuse reads one word.
//
// Syntax: UTF-8 without control characters, except tabs and line ends; at most CONFIG_TEXT_MAX
// bytes. A byte order mark at the beginning is ignored. A comment runs from # to the end of the
// line. A value with a space, or with characters other than letters, digits and simple punctuation,
// needs quotes, "..." or '...', on one line. In quotes, \ is allowed only before the quote and
// before another \.
#ifndef RAVELIN_CONFIG_TEXT_H
#define RAVELIN_CONFIG_TEXT_H

#include "config/report.h"

#define CONFIG_TEXT_MAX ((size_t)4 << 20)

// Returns a NUL-terminated copy that the caller frees. NULL: `report` has a fault, and the text
// behind it was not read. Every ';' at the end of an option is a fault in `report`, too, and a
// blank in the copy.
char *text_prepare(const char *text, size_t size, struct report *report);

// Bytes of the word or quoted value that begins at `at` in a prepared text, quotes included. 0: a
// blank, a mark such as '{' or the end of the text.
size_t text_value_size(const char *at);

#endif
