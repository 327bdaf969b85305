// Login pages: translates error_page 401 beside auth_request to `login` of `authorize`.
#include "import/nginx_internal.h"

#include "config/config.h"
#include "config/url.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool take(const char **text, const char *word) {
    size_t size = strlen(word);
    bool begins = strncmp(*text, word, size) == 0;
    *text += begins ? size : 0;
    return begins;
}

// --- URLs ---

// The value of the nearest `set` of a variable. The text itself: no such variable.
static const char *value_of(struct nginx_directive *block, const char *text) {
    for (; text[0] == '$' && block != NULL; block = block->outer) {
        for (size_t i = 0; i < block->inner_count; i++) {
            const struct nginx_directive *set = block->inner[i];
            if ((strcmp(set->name, "set") == 0 || strcmp(set->name, "set_escape_uri") == 0) &&
                strcmp(nginx_argument(set, 0), text) == 0) {
                return nginx_argument(set, 1);
            }
        }
    }
    return text;
}

// Whether a text is the address of the request. Only GET and HEAD requests are redirected, so their
// method need not be added.
static bool is_address(struct import *import, struct nginx_directive *block, const char *text) {
    static const char *const origins[] = {"$scheme://", "https://", ""};
    static const char *const hosts[] = {"$host", "$http_host", "$server_name", "$host:$server_port",
                                        ""};
    static const char *const paths[] = {"$request_uri", "$uri$is_args$args"};
    size_t size = strcspn(text, "&");
    if (text[size] != '\0' && strcmp(text + size, "&rm=$request_method") != 0) {
        return false;
    }
    text = value_of(block, nginx_format(&import->tree, "%.*s", (int)size, text));
    for (size_t i = 0; i < COUNT(origins) * COUNT(hosts) * COUNT(paths); i++) {
        const char *origin = origins[i % COUNT(origins)];
        const char *host = hosts[i / COUNT(origins) % COUNT(hosts)];
        const char *path = paths[i / COUNT(origins) / COUNT(hosts)];
        if ((origin[0] == '\0') == (host[0] == '\0') &&
            strcmp(text, nginx_format(&import->tree, "%s%s%s", origin, host, path)) == 0) {
            return true;
        }
    }
    return false;
}

// The URL of a login page in Ravelin's syntax. NULL: there is none.
static const char *read_url(struct import *import, struct nginx_directive *block,
                            const char *text) {
    const char *rest = text;
    if (take(&rest, "$scheme://") || take(&rest, "https://")) {
        bool is_own =
            take(&rest, "$host/") || take(&rest, "$http_host/") || take(&rest, "$server_name/");
        text = nginx_format(&import->tree, "%s%s", is_own ? "/" : "https://", rest);
    }
    const char *query = strchr(text, '?');
    const char *variable = query == NULL ? NULL : strchr(query, '$');
    if (variable != NULL) {
        const char *https = strstr(query, "=https://$");
        const char *address = https != NULL && https < variable ? https + 1 : variable;
        if (!is_address(import, block, address)) {
            return NULL;
        }
        text = nginx_format(&import->tree, "%.*s", (int)(address - text), text);
    }
    bool is_told = variable == NULL || text[strlen(text) - 1] == '=';
    return is_told && !import_has_variable(text) && url_login_refusal(text) == NULL ? text : NULL;
}

// --- Pages ---

// The only directive in a named location, which redirects. NULL: not so.
static const char *named_redirect(struct nginx_directive *block, const char *name,
                                  struct nginx_directive **location) {
    const struct nginx_directive *server = import_server_of(block);
    for (size_t i = 0; i < server->inner_count; i++) {
        struct nginx_directive *inner = server->inner[i];
        if (strcmp(inner->name, "location") != 0 || strcmp(nginx_argument(inner, 0), name) != 0) {
            continue;
        }
        const struct nginx_directive *answer = nginx_find(inner, "return");
        const char *status = nginx_argument(answer, 0);
        bool redirects = answer != NULL && answer->argument_count == 2 && status[0] == '3';
        *location = inner;
        return redirects ? nginx_argument(answer, 1) : NULL;
    }
    return NULL;
}

// A page of this server, which nginx sent in place of the 401. It must not need a login itself.
static const char *read_own_page(struct import *import, struct nginx_directive *block,
                                 const char *url) {
    size_t size = strcspn(url, "?");
    const char *path = nginx_format(&import->tree, "%.*s", (int)size, url);
    struct nginx_directive *location = import_serving(import, import_server_of(block), path);
    if (location == NULL || import_asks_server(location) || import_asks_password(location) ||
        nginx_find(location, "proxy_pass") == NULL || nginx_find(location, "internal") != NULL) {
        return NULL;
    }
    bool is_oauth2 = strncmp(path, "/oauth2/", 8) == 0 && url[size] == '\0';
    return read_url(import, block, is_oauth2 ? nginx_format(&import->tree, "%s?rd=", url) : url);
}

// The login page of a redirect to `target`, which a route of `block` gives.
static const char *read_target(struct import *import, struct nginx_directive *block,
                               const char *target) {
    const char *source = import_copied_source(block, target);
    if (source != NULL) {
        return strcmp(source, "location") == 0 ? LOGIN_BY_SERVER : NULL;
    }
    return read_url(import, block, target);
}

static const char *read_named(struct import *import, struct nginx_directive *block,
                              const char *name) {
    struct nginx_directive *location = NULL;
    const char *target = named_redirect(block, name, &location);
    const char *login = target == NULL ? NULL : read_target(import, block, target);
    if (login != NULL) {
        location->is_done = true;
        import_done_inside(location);
    }
    return login;
}

static const char *read_page(struct import *import, struct nginx_directive *block,
                             struct nginx_directive *page) {
    const char *target = nginx_argument(page, page->argument_count - 1);
    const char *how = nginx_argument(page, page->argument_count - 2);
    if (target[0] == '@') {
        return read_named(import, block, target);
    }
    if (strncmp(how, "=3", 2) == 0 || strstr(target, "://") != NULL) {
        return read_target(import, block, target);
    }
    const char *login = read_own_page(import, block, target);
    if (login != NULL) {
        import_note(import, page, "a redirect to the login page, in place of the page itself");
    }
    return login;
}

static bool has_status(const struct nginx_directive *page, const char *status) {
    bool found = false;
    for (size_t i = 0; i + 1 < page->argument_count; i++) {
        found = found || strcmp(page->arguments[i], status) == 0;
    }
    return found;
}

void import_login_page(struct import *import, struct nginx_directive *block) {
    struct nginx_directive *level = nginx_level(block, "error_page");
    bool is_found = false;
    for (size_t i = 0; level != NULL && i < level->inner_count; i++) {
        struct nginx_directive *page = level->inner[i];
        bool is_page = strcmp(page->name, "error_page") == 0;
        if (is_page && has_status(page, "401") && !is_found) {
            const char *login = read_page(import, block, page);
            is_found = true;
            if (login == NULL) {
                import_note(import, page,
                            "clients get the response of the server that decides; see login of "
                            "authorize for a login page");
                continue;
            }
            (void)fputs("            login = ", import->sites);
            (void)import_quote(import->sites, login);
            (void)fputs(" # for browsers; others get the 401\n", import->sites);
            page->is_done = true;
        }
        if (is_page && has_status(page, "403")) {
            import_note(import, page,
                        "with 403, clients get the response of the server that "
                        "decides");
        }
    }
}
