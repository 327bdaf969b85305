// A distinguished name as text (RFC 4514): "CN=Ada Lovelace,OU=Engines,O=Example".
//
// The text is printable ASCII only, whatever a certificate holds: every byte that is not is written
// as a backslash and two hex digits, so it cannot end a header line or a line of a log. Names that
// differ give texts that differ: what is special is escaped, and values in other character sets
// than ASCII and UTF-8, as well as attributes without a short name, are written as '#' and the hex
// of their DER. It is never cut: a name that does not fit has no text.
#ifndef RAVELIN_TLS_CERTIFICATE_NAME_H
#define RAVELIN_TLS_CERTIFICATE_NAME_H

#include "base/result.h"
#include "base/slice.h"

#define NAME_TEXT_SIZE 1024 // with the NUL

// `name` is the content of a Name (RFC 5280 4.1.2.4), without its own tag and length. The text is
// NUL-terminated; empty for the empty name. RESULT_ERROR: malformed, or longer than NAME_TEXT_SIZE
// - 1.
enum result name_to_text(struct slice name, char text[NAME_TEXT_SIZE]) MUST_CHECK;
// For messages: the text, or a word that says that there is none.
const char *name_for_message(struct slice name, char text[NAME_TEXT_SIZE]);

#endif
