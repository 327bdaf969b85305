#include "config/include.h"

#include "config/text.h"
#include "config/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A file that is being included.
struct level {
    const char *path;      // NULL: the configuration file
    const char *directory; // of the file
    char *text;            // prepared
};

struct assembly {
    const struct config_files *files;
    struct config_parts *parts;
    struct report *report;
    char *text;
    size_t size, capacity;
    int line; // of `text` that the next byte is on
    size_t file_count;
    size_t depth;
    struct level levels[INCLUDE_DEPTH_MAX];
};

// One `include "PATTERN"` in a prepared text.
struct directive {
    size_t begin, end; // in the text
    char *pattern;     // the text between the quotes, without backslashes
    int line;          // in its file
};

static const struct level *here(const struct assembly *assembly) {
    return &assembly->levels[assembly->depth - 1];
}

static bool refuse(const struct assembly *assembly, const struct directive *directive,
                   const char *what) {
    const char *path = here(assembly)->path;
    struct report *report = assembly->report;
    const char *former = report_set_file(report, path != NULL ? path : report->file);
    report_add(report, directive->line, "include '%.*s': %s", REPORT_QUOTE_MAX, directive->pattern,
               what);
    report->file = former;
    return false;
}

static bool fail(const struct assembly *assembly) {
    report_out_of_memory(assembly->report);
    return false;
}

// --- Finding the next directive ---

static size_t skip_blanks(const char *text, size_t at) {
    return at + strspn(text + at, " \t\r\n");
}

// Copies a pattern without the backslashes before a quote or another backslash.
static char *copy_pattern(const char *text, size_t begin, size_t end) {
    char *pattern = malloc(end - begin + 1);
    size_t size = 0;
    for (size_t at = begin; pattern != NULL && at < end; at++) {
        at += text[at] == '\\';
        pattern[size++] = text[at];
    }
    if (pattern != NULL) {
        pattern[size] = '\0';
    }
    return pattern;
}

// Position of a scan in a prepared text.
struct scan {
    size_t at;
    int line;
    char before;     // last character that is no blank; '\0': none
    bool is_in_list; // between the braces of a list
};

static void pass(struct scan *scan, const char *text, size_t end) {
    for (; scan->at < end; scan->at++) {
        scan->line += text[scan->at] == '\n';
    }
    scan->before = text[end - 1];
}

static void pass_mark(struct scan *scan, const char *text) {
    char c = text[scan->at];
    if (c == '{') {
        scan->is_in_list = scan->before == '=';
    } else if (c == '}') {
        scan->is_in_list = false;
    }
    pass(scan, text, scan->at + 1);
}

// Moves to the next directive; false: none. directive->pattern is NULL if memory is short.
static bool find_next(struct scan *scan, const char *text, struct directive *directive) {
    static const char word[] = "include";
    for (;;) {
        size_t next = skip_blanks(text, scan->at);
        for (; scan->at < next; scan->at++) {
            scan->line += text[scan->at] == '\n';
        }
        if (text[next] == '\0') {
            return false;
        }
        size_t end = next + text_value_size(text + next);
        if (end == next) {
            pass_mark(scan, text);
            continue;
        }
        size_t quote = skip_blanks(text, end);
        bool may_be = scan->before != '=' && !scan->is_in_list && end - next == sizeof(word) - 1 &&
                      memcmp(text + next, word, end - next) == 0;
        if (may_be && (text[quote] == '"' || text[quote] == '\'')) {
            size_t behind = quote + text_value_size(text + quote);
            *directive = (struct directive){next, behind, copy_pattern(text, quote + 1, behind - 1),
                                            scan->line};
            pass(scan, text, behind);
            return true;
        }
        pass(scan, text, end);
    }
}

// --- Writing the text ---

static bool append(struct assembly *assembly, const char *bytes, size_t size) {
    if (assembly->size + size > CONFIG_TEXT_MAX) {
        report_add(assembly->report, 0, "larger than %zu MiB with the files that it includes",
                   CONFIG_TEXT_MAX >> 20);
        return false;
    }
    if (assembly->size + size + 1 > assembly->capacity) {
        size_t capacity = 2 * (assembly->size + size) + 1;
        char *text = realloc(assembly->text, capacity);
        if (text == NULL) {
            return fail(assembly);
        }
        assembly->text = text;
        assembly->capacity = capacity;
    }
    for (size_t i = 0; i < size; i++) {
        assembly->line += bytes[i] == '\n';
    }
    memcpy(assembly->text + assembly->size, bytes, size);
    assembly->size += size;
    assembly->text[assembly->size] = '\0';
    return true;
}

// From here on, the text is that of the top-level file, from its line `line` on.
static bool begin_part(struct assembly *assembly, int line) {
    const struct level *level = here(assembly);
    struct config_part part = {.first = assembly->line, .line = line};
    if (level->path != NULL) {
        part.path = strdup(level->path);
        part.directory = strdup(level->directory);
    }
    struct config_part *place =
        level->path != NULL && (part.path == NULL || part.directory == NULL)
            ? NULL
            : array_append(&assembly->parts->items, &assembly->parts->count, sizeof(part));
    if (place == NULL) {
        free(part.path);
        free(part.directory);
        return fail(assembly);
    }
    *place = part;
    return true;
}

static bool add_text(struct assembly *assembly);

static bool is_open(const struct assembly *assembly, const char *path) {
    for (size_t i = 0; i < assembly->depth; i++) {
        if (assembly->levels[i].path != NULL && strcmp(assembly->levels[i].path, path) == 0) {
            return true;
        }
    }
    return false;
}

static char *prepare(struct assembly *assembly, const char *path, struct slice content) {
    struct report *report = assembly->report;
    const char *former = report_set_file(report, path);
    char *text = text_prepare(content.data, content.size, report);
    report->file = former;
    return text;
}

static bool push(struct assembly *assembly, const char *path, struct slice content) {
    struct level level = {.path = path, .text = prepare(assembly, path, content)};
    const char *slash = strrchr(path, '/');
    level.directory = strndup(path, slash > path ? (size_t)(slash - path) : 1);
    if (level.text == NULL || level.directory == NULL) {
        free(level.text);
        free((char *)(uintptr_t)level.directory);
        return level.text != NULL && fail(assembly);
    }
    assembly->levels[assembly->depth++] = level;
    return true;
}

static void pop(struct assembly *assembly) {
    const struct level *level = &assembly->levels[--assembly->depth];
    free(level->text);
    free((char *)(uintptr_t)level->directory);
}

static bool add_file(struct assembly *assembly, const struct directive *directive,
                     const char *path) {
    struct slice content;
    char why[FILES_WHY_SIZE];
    char what[2 * FILES_WHY_SIZE];
    if (is_open(assembly, path)) {
        return refuse(assembly, directive, "the file includes itself");
    }
    if (assembly->depth == INCLUDE_DEPTH_MAX) {
        return refuse(assembly, directive,
                      "too many files inside files; is one of them inside itself?");
    }
    if (assembly->file_count++ == INCLUDE_FILES_MAX) {
        return refuse(assembly, directive, "too many files");
    }
    if (assembly->files->read(assembly->files->context, path, &content, why) != RESULT_OK) {
        (void)snprintf(what, sizeof(what), "%.*s: %s", FILES_WHY_SIZE - 2, path, why);
        return refuse(assembly, directive, what);
    }
    if (!push(assembly, path, content)) {
        return false;
    }
    bool ok = append(assembly, "\n", 1) && begin_part(assembly, 1) && add_text(assembly);
    pop(assembly);
    return ok;
}

// Makes a path absolute. The characters of the folder are literal; those of the pattern may be
// wildcards.
static char *absolute(const char *directory, const char *pattern, bool is_pattern) {
    size_t size = 0;
    char *path = malloc(2 * strlen(directory) + strlen(pattern) + 2);
    if (path == NULL) {
        return NULL;
    }
    if (pattern[0] != '/') {
        for (const char *c = directory; *c != '\0'; c++) {
            if (is_pattern && strchr("*?[\\", *c) != NULL) {
                path[size++] = '\\';
            }
            path[size++] = *c;
        }
        if (size > 1) {
            path[size++] = '/';
        }
        while (pattern[0] == '.' && pattern[1] == '/') {
            pattern += 2;
        }
    }
    memcpy(path + size, pattern, strlen(pattern) + 1);
    return path;
}

static bool add_matches(struct assembly *assembly, const struct directive *directive,
                        const char *pattern) {
    struct path_list paths = {0};
    char why[FILES_WHY_SIZE];
    bool ok = assembly->files->list(assembly->files->context, pattern, &paths, why) == RESULT_OK ||
              refuse(assembly, directive, why);
    for (size_t i = 0; ok && i < paths.count; i++) {
        ok = add_file(assembly, directive, paths.items[i]);
    }
    path_list_free(&paths);
    return ok;
}

static bool add_directive(struct assembly *assembly, const struct directive *directive) {
    if (directive->pattern == NULL) {
        return fail(assembly);
    }
    if (assembly->files == NULL) {
        return refuse(assembly, directive, "not in a text without files");
    }
    bool is_pattern = strpbrk(directive->pattern, "*?[") != NULL;
    char *path = absolute(here(assembly)->directory, directive->pattern, is_pattern);
    bool ok = path == NULL ? fail(assembly)
              : is_pattern ? add_matches(assembly, directive, path)
                           : add_file(assembly, directive, path);
    free(path);
    return ok;
}

// Adds the text of the top level with its includes.
static bool add_text(struct assembly *assembly) {
    const char *text = here(assembly)->text;
    struct scan scan = {.line = 1};
    struct directive directive;
    size_t from = 0;
    while (find_next(&scan, text, &directive)) {
        bool ok = (assembly->parts->count > 0 || begin_part(assembly, 1)) &&
                  append(assembly, text + from, directive.begin - from) &&
                  add_directive(assembly, &directive) && append(assembly, "\n", 1) &&
                  begin_part(assembly, scan.line);
        free(directive.pattern);
        if (!ok) {
            return false;
        }
        from = directive.end;
    }
    return append(assembly, text + from, strlen(text + from));
}

char *include_assemble(const char *directory, struct slice text, const struct config_files *files,
                       struct config_parts *parts, struct report *report) {
    struct assembly assembly = {
        .files = files, .parts = parts, .report = report, .line = 1, .depth = 1};
    *parts = (struct config_parts){0};
    assembly.levels[0] =
        (struct level){.directory = directory, .text = text_prepare(text.data, text.size, report)};
    bool ok = assembly.levels[0].text != NULL && add_text(&assembly);
    free(assembly.levels[0].text);
    if (!ok) {
        free(assembly.text);
        parts_free(parts);
        return NULL;
    }
    return assembly.text;
}

void path_list_free(struct path_list *paths) {
    for (size_t i = 0; i < paths->count; i++) {
        free(paths->items[i]);
    }
    free(paths->items);
    *paths = (struct path_list){0};
}
