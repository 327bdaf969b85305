#include "import/nginx_file.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct nginx_block {
    struct nginx_block *next;
    max_align_t data[];
};

// A file of the text.
struct part {
    const char *path;
    struct slice text;
};

struct parser {
    struct nginx_tree *tree;
    struct part *parts;
    size_t part_count;
    char *error;
    size_t depth;
    // State of the present file:
    const char *path;
    struct slice text;
    size_t at;
    int line;
};

enum token { TOKEN_WORD, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_END, TOKEN_FILE_END, TOKEN_BAD };

// --- Memory ---

static void *grow(void *memory, size_t size) {
    void *grown = realloc(memory, size);
    if (grown == NULL) {
        (void)fputs("ravelin: out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    return grown;
}

void *nginx_alloc(struct nginx_tree *tree, size_t size) {
    struct nginx_block *block = grow(NULL, sizeof(*block) + size);
    block->next = tree->blocks;
    tree->blocks = block;
    return memset(block->data, 0, size);
}

const char *nginx_format(struct nginx_tree *tree, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = nginx_alloc(tree, (size_t)(size < 0 ? 0 : size) + 1);
    va_start(arguments, format);
    (void)vsnprintf(text, (size_t)(size < 0 ? 0 : size) + 1, format, arguments);
    va_end(arguments);
    return text;
}

void nginx_free(struct nginx_tree *tree) {
    while (tree->blocks != NULL) {
        struct nginx_block *next = tree->blocks->next;
        free(tree->blocks);
        tree->blocks = next;
    }
    *tree = (struct nginx_tree){.folder = NULL};
}

static const char *copy(struct nginx_tree *tree, struct slice text) {
    char *to = nginx_alloc(tree, text.size + 1);
    memcpy(to, text.data, text.size);
    return to;
}

// Appends to an array of pointers, which is in memory of the tree.
static void append(struct nginx_tree *tree, void *array, size_t *count, const void *item) {
    const void **items;
    memcpy(&items, array, sizeof(items));
    if ((*count & (*count - 1)) == 0) { // full: its capacity is the next power of two
        const void **grown = nginx_alloc(tree, (*count == 0 ? 1 : *count * 2) * sizeof(*items));
        if (*count > 0) {
            memcpy(grown, items, *count * sizeof(*items));
        }
        items = grown;
        memcpy(array, &items, sizeof(items));
    }
    items[(*count)++] = item;
}

// --- Tokens ---

static bool fail(struct parser *parser, const char *what) {
    (void)snprintf(parser->error, NGINX_ERROR_SIZE, "%s:%d: %s", parser->path, parser->line, what);
    return false;
}

static char peek(const struct parser *parser) {
    return parser->at < parser->text.size ? parser->text.data[parser->at] : '\0';
}

static void skip_blanks(struct parser *parser) {
    for (;;) {
        char c = peek(parser);
        if (c == '#') {
            while (parser->at < parser->text.size && peek(parser) != '\n') {
                parser->at++;
            }
        } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            parser->line += c == '\n';
            parser->at++;
        } else {
            return;
        }
    }
}

// Whether the next character is escaped by a backslash: quotes, and "\\n" for a line end.
static bool is_escape(const struct parser *parser, char *c) {
    static const char from[] = "\"'\\ntr";
    static const char to[] = "\"'\\\n\t\r";
    char next = parser->text.data[parser->at + 1];
    const char *found = next == '\0' ? NULL : strchr(from, next);
    *c = found == NULL ? *c : to[found - from];
    return found != NULL;
}

static enum token read_quoted(struct parser *parser, char *word) {
    char quote = peek(parser);
    size_t size = 0;
    for (parser->at++; parser->at < parser->text.size; parser->at++) {
        char c = peek(parser);
        if (c == quote) {
            parser->at++;
            word[size] = '\0';
            return TOKEN_WORD;
        }
        parser->line += c == '\n';
        if (c == '\\' && parser->at + 1 < parser->text.size && is_escape(parser, &c)) {
            parser->at++;
        }
        word[size++] = c;
    }
    return TOKEN_BAD;
}

static enum token read_word(struct parser *parser, char *word) {
    size_t size = 0;
    while (parser->at < parser->text.size) {
        char c = peek(parser);
        bool is_variable = c == '{' && size > 0 && word[size - 1] == '$';
        if (strchr(" \t\r\n;", c) != NULL || (c == '{' && !is_variable)) {
            break;
        }
        if (is_variable) { // up to its closing brace
            while (parser->at + 1 < parser->text.size && peek(parser) != '}' &&
                   peek(parser) != '\n') {
                word[size++] = peek(parser);
                parser->at++;
            }
            c = peek(parser);
        } else if (c == '\\' && parser->at + 1 < parser->text.size) {
            word[size++] = c;
            c = parser->text.data[++parser->at];
        }
        parser->line += c == '\n';
        word[size++] = c;
        parser->at++;
    }
    word[size] = '\0';
    return size > 0 ? TOKEN_WORD : TOKEN_BAD;
}

// `word`: as large as the text.
static enum token next_token(struct parser *parser, char *word) {
    skip_blanks(parser);
    switch (peek(parser)) {
    case '\0':
        return parser->at < parser->text.size ? TOKEN_BAD : TOKEN_FILE_END;
    case ';':
        parser->at++;
        return TOKEN_END;
    case '{':
        parser->at++;
        return TOKEN_OPEN;
    case '}':
        parser->at++;
        return TOKEN_CLOSE;
    case '"':
    case '\'':
        return read_quoted(parser, word);
    default:
        return read_word(parser, word);
    }
}

// --- Directives ---

static bool read_block(struct parser *parser, struct nginx_directive *block, bool is_file);

static bool read_part(struct parser *parser, const struct part *part,
                      struct nginx_directive *block) {
    struct parser inner = *parser;
    inner.path = part->path;
    inner.text = part->text;
    inner.at = 0;
    inner.line = 1;
    inner.depth++;
    return inner.depth < NGINX_DEPTH_MAX ? read_block(&inner, block, true)
                                         : fail(parser, "too many files inside files");
}

static int compare_parts(const void *left, const void *right) {
    return strcmp((*(const struct part *const *)left)->path,
                  (*(const struct part *const *)right)->path);
}

// Replaces an include by the contents of the matching files. False, with an error.
static bool include(struct parser *parser, struct nginx_directive *directive,
                    struct nginx_directive *block) {
    const char *pattern = nginx_argument(directive, 0);
    const struct part **found =
        nginx_alloc(parser->tree, (parser->part_count + 1) * sizeof(struct part *));
    size_t count = 0;
    if (pattern[0] != '/') {
        pattern = nginx_format(parser->tree, "%s/%s", parser->tree->folder, pattern);
    }
    for (size_t i = 0; i < parser->part_count; i++) {
        if (fnmatch(pattern, parser->parts[i].path, FNM_PATHNAME | FNM_PERIOD) == 0) {
            found[count++] = &parser->parts[i];
        }
    }
    qsort(found, count, sizeof(struct part *), compare_parts);
    directive->is_done = count > 0 || strpbrk(pattern, "*?[") != NULL;
    for (size_t i = 0; i < count; i++) {
        if (!read_part(parser, found[i], block)) {
            return false;
        }
    }
    return true;
}

// Reads arguments up to the end of the directive, and its block.
static bool read_rest(struct parser *parser, struct nginx_directive *directive, char *word) {
    enum token token;
    while ((token = next_token(parser, word)) == TOKEN_WORD) {
        if (directive->argument_count == NGINX_ARGUMENTS_MAX) {
            return fail(parser, "too many arguments");
        }
        append(parser->tree, &directive->arguments, &directive->argument_count,
               copy(parser->tree, slice_from(word)));
    }
    if (token == TOKEN_OPEN) {
        directive->is_block = true;
        return read_block(parser, directive, false);
    }
    return token == TOKEN_END || fail(parser, "expected ';' or '{'");
}

static bool read_directive(struct parser *parser, struct nginx_directive *block, char *word) {
    struct nginx_directive *directive = nginx_alloc(parser->tree, sizeof(*directive));
    directive->name = copy(parser->tree, slice_from(word));
    directive->outer = block;
    directive->file = parser->path;
    directive->line = parser->line;
    append(parser->tree, &block->inner, &block->inner_count, directive);
    if (!read_rest(parser, directive, word)) {
        return false;
    }
    return strcmp(directive->name, "include") != 0 || directive->is_block ||
           include(parser, directive, block);
}

static bool read_block(struct parser *parser, struct nginx_directive *block, bool is_file) {
    char *word = grow(NULL, parser->text.size + 1);
    bool ok = is_file || ++parser->depth < NGINX_DEPTH_MAX ||
              fail(parser, "too many blocks inside blocks");
    bool is_over = false;
    while (ok && !is_over) {
        enum token token = next_token(parser, word);
        is_over = token == (is_file ? TOKEN_FILE_END : TOKEN_CLOSE);
        if (token == TOKEN_WORD) {
            ok = read_directive(parser, block, word);
        } else if (!is_over && token != TOKEN_END) {
            ok = fail(parser, token == TOKEN_FILE_END ? "the file ends inside of a block"
                              : token == TOKEN_BAD    ? "the text cannot be read"
                                                      : "unexpected brace");
        }
    }
    parser->depth -= !is_file;
    free(word);
    return ok;
}

// --- Files ---

static struct slice take_line(struct slice *text) {
    const char *end = memchr(text->data, '\n', text->size);
    size_t size = end == NULL ? text->size : (size_t)(end - text->data) + 1;
    struct slice line = {text->data, size};
    *text = (struct slice){text->data + size, text->size - size};
    return line;
}

// The path of "# configuration file PATH:"; empty: the line is another one.
static struct slice part_path(struct slice line) {
    static const char mark[] = "# configuration file ";
    size_t size = sizeof(mark) - 1;
    if (line.size < size + 2 || memcmp(line.data, mark, size) != 0) {
        return (struct slice){NULL, 0};
    }
    size_t end = line.size;
    while (end > size && strchr(": \r\n", line.data[end - 1]) != NULL) {
        end--;
    }
    return (struct slice){line.data + size, end - size};
}

// A path for comments, without control characters.
static const char *clean(struct nginx_tree *tree, struct slice path) {
    char *text = (char *)(uintptr_t)copy(tree, path);
    for (char *c = text; *c != '\0'; c++) {
        *c = (unsigned char)*c < ' ' || *c == 0x7f ? '?' : *c;
    }
    return text;
}

static void split(struct parser *parser, const char *path, struct slice text) {
    struct slice rest = text;
    size_t most = 1;
    while (rest.size > 0) {
        most += part_path(take_line(&rest)).size > 0;
    }
    parser->parts = nginx_alloc(parser->tree, most * sizeof(*parser->parts));
    while (text.size > 0) {
        struct slice before = text;
        struct slice line = take_line(&text);
        struct slice name = part_path(line);
        struct part *last = parser->part_count == 0 ? NULL : &parser->parts[parser->part_count - 1];
        if (name.size > 0) {
            parser->parts[parser->part_count++] =
                (struct part){clean(parser->tree, name), {text.data, 0}};
        } else if (last != NULL) {
            last->text.size += line.size;
        } else if (most == 1) { // one file
            parser->parts[parser->part_count++] =
                (struct part){clean(parser->tree, slice_from(path)), before};
            return;
        }
    }
}

static const char *folder_of(struct nginx_tree *tree, const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? "." : copy(tree, (struct slice){path, (size_t)(slash - path)});
}

bool nginx_parse(struct nginx_tree *tree, const char *path, struct slice text,
                 char error[NGINX_ERROR_SIZE]) {
    *tree = (struct nginx_tree){.root = {.name = "", .is_block = true, .file = path}};
    struct parser parser = {.tree = tree, .error = error, .path = path, .line = 1};
    error[0] = '\0';
    bool ok = memchr(text.data, '\0', text.size) == NULL || fail(&parser, "the file is not text");
    if (ok) {
        split(&parser, path, text);
        ok = parser.part_count > 0 || fail(&parser, "the file is empty");
    }
    if (ok) {
        tree->folder = folder_of(tree, parser.parts[0].path);
        ok = read_part(&parser, &parser.parts[0], &tree->root);
    }
    if (!ok) {
        nginx_free(tree);
    }
    return ok;
}

// --- Looking ---

const char *nginx_argument(const struct nginx_directive *directive, size_t index) {
    return directive != NULL && index < directive->argument_count ? directive->arguments[index]
                                                                  : "";
}

struct nginx_directive *nginx_find(const struct nginx_directive *block, const char *name) {
    for (size_t i = block->inner_count; i-- > 0;) {
        if (strcmp(block->inner[i]->name, name) == 0) {
            return block->inner[i];
        }
    }
    return NULL;
}

struct nginx_directive *nginx_level(struct nginx_directive *block, const char *name) {
    while (block != NULL && nginx_find(block, name) == NULL) {
        block = block->outer;
    }
    return block;
}
