#include "config/statement.h"

#include <stddef.h>
#include <string.h>

static const char blanks[] = " \t\r\n";

static bool is_word(char c) {
    return c != '\0' && strchr(" \t\r\n{}()=,\"'", c) == NULL;
}

static bool is_quote(char c) {
    return c == '"' || c == '\'';
}

// Behind the quoted value that begins here. text_prepare() has found its end.
static char *pass_quoted(char *at) {
    char quote = *at++;
    while (*at != quote) {
        at += *at == '\\' ? 2 : 1;
    }
    return at + 1;
}

static char *pass_word(char *at) {
    while (is_word(*at)) {
        at++;
    }
    return at;
}

// Behind the brace that closes the one here.
static char *pass_braces(char *at) {
    size_t depth = 0;
    do {
        depth += *at == '{';
        depth -= *at == '}';
        at = is_quote(*at) ? pass_quoted(at) : at + 1;
    } while (depth > 0 && *at != '\0');
    return at;
}

static char *pass_value(char *at) {
    at += strspn(at, blanks);
    return is_quote(*at) ? pass_quoted(at) : *at == '{' ? pass_braces(at) : pass_word(at);
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
        at = is_quote(*next) ? pass_quoted(next) : is_word(*next) ? pass_word(next) : next + 1;
    }
}

// The first word of this line that is this name.
static char *find_name(char *text, int line, const char *name) {
    char *at = text;
    for (int i = 1; at != NULL && i < line; i++) {
        at = strchr(at, '\n');
        at = at == NULL ? NULL : at + 1;
    }
    while (at != NULL && *at != '\n' && *at != '\0') {
        char *end = is_quote(*at) ? pass_quoted(at) : is_word(*at) ? pass_word(at) : at + 1;
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
