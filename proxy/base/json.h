// Writes JSON (RFC 8259) into a bounded text, and strings to a stream. Strings are escaped
// (base/escape.h): the output is valid JSON, whatever bytes a string contains.
#ifndef RAVELIN_BASE_JSON_H
#define RAVELIN_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

// A text that is being written. If a piece does not fit, `failed` becomes true, and neither this
// piece nor any later one is written.
struct json {
    char *data;  // owned by the caller; always NUL-terminated
    size_t size; // without the NUL
    size_t capacity;
    bool failed;
};

// `capacity`: at least 1; the NUL counts.
struct json json_into(char *data, size_t capacity);

// Each function writes one value, after a comma if one is needed. `name` is the name of the value
// in an object, or NULL in an array and for the outermost value. It is not escaped.
void json_open(struct json *json, const char *name, char bracket);       // '{' or '['
void json_close(struct json *json, char bracket);                        // '}' or ']'
void json_string(struct json *json, const char *name, const char *text); // NULL text: null
void json_integer(struct json *json, const char *name, int64_t value);
void json_unsigned(struct json *json, const char *name, uint64_t value);
void json_bool(struct json *json, const char *name, bool value);

// Writes a text to a stream, escaped and in quotes.
void json_put_string(FILE *output, const char *text);

#endif
