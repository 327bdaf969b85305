// The text of a config file before libconfuse sees it.
//
// libconfuse reads some texts in ways nobody means: it expands ${VARIABLES}, drops characters it
// does not know (an unquoted * disappears), counts lines wrongly in comments, and takes a file that
// was cut before its last brace. This pass refuses such texts with the right line, and hands over a
// copy in which comments are blanked: same length, same lines. The two words of
// "hash-by = header NAME" are joined by colons, because libconfuse takes one word.
//
// What may stand in a file: UTF-8 without control characters (tab and line ends excepted), at most
// CONFIG_TEXT_MAX bytes. A byte order mark at the beginning is passed over. Comments run from # to
// the end of the line. A value with a space or any other than plain letters, digits and simple
// punctuation goes in quotes, "..." or '...', on one line; in quotes \ may stand before the quote
// and before itself only.
#ifndef RAVELIN_CONFIG_TEXT_H
#define RAVELIN_CONFIG_TEXT_H

#include "config/report.h"

#define CONFIG_TEXT_MAX ((size_t)4 << 20)

// A NUL-terminated copy that the caller frees, or NULL with the first fault in `report`.
char *text_prepare(const char *text, size_t size, struct report *report);

#endif
