#include "config/text.h"

#include "base/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"
#define BYTE_ORDER_MARK_SIZE 3
#define DEPTH_MAX 8 // braces inside braces; the grammar needs 4

struct scan {
    const char *text;
    size_t size;
    size_t at;
    size_t begin; // behind a byte order mark
    int line;
    char *copy; // text, with comments blanked
    struct report *report;
    int opened[DEPTH_MAX]; // lines of the braces that are open
    size_t depth;
};

static bool refuse(const struct scan *scan, const char *what) {
    report_add(scan->report, scan->line, "%s", what);
    return false;
}

static char peek(const struct scan *scan, size_t ahead) {
    return scan->at + ahead < scan->size ? scan->text[scan->at + ahead] : '\0';
}

static bool is_control(const struct scan *scan) {
    unsigned char c = (unsigned char)peek(scan, 0);
    if (c == '\r') {
        return peek(scan, 1) != '\n';
    }
    return (c < ' ' && c != '\t' && c != '\n') || c == 0x7f;
}

static bool begins_with(const struct scan *scan, const char *bytes, size_t size) {
    return scan->size - scan->at >= size && memcmp(scan->text + scan->at, bytes, size) == 0;
}

static bool is_utf16(const struct scan *scan) {
    return begins_with(scan, "\xff\xfe", 2) || begins_with(scan, "\xfe\xff", 2) ||
           (scan->size > 1 && (scan->text[0] == '\0' || scan->text[1] == '\0'));
}

static bool check_bytes(struct scan *scan) {
    if (is_utf16(scan)) {
        return refuse(scan, "the text is UTF-16; save the file as UTF-8");
    }
    // Windows editors write a byte order mark at the beginning. It has no meaning in UTF-8.
    if (begins_with(scan, BYTE_ORDER_MARK, BYTE_ORDER_MARK_SIZE)) {
        memset(scan->copy, ' ', BYTE_ORDER_MARK_SIZE);
        scan->at = scan->begin = BYTE_ORDER_MARK_SIZE;
    }
    while (scan->at < scan->size) {
        const uint8_t *here = (const uint8_t *)scan->text + scan->at;
        uint32_t code;
        size_t length = *here < 0x80 ? 1 : utf8_read(here, scan->size - scan->at, &code);
        if (begins_with(scan, BYTE_ORDER_MARK, BYTE_ORDER_MARK_SIZE)) {
            return refuse(scan, "a byte order mark inside the text; remove these three bytes");
        }
        if (length == 0) {
            return refuse(scan, "the text is not UTF-8");
        }
        if (is_control(scan)) {
            report_add(scan->report, scan->line, "control character 0x%02x", *here);
            return false;
        }
        scan->line += *here == '\n';
        scan->at += length;
    }
    scan->at = scan->begin;
    scan->line = 1;
    return true;
}

static bool starts_word(const struct scan *scan) {
    return scan->at == scan->begin || strchr(" \t\n{}(),=", scan->text[scan->at - 1]) != NULL;
}

// A # inside a word may be intended as a part of the value.
static bool pass_comment(struct scan *scan) {
    if (!starts_word(scan) && strchr("\"'", scan->text[scan->at - 1]) == NULL) {
        return refuse(scan, "a # right behind a word; put a blank before a comment, or the value "
                            "in quotes");
    }
    while (scan->at < scan->size && peek(scan, 0) != '\n') {
        scan->copy[scan->at++] = ' ';
    }
    return true;
}

static bool is_variable(const struct scan *scan) {
    return peek(scan, 0) == '$' && peek(scan, 1) == '{';
}

static const char variable_refused[] =
    "variables such as ${NAME} are not expanded: a configuration means the same in every process";

static bool pass_quoted(struct scan *scan) {
    char quote = peek(scan, 0);
    size_t start = ++scan->at;
    for (; peek(scan, 0) != quote; scan->at++) {
        char c = peek(scan, 0);
        if (c == '\0' || c == '\n') {
            return refuse(scan, "this line has an opening quote without a closing one");
        }
        if (is_variable(scan)) {
            return refuse(scan, variable_refused);
        }
        if (c == '\\') {
            scan->at++;
            if (peek(scan, 0) != '\\' && peek(scan, 0) != quote) {
                return refuse(scan, "in quotes \\ may stand before the quote and before \\ only");
            }
        }
    }
    if (scan->at++ == start) {
        return refuse(scan, "empty quotes");
    }
    return true;
}

static bool open_brace(struct scan *scan) {
    if (scan->depth == DEPTH_MAX) {
        return refuse(scan, "too many braces inside braces");
    }
    scan->opened[scan->depth++] = scan->line;
    return true;
}

// The last character before `end` that is not blank or comment; '\0': none.
static char last_before(const struct scan *scan, size_t *end) {
    while (*end > scan->begin && strchr(" \t\r\n", scan->copy[*end - 1]) != NULL) {
        *end -= 1;
    }
    return *end > scan->begin ? scan->copy[--*end] : '\0';
}

// Whether the last brace closes "allow = {". An empty list would have the effect of no list: it
// would allow every client, although it seems to allow none.
static bool is_empty_allow(const struct scan *scan) {
    static const char word[] = "allow";
    const size_t size = sizeof(word) - 1;
    size_t end = scan->at - 1;
    if (last_before(scan, &end) != '{' || last_before(scan, &end) != '=' ||
        last_before(scan, &end) != 'w' || end < size) {
        return false;
    }
    const char *at = scan->copy + end + 1 - size;
    return memcmp(at, word, size) == 0 && strchr(" \t\n{}\"'", at[-1]) != NULL;
}

// Whether this word is before the '=' here.
static bool is_set(const struct scan *scan, const char *word) {
    size_t size = strlen(word);
    size_t end = scan->at;
    if (last_before(scan, &end) != word[size - 1] || end + 1 < scan->begin + size) {
        return false;
    }
    const char *at = scan->copy + end + 1 - size;
    return memcmp(at, word, size) == 0 &&
           (at == scan->copy + scan->begin || strchr(" \t\n{}\"'", at[-1]) != NULL);
}

// "hash-by = header NAME" has two words, and libconfuse accepts one: the blanks between them become
// colons.
static void join_words(const struct scan *scan) {
    const char *at = scan->copy + scan->at + 1;
    at += strspn(at, " \t");
    if (strncmp(at, "header", 6) == 0 || strncmp(at, "cookie", 6) == 0) {
        size_t blanks = strspn(at + 6, " \t");
        if (strchr("\r\n#{}=,\"'", at[6 + blanks]) == NULL) {
            memset(scan->copy + (at + 6 - scan->copy), ':', blanks);
        }
    }
}

static bool close_brace(struct scan *scan) {
    if (is_empty_allow(scan)) {
        return refuse(scan, "an empty list of allow; name who may, or leave allow out to let "
                            "everybody in");
    }
    if (scan->depth == 0) {
        return refuse(scan, "'}' without a '{' before it");
    }
    scan->depth--;
    return true;
}

// Whether the ';' here is the last character of a value. libconfuse would make it a part of the
// value.
static bool ends_value(const struct scan *scan) {
    if (strchr(" \t\r\n}#", peek(scan, 1)) == NULL) {
        return false;
    }
    size_t end = scan->at;
    char last = end > scan->begin ? scan->copy[end - 1] : ' ';
    if (last == '"' || last == '\'') {
        return true;
    }
    while (end > scan->begin && strchr(" \t\r\n={},\"'", scan->copy[end - 1]) == NULL) {
        end--;
    }
    return last_before(scan, &end) == '=';
}

// Checks for characters that libconfuse would drop, join or read as a comment.
static bool check_plain(const struct scan *scan) {
    char c = peek(scan, 0);
    char next = peek(scan, 1);
    if (c == '/' && (next == '*' || next == '/') && starts_word(scan)) {
        return refuse(scan, "comments begin with #");
    }
    if (c == '/' && next == '*') {
        return refuse(scan, "put a value with '*' in quotes, as in include \"sites/*.conf\"");
    }
    if (is_variable(scan)) {
        return refuse(scan, variable_refused);
    }
    if ((c & 0x80) != 0) {
        return refuse(scan, "a character that is not ASCII; put the value in quotes");
    }
    if (c == ';' && ends_value(scan)) {
        (void)refuse(scan, "a ';' at the end of an option; leave it out");
        scan->copy[scan->at] = ' '; // and the rest is read for its faults
    }
    if (c == '*' && next == ':') {
        return refuse(
            scan, "'*' is not an address; write 0.0.0.0 for all of IPv4, or [::] for all of IPv6");
    }
    if (strchr("*+|\\`", c) != NULL) {
        report_add(scan->report, scan->line, "unexpected '%c'; put the value in quotes", c);
        return false;
    }
    return true;
}

// Skips one character, quoted value or comment.
static bool pass(struct scan *scan) {
    switch (peek(scan, 0)) {
    case '#':
        return pass_comment(scan);
    case '"':
    case '\'':
        return pass_quoted(scan);
    case '{':
        scan->at++;
        return open_brace(scan);
    case '}':
        scan->at++;
        return close_brace(scan);
    case '\n':
        scan->at++;
        scan->line++;
        return true;
    default:
        if (!check_plain(scan)) {
            return false;
        }
        if (peek(scan, 0) == '=' && is_set(scan, "hash-by")) {
            join_words(scan);
        }
        scan->at++;
        return true;
    }
}

static bool check(struct scan *scan) {
    if (!check_bytes(scan)) {
        return false;
    }
    while (scan->at < scan->size) {
        if (!pass(scan)) {
            return false;
        }
    }
    if (scan->depth > 0) {
        report_add(scan->report, scan->opened[scan->depth - 1],
                   "the '{' of this line is still open at the end of the file");
        return false;
    }
    return true;
}

static size_t quoted_size(const char *begin) {
    const char *at = begin + 1;
    while (*at != '\0' && *at != *begin) {
        at += at[0] == '\\' && at[1] != '\0' ? 2 : 1;
    }
    return (size_t)(at - begin) + (*at != '\0');
}

size_t text_value_size(const char *at) {
    return *at == '"' || *at == '\'' ? quoted_size(at) : strcspn(at, " \t\r\n{}()=,\"'");
}

#define CHECK_WORD "health"
#define CHECK_WORD_SIZE (sizeof(CHECK_WORD) - 1)

// Whether "health" begins here without a title.
static bool is_untitled(const char *text, const char *at) {
    return strncmp(at, CHECK_WORD, CHECK_WORD_SIZE) == 0 &&
           (at == text || strchr(" \t\r\n{}", at[-1]) != NULL) &&
           at[CHECK_WORD_SIZE + strspn(at + CHECK_WORD_SIZE, " \t\r\n")] == '{';
}

// A kind of section in libconfuse either always has a title or never has one: "health {" becomes
// "health tcp {". Owns `text`. NULL: memory is short.
static char *give_titles(char *text) {
    size_t count = 0;
    for (const char *at = strstr(text, CHECK_WORD); at != NULL; at = strstr(at + 1, CHECK_WORD)) {
        count++;
    }
    char *titled = count == 0 ? NULL : malloc(strlen(text) + count * 4 + 1);
    char *to = titled;
    for (const char *at = text; titled != NULL && *at != '\0';) {
        size_t size = is_untitled(text, at)       ? CHECK_WORD_SIZE
                      : *at == '"' || *at == '\'' ? quoted_size(at)
                                                  : 1;
        memcpy(to, at, size);
        to += size;
        if (is_untitled(text, at)) {
            memcpy(to, " tcp", 4);
            to += 4;
        }
        at += size;
    }
    if (count == 0) {
        return text;
    }
    free(text);
    if (titled != NULL) {
        *to = '\0';
    }
    return titled;
}

char *text_prepare(const char *text, size_t size, struct report *report) {
    if (size > CONFIG_TEXT_MAX) {
        report_add(report, 0, "larger than %zu MiB", CONFIG_TEXT_MAX >> 20);
        return NULL;
    }
    char *copy = malloc(size + 1);
    if (copy == NULL) {
        report_out_of_memory(report);
        return NULL;
    }
    if (size > 0) {
        memcpy(copy, text, size);
    }
    copy[size] = '\0';
    struct scan scan = {.text = text, .size = size, .line = 1, .copy = copy, .report = report};
    if (!check(&scan)) {
        free(copy);
        return NULL;
    }
    copy = give_titles(copy);
    if (copy == NULL) {
        report_out_of_memory(report);
    }
    return copy;
}
