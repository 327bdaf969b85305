#include "config/report.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void report_init(struct report *report, const char *file, char *text, size_t capacity) {
    *report = (struct report){.file = file, .text = text, .capacity = capacity};
    text[0] = '\0';
}

// Bytes left in the buffer for snprintf(). `used` also counts bytes that did not fit.
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

// Keeps the line that was just written, up to `used`, if it fits.
static void note(struct report *report, int line, size_t used) {
    size_t begin = report->size > 0 ? report->size + 1 : 0;
    bool fits = used < report->capacity && report->line_count < REPORT_LINES_MAX;
    report->count++;
    if (fits || report->size == 0) {
        report->size = fits ? used : report->capacity - 1;
        report->lines[report->line_count++] =
            (struct report_line){.line = line > 0 ? line : INT_MAX,
                                 .begin = (uint32_t)begin,
                                 .size = (uint32_t)(report->size - begin)};
    } else {
        report->text[report->size] = '\0';
    }
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
    note(report, report->order_line != 0 ? report->order_line : line, used);
}

static void append_line(struct report *report, const struct report *other, size_t index) {
    const struct report_line *line = &other->lines[index];
    size_t used = report->size;
    used +=
        (size_t)snprintf(report->text + used, remaining(report, used), "%s%.*s",
                         report->size > 0 ? "\n" : "", (int)line->size, other->text + line->begin);
    note(report, line->line, used);
}

void report_append_last(struct report *report, const struct report *other) {
    if (other->line_count > 0) {
        append_line(report, other, other->line_count - 1);
    }
}

void report_append(struct report *report, const struct report *other) {
    for (size_t i = 0; i < other->line_count; i++) {
        append_line(report, other, i);
    }
    report->count += other->count - other->line_count;
}

static int compare_lines(const void *left, const void *right) {
    const struct report_line *a = left;
    const struct report_line *b = right;
    int order = (a->line > b->line) - (a->line < b->line);
    return order != 0 ? order : (a->begin > b->begin) - (a->begin < b->begin);
}

void report_sort(struct report *report) {
    char *copy = strndup(report->text, report->size);
    if (copy == NULL) {
        return; // in the order of discovery
    }
    qsort(report->lines, report->line_count, sizeof(report->lines[0]), compare_lines);
    size_t size = 0;
    for (size_t i = 0; i < report->line_count; i++) {
        struct report_line *line = &report->lines[i];
        if (i > 0) {
            report->text[size++] = '\n';
        }
        memcpy(report->text + size, copy + line->begin, line->size);
        line->begin = (uint32_t)size;
        size += line->size;
    }
    free(copy);
}

void report_out_of_memory(struct report *report) {
    report_add(report, 0, "out of memory");
}
