#include "config/url.h"

#include "config/config.h"

#include <ctype.h>
#include <string.h>

// Variables of nginx and Caddy: $host, {uri}.
static bool is_variable(const char *text) {
    return text[0] == '{' || (text[0] == '$' && isalnum((unsigned char)text[1]));
}

const char *url_login_refusal(const char *text) {
    if (strcmp(text, LOGIN_BY_SERVER) == 0) {
        return NULL;
    }
    if (strncmp(text, "http://", 7) == 0) {
        return "a login page needs https";
    }
    for (const char *c = text; *c != '\0'; c++) {
        if (is_variable(c)) {
            return "there are no variables; if it ends with '=', as in '?rd=', Ravelin adds the "
                   "URL of the request";
        }
        if (*c == '#') {
            return "a login page has no '#'";
        }
    }
    return url_refusal(text);
}

const char *url_refusal(const char *text) {
    const char *rest = strncmp(text, "https://", 8) == 0  ? text + 8
                       : strncmp(text, "http://", 7) == 0 ? text + 7
                                                          : NULL;
    if (text[0] != '/' && (rest == NULL || *rest == '\0' || *rest == '/')) {
        return "";
    }
    if (text[0] == '/' && text[1] == '/') {
        return "a path begins with one '/'";
    }
    if (strlen(text) > PREFIX_MAX_SIZE) {
        return "longer than 1024 bytes";
    }
    for (const char *c = text; *c != '\0'; c++) {
        if (is_variable(c)) {
            return "there are no variables; a URL without a path keeps the path of the request";
        }
        if (*c <= ' ' || *c > '~' || strchr("\"<>\\^`|}", *c) != NULL) {
            return "a URL has no space, no quote and ASCII only";
        }
    }
    return NULL;
}
