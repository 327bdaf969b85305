#include "config/url.h"

#include "config/config.h"

#include <ctype.h>
#include <string.h>

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
        if (c[0] == '{' || (c[0] == '$' && isalnum((unsigned char)c[1]))) { // $host, {uri}
            return "there are no variables; a URL without a path keeps the path of the request";
        }
        if (*c <= ' ' || *c > '~' || strchr("\"<>\\^`|}", *c) != NULL) {
            return "a URL has no space, no quote and ASCII only";
        }
    }
    return NULL;
}
