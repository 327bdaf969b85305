#include "config/address_file.h"

#include "config/value.h"

// The part of a line before a comment, without surrounding blanks.
static struct slice trim(struct slice line) {
    size_t end = 0;
    while (end < line.size && line.data[end] != '#' && line.data[end] != ';') {
        end++;
    }
    while (end > 0 && strchr(" \t\r", line.data[end - 1]) != NULL) {
        end--;
    }
    size_t begin = 0;
    while (begin < end && strchr(" \t", line.data[begin]) != NULL) {
        begin++;
    }
    return (struct slice){line.data + begin, end - begin};
}

static bool add_line(struct network_set *set, struct slice entry, int line, struct report *report) {
    struct network network;
    const char *why;
    if (network_parse(entry, &network, &why) != RESULT_OK) {
        int shown = entry.size < REPORT_QUOTE_MAX ? (int)entry.size : REPORT_QUOTE_MAX;
        report_add(report, line, "'%.*s' is not a network or an IP address: %s", shown, entry.data,
                   why);
        return false;
    }
    if (set->count == ADDRESS_FILE_MAX) {
        report_add(report, line, "more than %d addresses", ADDRESS_FILE_MAX);
        return false;
    }
    struct network *place = array_append(&set->items, &set->count, sizeof(network));
    if (place == NULL) {
        report_out_of_memory(report);
        return false;
    }
    *place = network;
    return true;
}

static void read_lines(struct network_set *set, struct slice content, struct report *report) {
    int number = 0;
    while (content.size > 0) {
        const char *end = memchr(content.data, '\n', content.size);
        size_t size = end == NULL ? content.size : (size_t)(end - content.data);
        struct slice entry = trim((struct slice){content.data, size});
        number++;
        if (entry.size > 0 && !add_line(set, entry, number, report)) {
            return;
        }
        size += end != NULL;
        content = (struct slice){content.data + size, content.size - size};
    }
    if (!network_set_build(set)) {
        report_out_of_memory(report);
    }
}

void address_file_read(struct config_address_file *file, const struct config_files *files,
                       const char *name, int line, struct report *report) {
    struct slice content;
    char why[FILES_WHY_SIZE];
    if (files->read_list(files->context, file->path, &content, why) != RESULT_OK) {
        report_add(report, line, "%s '%s': %s", name, file->path, why);
        return;
    }
    struct report own = *report;
    own.file = file->path;
    own.parts = NULL;
    own.order_line = line;
    read_lines(&file->set, content, &own);
    own.file = report->file;
    own.parts = report->parts;
    own.order_line = report->order_line;
    *report = own;
}
