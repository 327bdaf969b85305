// Collects what is wrong with a configuration: one line "file:line: what is wrong" each.
//
// The text goes into the caller's buffer, always NUL-terminated. A line that no longer fits is left
// out whole (the very first is cut instead), so what is there can be read. Owns nothing.
#ifndef RAVELIN_CONFIG_REPORT_H
#define RAVELIN_CONFIG_REPORT_H

#include <stdbool.h>
#include <stddef.h>

struct report {
    const char *file; // as the user named it
    char *text;
    size_t capacity;
    size_t size;
    size_t count; // lines added, whether they fitted or not
};

void report_init(struct report *report, const char *file, char *text, size_t capacity);
// line 0: the file as a whole ("file: what is wrong").
void report_add(struct report *report, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void report_out_of_memory(struct report *report);

static inline bool report_is_empty(const struct report *report) {
    return report->count == 0;
}

// Text of the user's that a message repeats is cut at this many bytes: use as "%.*s".
#define REPORT_QUOTE_MAX 80

#endif
