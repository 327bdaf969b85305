// A bounds-checked cursor. All text of HTTP/1 is written through it, into memory of the caller.
//
// If a piece does not fit, neither that piece nor any later one is written, and writer_finish()
// returns 0.
#ifndef RAVELIN_HTTP_WRITER_H
#define RAVELIN_HTTP_WRITER_H

#include "base/decimal.h"
#include "http/sink.h"

struct writer {
    char *start;
    char *at;
    char *end;
    bool overflow;
};

static inline struct writer writer_begin(char *output, size_t capacity) {
    return (struct writer){output, output, output + capacity, false};
}

static inline size_t writer_finish(const struct writer *writer) {
    return writer->overflow ? 0 : (size_t)(writer->at - writer->start);
}

static inline bool writer_has_room(struct writer *writer, size_t size) {
    if ((size_t)(writer->end - writer->at) >= size && !writer->overflow) {
        return true;
    }
    writer->overflow = true;
    return false;
}

// Copies the text and returns the byte behind it. An empty slice may be NULL.
static inline char *writer_copy(char *at, struct slice text) {
    if (text.size > 0) {
        memcpy(at, text.data, text.size);
    }
    return at + text.size;
}

static inline void writer_put(struct writer *writer, struct slice text) {
    if (writer_has_room(writer, text.size)) {
        writer->at = writer_copy(writer->at, text);
    }
}

#define writer_put_text(writer, literal) writer_put((writer), SLICE(literal))

// "Name: value\r\n"
static inline void writer_put_field(struct writer *writer, struct slice name, struct slice value) {
    if (!writer_has_room(writer, name.size + value.size + 4)) {
        return;
    }
    char *at = writer_copy(writer->at, name);
    *at++ = ':';
    *at++ = ' ';
    at = writer_copy(at, value);
    *at++ = '\r';
    *at++ = '\n';
    writer->at = at;
}

static inline void writer_put_line(void *context, struct slice name, struct slice value) {
    writer_put_field(context, name, value);
}

static inline void writer_forward_line(void *context, const struct http_field *field) {
    writer_put_field(context, field->name, field->value);
}

// A sink that writes each field as a line of HTTP/1.
static inline struct http_sink writer_sink(struct writer *writer) {
    return (struct http_sink){writer_put_line, writer_forward_line, writer};
}

static inline struct slice number_text(char digits[DECIMAL_SIZE_MAX], uint64_t number) {
    size_t size = decimal_size(number);
    decimal_write(digits, size, number);
    return (struct slice){digits, size};
}

static inline void writer_put_number(struct writer *writer, uint64_t number) {
    size_t size = decimal_size(number);
    if (writer_has_room(writer, size)) {
        decimal_write(writer->at, size, number);
        writer->at += size;
    }
}

#define HSTS_NAME SLICE("Strict-Transport-Security")
#define HSTS_SIZE_MAX (sizeof("max-age=") - 1 + DECIMAL_SIZE_MAX)

static inline struct slice hsts_value(char value[HSTS_SIZE_MAX], uint32_t seconds) {
    char digits[DECIMAL_SIZE_MAX];
    char *at = writer_copy(value, SLICE("max-age="));
    at = writer_copy(at, number_text(digits, seconds));
    return (struct slice){value, (size_t)(at - value)};
}

static inline void writer_put_hsts(struct writer *writer, uint32_t seconds) {
    char value[HSTS_SIZE_MAX];
    writer_put_field(writer, HSTS_NAME, hsts_value(value, seconds));
}

#endif
