// A distinguished name as text (RFC 4514): "CN=Ada Lovelace,OU=Engines,O=Example".
//
// The text is printable ASCII, whatever bytes the name has: every other byte is written as a
// backslash and two hex digits. So a name cannot end a header line or a log line. Different names
// give different texts: special characters are escaped, and values that are neither ASCII nor
// UTF-8, and attributes without a short name, are written as '#' and the hex of their DER. A text
// is never cut. No I/O, no allocation.
#ifndef RAVELIN_TLS_CERTIFICATE_NAME_H
#define RAVELIN_TLS_CERTIFICATE_NAME_H

#include "base/result.h"
#include "base/slice.h"

#define NAME_TEXT_SIZE 1024 // with the NUL

//   name   content of a Name (RFC 5280 4.1.2.4), without tag and length
//   text   out: NUL-terminated; "" for the empty name
//   ERROR  the name is malformed, or the text does not fit
enum result name_to_text(struct slice name, char text[NAME_TEXT_SIZE]) MUST_CHECK;
// For messages: the text, or a static text for a name that has none.
const char *name_for_message(struct slice name, char text[NAME_TEXT_SIZE]);

#endif
