#include "config/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void report_init(struct report *report, const char *file, char *text, size_t capacity) {
    *report = (struct report){.file = file, .text = text, .capacity = capacity};
    text[0] = '\0';
}

// snprintf() into what is left of the buffer; `used` counts also what did not fit.
static size_t remaining(const struct report *report, size_t used) {
    return used < report->capacity ? report->capacity - used : 0;
}

struct place report_place(const struct report *report, int line) {
    return report->parts != NULL ? parts_place(report->parts, report->file, line)
                                 : (struct place){report->file, line};
}

const char *report_describe(const struct report *report, int other, int line,
                            char text[REPORT_FIRST_SIZE]) {
    struct place first = report_place(report, other);
    if (strcmp(first.file, report_place(report, line).file) == 0) {
        (void)snprintf(text, REPORT_FIRST_SIZE, "on line %d", first.line);
    } else {
        (void)snprintf(text, REPORT_FIRST_SIZE, "in %.400s:%d", first.file, first.line);
    }
    return text;
}

const char *report_set_file(struct report *report, const char *file) {
    const char *former = report->file;
    report->file = file;
    return former;
}

void report_add(struct report *report, int line, const char *format, ...) {
    const char *separator = report->size > 0 ? "\n" : "";
    char number[16] = "";
    struct place place = {report->file, line};
    if (line > 0) {
        place = report_place(report, line);
        (void)snprintf(number, sizeof(number), ":%d", place.line);
    }
    char *start = report->text + report->size;
    size_t used = report->size;
    used +=
        (size_t)snprintf(start, remaining(report, used), "%s%s%s: ", separator, place.file, number);
    if (remaining(report, used) > 0) {
        va_list arguments;
        va_start(arguments, format);
        used += (size_t)vsnprintf(report->text + used, remaining(report, used), format, arguments);
        va_end(arguments);
    }
    report->count++;
    if (used < report->capacity) {
        report->size = used;
    } else if (report->size == 0) {
        report->size = report->capacity - 1;
    } else {
        *start = '\0';
    }
}

void report_out_of_memory(struct report *report) {
    report_add(report, 0, "out of memory");
}
