// Collects the faults of a configuration, one line "file:line: problem" for each.
//
// The faults of a text of several files (parts.h) are in the order of its lines after
// report_sort(). The text is written into the caller's buffer and always NUL-terminated. A line
// that does not fit is left out whole; only the first line is cut instead. The report owns nothing.
#ifndef RAVELIN_CONFIG_REPORT_H
#define RAVELIN_CONFIG_REPORT_H

#include "config/parts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPORT_LINES_MAX 256

struct report_line {
    int line; // of the whole text; INT_MAX: no line
    uint32_t begin, size;
};

struct report {
    const char *file;                 // path of the configuration, as the user wrote it
    const struct config_parts *parts; // NULL: lines are those of `file`
    char *text;
    size_t capacity;
    size_t size;
    size_t count;   // faults added, also those whose lines did not fit
    int order_line; // not 0: line by which faults are sorted, in place of their own
    struct report_line lines[REPORT_LINES_MAX];
    size_t line_count; // of those in `text`
};

void report_init(struct report *report, const char *file, char *text, size_t capacity);
// The file and line for a message about `line`.
struct place report_place(const struct report *report, int line);
// How a message about `line` describes another line: "on line 7", with the file if it differs.
#define REPORT_FIRST_SIZE 512
const char *report_describe(const struct report *report, int other, int line,
                            char text[REPORT_FIRST_SIZE]);
// Adds a fault. `line` 0: the fault is of the whole file ("file: problem").
void report_add(struct report *report, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// Sets `file` temporarily; returns the former one.
const char *report_set_file(struct report *report, const char *file);
// Adds the last fault of another report.
void report_append_last(struct report *report, const struct report *other);
// Adds the faults of another report.
void report_append(struct report *report, const struct report *other);
// Sorts the faults by their lines. Faults of the same line stay in their order. Faults without a
// line are last.
void report_sort(struct report *report);
void report_out_of_memory(struct report *report);

static inline bool report_is_empty(const struct report *report) {
    return report->count == 0;
}

// A message repeats at most this many bytes of the user's text: use with "%.*s".
#define REPORT_QUOTE_MAX 80

#endif
