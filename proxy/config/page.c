#include "config/page.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
    const char *ending;
    const char *type;
} types[] = {
    {".html", "text/html; charset=utf-8"}, {".htm", "text/html; charset=utf-8"},
    {".json", "application/json"},         {".xml", "application/xml"},
    {".txt", "text/plain; charset=utf-8"}, {".svg", "image/svg+xml"},
};

static const char *type_of(const struct config_page *page) {
    const char *dot = page->file == NULL ? ".txt" : strrchr(page->file, '.');
    for (size_t i = 0; dot != NULL && i < COUNT(types); i++) {
        if (strcmp(dot, types[i].ending) == 0) {
            return types[i].type;
        }
    }
    return NULL;
}

static void check_page(struct config_page *page, struct report *report) {
    if (page->text_line != 0 && page->file_line != 0) {
        int last = page->text_line > page->file_line ? page->text_line : page->file_line;
        report_add(report, last, "a page has text or file, and not both");
    } else if (page->type == NULL && page->type_line == 0) {
        const char *type = type_of(page);
        page->type = type == NULL ? NULL : strdup(type);
        if (type == NULL) {
            report_add(report, page->file_line,
                       "the file name does not tell the type of the page; add type, as in type = "
                       "\"text/html\"");
        } else if (page->type == NULL) {
            report_out_of_memory(report);
        }
    }
}

static bool is_given(const struct config_page *page) {
    return page->text_line != 0 || page->file_line != 0;
}

void page_check_route(struct config_route *route, struct report *report) {
    struct config_page *page = &route->page;
    bool has_no_body = route->status == 204 || route->status == 205 || route->status == 304;
    int line = page->text_line != 0   ? page->text_line
               : page->file_line != 0 ? page->file_line
                                      : page->type_line;
    if (line == 0) {
        return;
    }
    if (route->status_line == 0) {
        report_add(report, line, "text, file and type require return");
    } else if (!is_given(page)) {
        report_add(report, line, "type requires text or file");
    } else if (has_no_body) {
        report_add(report, line, "a response with the status %u has no text", route->status);
    } else {
        check_page(page, report);
    }
}

void page_check_error(struct config_error_page *error_page, struct report *report) {
    if (is_given(&error_page->page)) {
        check_page(&error_page->page, report);
    } else {
        report_add(report, error_page->line, "an error-page has text or file");
    }
}
