#include "import/nginx_internal.h"

#include <ctype.h>
#include <string.h>

// --- Regular expressions ---

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LITERALS_MAX 64

static bool is_special(char c) {
    return strchr(".*+?()[]{}|^$\\", c) != NULL;
}

static bool may_be_missing(char next) {
    return next == '?' || next == '*' || next == '{';
}

// Appends the literal characters at *at to `text`.
static size_t copy_literal(const char **at, char *text) {
    const char *c = *at;
    size_t size = 0;
    while (*c != '\0') {
        bool is_escaped = *c == '\\' && c[1] != '\0' && !isalnum((unsigned char)c[1]);
        if ((!is_escaped && is_special(*c)) || may_be_missing(c[1 + is_escaped])) {
            break;
        }
        c += is_escaped;
        text[size++] = *c++;
    }
    *at = c;
    return size;
}

// The end of an alternative: '|', the ')' of its group, or the end of the text.
static const char *end_of_alternative(const char *c) {
    size_t depth = 0;
    bool in_class = false;
    for (; *c != '\0'; c++) {
        if (*c == '\\' && c[1] != '\0') {
            c++;
        } else if (in_class) {
            in_class = *c != ']';
        } else if (*c == '[') {
            in_class = true;
        } else if (depth == 0 && (*c == '|' || *c == ')')) {
            break;
        } else if (*c == '(') {
            depth++;
        } else if (*c == ')') {
            depth--;
        }
    }
    return c;
}

// Reads "(?:a|b)" behind a head. Returns the number of literals; 0: not every match has one.
static size_t read_group(struct import *import, const char *group, const char *head,
                         const char *literals[LITERALS_MAX]) {
    const char *c = group + 1;
    size_t count = 0;
    if (c[0] == '?' && c[1] != ':') {
        return 0;
    }
    c += c[0] == '?' ? 2 : 0;
    for (;; c++) {
        char *text = nginx_alloc(&import->tree, strlen(c) + 1);
        if (count == LITERALS_MAX || copy_literal(&c, text) == 0) {
            return 0;
        }
        literals[count++] = nginx_format(&import->tree, "%s%s", head, text);
        c = end_of_alternative(c);
        if (*c != '|') {
            return *c == ')' && !may_be_missing(c[1]) ? count : 0;
        }
    }
}

// The literals of which every match begins with one: "^/\.(git|svn)" gives "/.git" and "/.svn".
// Returns their number; 0: unknown, or not the beginning of a path.
static size_t read_literals(struct import *import, const char *pattern,
                            const char *literals[LITERALS_MAX]) {
    const char *c = pattern + (pattern[0] == '^');
    char *head = nginx_alloc(&import->tree, strlen(c) + 1);
    if (*end_of_alternative(c) != '\0') {
        return 0;
    }
    (void)copy_literal(&c, head);
    size_t count = *c == '(' ? read_group(import, c, head, literals) : 0;
    if (count == 0) {
        literals[count++] = head;
    }
    for (size_t i = 0; i < count; i++) {
        if (!import_is_prefix(literals[i]) || literals[i][1] == '\0') {
            return 0;
        }
    }
    return count;
}

// --- Locations with a regular expression ---

// The status with which a location refuses all requests. 0: it does not.
static unsigned closing_status(struct import *import, struct nginx_directive *location) {
    uint64_t status = 0;
    const struct nginx_directive *answer = nginx_find(location, "return");
    (void)import_number(nginx_argument(answer, 0), &status);
    if (status >= 400 && status <= 499 && status != 444) {
        return (unsigned)status;
    }
    bool is_closed = status == 444 || import_denies_everyone(import, location) ||
                     import_closes(import, location) != NULL;
    return is_closed ? 403 : 0;
}

// A location that refuses some or all requests. `status`: 0 if only some.
static void restrict_prefix(struct import *import, struct nginx_directive *location,
                            const char *prefix, unsigned status) {
    const char **place = import_add(import, &import->shut, &import->shut_count,
                                    &import->shut_capacity, sizeof(*place));
    *place = prefix;
    if (status == 0) {
        import_route(import, location, prefix);
    } else if (import_begin_route(import, location, prefix)) {
        import_write_status(import, status, "");
        (void)fputs("    }\n", import->sites);
    }
}

static void import_regex(struct import *import, struct nginx_directive *location) {
    const char *operator= nginx_argument(location, 0);
    const char *pattern = nginx_argument(location, 1);
    const char *literals[LITERALS_MAX];
    bool ignores_case = operator[1] == '*';
    unsigned status = closing_status(import, location);
    bool restricts = status != 0 || nginx_find(location, "deny") != NULL ||
                     nginx_find(location, "auth_basic") != NULL ||
                     nginx_find(location, "auth_request") != NULL;
    pattern = pattern[0] != '\0' ? pattern : operator+ 1 + ignores_case;
    size_t count = restricts ? read_literals(import, pattern, literals) : 0;
    for (size_t i = 0; i < count; i++) {
        restrict_prefix(import, location, literals[i], status);
    }
    const char *note = "closed at the beginning of a path only; deeper in a path, the servers must "
                       "refuse it";
    if (!restricts) {
        note = "routes have no regular expressions; another route serves these paths";
    } else if (count == 0) {
        note = "NOT CLOSED ANY MORE: routes have no regular expressions; let the servers refuse "
               "these paths";
    } else if (pattern[0] == '^') {
        note = status != 0 ? "all paths that begin so are closed"
                           : "the route serves all paths that begin so";
    }
    import_note(import, location,
                ignores_case && count > 0
                    ? nginx_format(&import->tree, "%s; other spellings are not closed", note)
                    : note);
}

// --- Other locations ---

static bool is_location(const struct nginx_directive *directive) {
    return strcmp(directive->name, "location") == 0;
}

// The prefix of a location. NULL: it is for one path, is named, or has a regular expression.
static const char *prefix_of(const struct nginx_directive *location) {
    const char *first = nginx_argument(location, 0);
    if (strcmp(first, "^~") == 0) {
        return nginx_argument(location, 1);
    }
    return first[0] == '/' ? first : NULL;
}

// The location next to this one that serves paths with this beginning, or the block around them.
static struct nginx_directive *find_behind(const struct nginx_directive *location,
                                           const char *path) {
    struct nginx_directive *found = location->outer;
    size_t longest = 0;
    for (size_t i = 0; i < location->outer->inner_count; i++) {
        struct nginx_directive *other = location->outer->inner[i];
        const char *prefix = is_location(other) ? prefix_of(other) : NULL;
        size_t size = prefix == NULL ? 0 : strlen(prefix);
        if (size > longest && strncmp(path, prefix, size) == 0) {
            found = other;
            longest = size;
        }
    }
    return found;
}

// Whether a location lets in requests that another one does not.
static bool lets_in_more(struct import *import, struct nginx_directive *location,
                         struct nginx_directive *other) {
    struct nginx_directive *access = import_access_level(other);
    return (import_asks_password(other) && !import_asks_password(location)) ||
           (import_asks_server(other) && !import_asks_server(location)) ||
           (access != NULL && access != import_access_level(location)) ||
           (import_closes(import, other) != NULL && import_closes(import, location) == NULL);
}

// Whether a route for all paths that begin with this one would send clients in a circle, as with
// "location = /a { return 301 /a/; }" if no location serves /a/.
static bool goes_round(struct import *import, struct nginx_directive *location, const char *path) {
    const struct nginx_directive *answer = nginx_find(location, "return");
    struct import_redirect redirect;
    if (answer == NULL || !import_redirect(import, answer, &redirect) || redirect.to_https) {
        return false;
    }
    const char *to = strstr(redirect.url, "://");
    to = to == NULL ? redirect.url : strchr(to + 3, '/');
    if (to == NULL || strncmp(to, path, strlen(path)) != 0) {
        return false;
    }
    const struct nginx_directive *next = find_behind(location, to);
    const char *prefix = next == location->outer ? NULL : prefix_of(next);
    return prefix == NULL || strlen(prefix) <= strlen(path);
}

// Whether a location sends another path to its server.
static bool changes_path(struct import *import, struct nginx_directive *location,
                         const char *path) {
    struct nginx_directive *pass = nginx_find(location, "proxy_pass");
    struct import_target target;
    return nginx_find(location, "rewrite") != NULL ||
           (pass != NULL && import_read_target(import, pass, &target) == NULL &&
            target.path[0] != '\0' && strcmp(target.path, path) != 0);
}

// A location of one path. A route serves all paths that begin so.
static void import_exact(struct import *import, struct nginx_directive *location,
                         const char *path) {
    struct nginx_directive *behind = find_behind(location, path);
    const char *prefix = behind == location->outer ? NULL : prefix_of(behind);
    bool has_pass = nginx_find(location, "proxy_pass") != NULL;
    if (prefix != NULL && strcmp(prefix, path) == 0) {
        import_note(import, location,
                    "there are no routes for one path only; that of all paths that begin so "
                    "serves it");
    } else if (strcmp(path, "/") == 0 && has_pass) {
        import_note(import, location,
                    "there are no routes for one path only, and the others were not for the "
                    "server; write route / by hand");
    } else if (has_pass && lets_in_more(import, location, behind)) {
        import_note(import, location,
                    "there are no routes for one path only, and the paths behind this one are "
                    "restricted, so it is, too");
    } else if (!lets_in_more(import, behind, location) &&
               (goes_round(import, location, path) ||
                (has_pass && changes_path(import, location, path)))) {
        import_note(import, location,
                    "there are no routes for one path only, and this one would take those behind "
                    "it away; the route of those serves it");
    } else {
        import_route(import, location, path);
        import_note(import, location, "the route serves all paths that begin so");
    }
}

// In nginx, a regular expression wins over the longest prefix.
static bool is_shut(const struct import *import, const char *prefix) {
    for (size_t i = 0; i < import->shut_count; i++) {
        if (strncmp(prefix, import->shut[i], strlen(import->shut[i])) == 0) {
            return true;
        }
    }
    return false;
}

static void import_location(struct import *import, struct nginx_directive *location) {
    const char *first = nginx_argument(location, 0);
    const char *second = nginx_argument(location, 1);
    if (first[0] == '@') {
        return; // see note_named()
    }
    if (strcmp(first, "=") == 0) {
        import_exact(import, location, second);
    } else if (strcmp(first, "^~") == 0) {
        import_route(import, location, second);
    } else if (is_shut(import, first)) {
        import_note(import, location,
                    "a regular expression restricts these paths; its route serves them");
    } else {
        import_route(import, location, first);
    }
}

static void import_each(struct import *import, struct nginx_directive *block, bool regex) {
    for (size_t i = 0; i < block->inner_count; i++) {
        struct nginx_directive *inner = block->inner[i];
        if (!is_location(inner)) {
            continue;
        }
        import_each(import, inner, regex);
        if (regex != (nginx_argument(inner, 0)[0] == '~')) {
            continue;
        }
        (regex ? import_regex : import_location)(import, inner);
    }
}

// --- Rewrites ---

static bool strips(const struct nginx_directive *rewrite, const char *prefix) {
    static const struct {
        const char *tail, *to;
    } forms[] = {{"/(.*)", "/$1"},   {"/(.*)$", "/$1"}, {"/?(.*)", "/$1"},
                 {"/?(.*)$", "/$1"}, {"(/.*)", "$1"},   {"(/.*)$", "$1"}};
    const char *pattern = nginx_argument(rewrite, 0);
    const char *to = nginx_argument(rewrite, 1);
    size_t size = strlen(prefix) - 1; // without the slash at the end
    bool fits = pattern[0] == '^' && strncmp(pattern + 1, prefix, size) == 0;
    bool found = false;
    for (size_t i = 0; fits && i < COUNT(forms); i++) {
        found |= strcmp(pattern + 1 + size, forms[i].tail) == 0 && strcmp(to, forms[i].to) == 0;
    }
    return found && prefix[size] == '/' && strcmp(nginx_argument(rewrite, 2), "break") == 0;
}

// Whether a rewrite changes every path that begins with the prefix.
static bool moves_all(struct import *import, const struct nginx_directive *rewrite,
                      const char *prefix) {
    const char *flag = nginx_argument(rewrite, 2);
    const char *c = nginx_argument(rewrite, 0);
    c += c[0] == '^';
    char *head = nginx_alloc(&import->tree, strlen(c) + 1);
    size_t size = copy_literal(&c, head);
    bool is_inside = strcmp(flag, "redirect") != 0 && strcmp(flag, "permanent") != 0;
    bool goes_on = strncmp(c, "(.*)", 4) == 0 || strncmp(c, ".*", 2) == 0 ||
                   strncmp(c, "(/.*)", 5) == 0 || strncmp(c, "/?(.*)", 6) == 0;
    return is_inside && goes_on && size <= strlen(prefix) && strncmp(head, prefix, size) == 0;
}

// "rewrite ^/a/(.*)$ /b/$1 permanent;" of a server becomes a route with redirect-rest.
static void import_moved(struct import *import, struct nginx_directive *rewrite) {
    const char *pattern = nginx_argument(rewrite, 0);
    const char *to = nginx_argument(rewrite, 1);
    const char *flag = nginx_argument(rewrite, 2);
    const char *c = pattern + (pattern[0] == '^');
    char *prefix = nginx_alloc(&import->tree, strlen(c) + 1);
    size_t size = copy_literal(&c, prefix);
    size_t to_size = strlen(to);
    bool is_permanent = strcmp(flag, "permanent") == 0;
    bool fits = pattern[0] == '^' && (strcmp(c, "(.*)$") == 0 || strcmp(c, "(.*)") == 0) &&
                size > 1 && prefix[size - 1] == '/' && to_size > 3 && to[0] == '/' &&
                to[1] != '/' && strcmp(to + to_size - 3, "/$1") == 0;
    const char *url = nginx_format(&import->tree, "%.*s", (int)to_size - 2, fits ? to : "/$1");
    if (!fits || import_has_variable(url) || !import_can_quote(url) ||
        (!is_permanent && strcmp(flag, "redirect") != 0) ||
        !import_begin_route(import, rewrite, prefix)) {
        return;
    }
    (void)fputs("        redirect = ", import->sites);
    (void)import_quote(import->sites, url);
    (void)fprintf(import->sites, " redirect-rest = yes redirect-status = %d\n    }\n",
                  is_permanent ? 301 : 302);
    rewrite->is_done = true;
}

enum import_rewrite import_rewrite(struct import *import, struct nginx_directive *block,
                                   const char *prefix) {
    enum import_rewrite found = REWRITE_NONE;
    for (size_t i = 0; i < block->inner_count; i++) {
        struct nginx_directive *rewrite = block->inner[i];
        if (strcmp(rewrite->name, "rewrite") != 0) {
            continue;
        }
        if (found == REWRITE_NONE && strips(rewrite, prefix)) {
            rewrite->is_done = true;
            found = REWRITE_STRIPS;
        } else if (moves_all(import, rewrite, prefix)) {
            return REWRITE_MOVES;
        }
    }
    return found;
}

// --- Sites ---

// Named locations that are no login page.
static void note_named(struct import *import, struct nginx_directive *server) {
    for (size_t i = 0; i < server->inner_count; i++) {
        struct nginx_directive *location = server->inner[i];
        if (is_location(location) && nginx_argument(location, 0)[0] == '@' && !location->is_done) {
            import_note(import, location, "there are no named locations");
        }
    }
}

// In nginx, a `return` of the server answers before any location is chosen.
static void note_unreached(struct import *import, struct nginx_directive *server) {
    for (size_t i = 0; i < server->inner_count; i++) {
        struct nginx_directive *location = server->inner[i];
        if (is_location(location)) {
            import_note(import, location, "the 'return' of the server answers all requests");
            import_done_inside(location);
        }
    }
}

void import_locations(struct import *import, struct nginx_directive *server) {
    import->shut_count = 0;
    if (nginx_find(server, "return") != NULL) {
        note_unreached(import, server);
        import_whole_server(import, server);
        return;
    }
    import_each(import, server, true);
    for (size_t i = 0; i < server->inner_count; i++) {
        if (strcmp(server->inner[i]->name, "rewrite") == 0) {
            import_moved(import, server->inner[i]);
        }
    }
    import_each(import, server, false);
    import_whole_server(import, server);
    note_named(import, server);
}
