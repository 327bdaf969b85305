#include "import/nginx_internal.h"

#include <string.h>

static bool take(const char **text, const char *word) {
    size_t size = strlen(word);
    bool begins = strncmp(*text, word, size) == 0;
    *text += begins ? size : 0;
    return begins;
}

// Whether the text is the variables of the path and query of the request.
static bool is_request_path(const char *text) {
    return strcmp(text, "$request_uri") == 0 || strcmp(text, "$uri") == 0 ||
           strcmp(text, "$uri$is_args$args") == 0 || strcmp(text, "$1") == 0 ||
           strcmp(text, "/$1") == 0;
}

// What follows the host of the request: "[:port]" and a path.
static bool read_own_host(struct import *import, const char *rest, struct import_redirect *to) {
    uint64_t port = 443;
    if (rest[0] == ':') {
        size_t digits = strspn(rest + 1, "0123456789");
        if (!import_number(nginx_format(&import->tree, "%.*s", (int)digits, rest + 1), &port) ||
            port > 65535) {
            return false;
        }
        rest += 1 + digits;
    }
    to->port = (uint32_t)port;
    to->to_https = is_request_path(rest);
    to->url = rest;
    return to->to_https || (rest[0] == '/' && !import_has_variable(rest));
}

static bool read_url(struct import *import, const char *url, struct import_redirect *to) {
    const char *rest = url;
    if (url[0] == '/' && url[1] != '/') {
        to->url = url;
        return !import_has_variable(url);
    }
    bool is_https = take(&rest, "https://") || take(&rest, "$scheme://");
    if (!is_https && !take(&rest, "http://")) {
        return false;
    }
    if (is_https &&
        (take(&rest, "$host") || take(&rest, "$server_name") || take(&rest, "$http_host"))) {
        return read_own_host(import, rest, to);
    }
    const char *path = rest + strcspn(rest, "/$?");
    to->keeps_path = is_request_path(path);
    const char *host = nginx_format(&import->tree, "%.*s", (int)(path - rest), rest);
    to->url = nginx_format(&import->tree, "%s://%s%s", is_https ? "https" : "http", host,
                           to->keeps_path    ? ""
                           : path[0] == '\0' ? "/"
                                             : path);
    return host[0] != '\0' && (to->keeps_path || !import_has_variable(path));
}

static bool read_return(struct import *import, const struct nginx_directive *directive,
                        struct import_redirect *to) {
    const char *first = nginx_argument(directive, 0);
    const char *url = nginx_argument(directive, 1);
    uint64_t status = 302;
    if (directive->argument_count == 1) { // return URL
        return strstr(first, "://") != NULL && (to->status = 302, read_url(import, first, to));
    }
    if (!import_number(first, &status) || directive->argument_count != 2) {
        return false;
    }
    to->status = (uint32_t)status;
    bool redirects =
        status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    return redirects && read_url(import, url, to);
}

// Reads a rewrite of all paths only: "^", "^/(.*)$" and the like.
static bool read_rewrite(struct import *import, const struct nginx_directive *directive,
                         struct import_redirect *to) {
    static const char *const all[] = {"^", "^/(.*)$", "^(.*)$", "^/(.*)", "^(.*)", "(.*)", ".*"};
    const char *pattern = nginx_argument(directive, 0);
    const char *flag = nginx_argument(directive, 2);
    bool is_all = false;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        is_all |= strcmp(pattern, all[i]) == 0;
    }
    const char *url = nginx_argument(directive, 1);
    size_t size = strlen(url);
    if (size > 0 && url[size - 1] == '?') {
        url = nginx_format(&import->tree, "%.*s", (int)size - 1, url);
    }
    to->status = strcmp(flag, "permanent") == 0 ? 301 : 302;
    return is_all && (to->status == 301 || strcmp(flag, "redirect") == 0) &&
           strstr(url, "://") != NULL && read_url(import, url, to);
}

bool import_redirect(struct import *import, const struct nginx_directive *directive,
                     struct import_redirect *redirect) {
    *redirect = (struct import_redirect){.status = 0};
    return strcmp(directive->name, "return") == 0    ? read_return(import, directive, redirect)
           : strcmp(directive->name, "rewrite") == 0 ? read_rewrite(import, directive, redirect)
                                                     : false;
}

// `if ($host = a.test) { return 301 https://$host$request_uri; }`, as certbot writes it, and `if
// ($scheme = http)`.
static bool is_harmless_if(struct import *import, const struct nginx_directive *directive,
                           struct import_redirect *redirect) {
    const char *variable = nginx_argument(directive, 0);
    return strcmp(directive->name, "if") == 0 && directive->inner_count == 1 &&
           (strcmp(variable, "($host") == 0 || strcmp(variable, "($scheme") == 0) &&
           import_redirect(import, directive->inner[0], redirect) && redirect->to_https;
}

struct nginx_directive *import_whole_redirect(struct import *import,
                                              const struct nginx_directive *server,
                                              struct import_redirect *redirect) {
    for (size_t i = 0; i < server->inner_count; i++) {
        struct nginx_directive *inner = server->inner[i];
        bool is_all = strcmp(inner->name, "location") == 0 && inner->argument_count == 1 &&
                      strcmp(inner->arguments[0], "/") == 0;
        if (is_harmless_if(import, inner, redirect)) {
            return inner;
        }
        if (import_redirect(import, inner, redirect)) {
            return inner;
        }
        for (size_t j = 0; is_all && j < inner->inner_count; j++) {
            if (import_redirect(import, inner->inner[j], redirect)) {
                return inner->inner[j];
            }
        }
    }
    return NULL;
}
