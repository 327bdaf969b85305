#include "config/statement.h"

#include "config/text.h"

#include <stddef.h>
#include <string.h>

static const char blanks[] = " \t\r\n";

// Returns the place behind the word, quoted value, blank or mark at `at`.
static char *pass(char *at) {
    size_t size = text_value_size(at);
    return at + (size > 0 ? size : 1);
}

// Returns the place behind the brace that closes the brace at `at`.
static char *pass_braces(char *at) {
    size_t depth = 0;
    do {
        depth += *at == '{';
        depth -= *at == '}';
        at = pass(at);
    } while (depth > 0 && *at != '\0');
    return at;
}

static char *pass_value(char *at) {
    at += strspn(at, blanks);
    return *at == '{' ? pass_braces(at) : at + text_value_size(at);
}

// `at` is behind the name.
static char *find_end(char *at) {
    for (;;) {
        char *next = at + strspn(at, blanks);
        if (*next == '=') {
            return pass_value(next + 1);
        }
        if (*next == '{') {
            return pass_braces(next);
        }
        if (*next == '\0' || *next == '}' || memchr(at, '\n', (size_t)(next - at)) != NULL) {
            return at;
        }
        at = pass(next);
    }
}

// Finds the first word of this line that equals the name.
static char *find_name(char *text, int line, const char *name) {
    char *at = text;
    for (int i = 1; at != NULL && i < line; i++) {
        at = strchr(at, '\n');
        at = at == NULL ? NULL : at + 1;
    }
    while (at != NULL && *at != '\n' && *at != '\0') {
        char *end = pass(at);
        if ((size_t)(end - at) == strlen(name) && memcmp(at, name, strlen(name)) == 0) {
            return at;
        }
        at = end;
    }
    return NULL;
}

bool statement_blank(char *text, int line, const char *name) {
    char *at = name[0] == '\0' ? NULL : find_name(text, line, name);
    if (at == NULL) {
        return false;
    }
    char *end = at + strlen(name);
    for (end = name[0] == ';' ? end : find_end(end); at < end; at++) {
        *at = *at == '\n' ? '\n' : ' ';
    }
    return true;
}
