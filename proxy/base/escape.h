// Writes text between quotes so that the line around it stays whole, whatever bytes the text has.
// The access log and every JSON output use this one function. No I/O, no allocation.
#ifndef RAVELIN_BASE_ESCAPE_H
#define RAVELIN_BASE_ESCAPE_H

#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

// A table gives each byte a class: 0 copies it; ESCAPE_HIGH copies it as part of a character that
// utf8_printable() accepts, else writes \u00XX with the byte's value; any other class writes a
// backslash and the class, and after 'u' (with two zeros) and 'x' the byte's value in hex. '"' and
// '\\' must not be of class 0, nor a control character.
#define ESCAPE_HIGH 1

// For a string in JSON (RFC 8259 section 7). The output is ASCII or valid UTF-8. The characters
// U+0080 to U+009F are written as that number, other bytes that are no printable UTF-8 as if they
// were Latin-1.
extern const uint8_t escape_json[256];

struct escaped {
    size_t size;  // bytes that were written
    size_t taken; // bytes of the text that are in them
};

// Writes `text` to output[0..room), without quotes. Stops before the first byte or character whose
// escaped form does not fit.
struct escaped escape(struct slice text, char *output, size_t room, const uint8_t classes[256]);

#endif
