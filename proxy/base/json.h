// Writes JSON (RFC 8259): into a bounded text, or a string to a stream. Strings are escaped by
// escape.h, so that the output is valid whatever bytes they have.
#ifndef RAVELIN_BASE_JSON_H
#define RAVELIN_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

// `data` is the caller's and always NUL-terminated. What does not fit is not written, nor what
// comes after it, and `failed` becomes true. The capacity is at least 1.
struct json {
    char *data;
    size_t size; // without the NUL
    size_t capacity;
    bool failed;
};

struct json json_into(char *data, size_t capacity);

// Each writes one value, after a comma if one is needed. `name` is its name in an object and is
// written as it is; NULL in an array and for the outermost value.
void json_open(struct json *json, const char *name, char bracket);       // '{' or '['
void json_close(struct json *json, char bracket);                        // '}' or ']'
void json_string(struct json *json, const char *name, const char *text); // NULL text: null
void json_integer(struct json *json, const char *name, int64_t value);
void json_unsigned(struct json *json, const char *name, uint64_t value);
void json_bool(struct json *json, const char *name, bool value);

// The text in quotes.
void json_put_string(FILE *output, const char *text);

#endif
