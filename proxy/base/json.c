#include "base/json.h"

#include "base/escape.h"

#include <inttypes.h>
#include <string.h>

struct json json_into(char *data, size_t capacity) {
    data[0] = '\0';
    return (struct json){.data = data, .capacity = capacity};
}

static void put(struct json *json, const char *text, size_t size) {
    if (json->failed || json->capacity - json->size <= size) {
        json->failed = true;
        return;
    }
    memcpy(json->data + json->size, text, size);
    json->size += size;
    json->data[json->size] = '\0';
}

static void put_text(struct json *json, const char *text) {
    put(json, text, strlen(text));
}

static void put_quoted(struct json *json, const char *text) {
    const struct slice whole = slice_from(text);
    put_text(json, "\"");
    if (!json->failed) {
        const struct escaped done =
            escape(whole, json->data + json->size, json->capacity - json->size - 1, escape_json);
        json->size += done.size;
        json->data[json->size] = '\0';
        json->failed = done.taken < whole.size;
    }
    put_text(json, "\"");
}

// Writes the text before a value.
static void begin(struct json *json, const char *name) {
    char last = json->size == 0 ? '[' : json->data[json->size - 1];
    if (last != '{' && last != '[') {
        put_text(json, ",");
    }
    if (name != NULL) {
        put_text(json, "\"");
        put_text(json, name);
        put_text(json, "\":");
    }
}

void json_open(struct json *json, const char *name, char bracket) {
    begin(json, name);
    put(json, &bracket, 1);
}

void json_close(struct json *json, char bracket) {
    put(json, &bracket, 1);
}

void json_string(struct json *json, const char *name, const char *text) {
    begin(json, name);
    if (text == NULL) {
        put_text(json, "null");
    } else {
        put_quoted(json, text);
    }
}

void json_integer(struct json *json, const char *name, int64_t value) {
    char digits[24];
    begin(json, name);
    (void)snprintf(digits, sizeof(digits), "%" PRId64, value);
    put_text(json, digits);
}

void json_unsigned(struct json *json, const char *name, uint64_t value) {
    char digits[24];
    begin(json, name);
    (void)snprintf(digits, sizeof(digits), "%" PRIu64, value);
    put_text(json, digits);
}

void json_bool(struct json *json, const char *name, bool value) {
    begin(json, name);
    put_text(json, value ? "true" : "false");
}

void json_put_string(FILE *output, const char *text) {
    struct slice rest = slice_from(text);
    (void)fputc('"', output);
    while (rest.size > 0) {
        char part[512];
        const struct escaped done = escape(rest, part, sizeof(part), escape_json);
        (void)fwrite(part, 1, done.size, output);
        rest.data += done.taken;
        rest.size -= done.taken;
    }
    (void)fputc('"', output);
}
