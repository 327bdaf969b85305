#include "import/nginx_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// --- What restricts access ---

static bool is_off(const struct nginx_directive *directive) {
    return strcmp(nginx_argument(directive, 0), "off") == 0;
}

// Whether an `if` refuses requests. One that only redirects or sets variables does not.
static bool refuses(const struct nginx_directive *directive) {
    for (size_t i = 0; i < directive->inner_count; i++) {
        const struct nginx_directive *inner = directive->inner[i];
        const char *status = nginx_argument(inner, 0);
        if (strcmp(inner->name, "deny") == 0 ||
            (strcmp(inner->name, "return") == 0 && status[0] == '4')) {
            return true;
        }
    }
    return false;
}

const char *import_closes(struct import *import, struct nginx_directive *block) {
    static const char *const inherited[] = {"auth_jwt", "secure_link",        "access_by_lua_block",
                                            "auth_pam", "access_by_lua_file", "auth_ldap",
                                            "js_access"};
    static const char *const own[] = {"internal", "limit_except", "valid_referers"};
    const struct nginx_directive *satisfy = import_found(block, "satisfy");
    if (import_login_is_lost(block)) {
        return "auth_basic";
    }
    if (import_authorize_is_lost(import, block)) {
        return "auth_request";
    }
    if (satisfy != NULL && strcmp(nginx_argument(satisfy, 0), "all") != 0) {
        return "satisfy";
    }
    for (size_t i = 0; i < COUNT(inherited); i++) {
        struct nginx_directive *level = nginx_level(block, inherited[i]);
        if (level != NULL && !is_off(nginx_find(level, inherited[i]))) {
            return inherited[i];
        }
    }
    for (struct nginx_directive *level = block; level != NULL; level = level->outer) {
        for (size_t i = 0; i < COUNT(own); i++) {
            if (nginx_find(level, own[i]) != NULL) {
                return own[i];
            }
        }
        for (size_t i = 0; i < level->inner_count; i++) {
            if (strcmp(level->inner[i]->name, "if") == 0 && refuses(level->inner[i])) {
                return "if";
            }
        }
    }
    return NULL;
}

// --- allow and deny ---

struct access {
    const char **allow, **deny; // as long as the block has directives, in memory of the tree
    size_t allow_count, deny_count;
    bool denies_all;
};

static bool is_all(const char *text) {
    return strcmp(text, "all") == 0;
}

// In nginx, the first rule that matches decides. In Ravelin, deny wins over allow, which can only
// be stricter.
static void read_access(struct import *import, struct nginx_directive *level,
                        struct access *access) {
    size_t size = level == NULL ? 0 : level->inner_count * sizeof(*access->allow);
    *access = (struct access){.allow = nginx_alloc(&import->tree, size),
                              .deny = nginx_alloc(&import->tree, size)};
    for (size_t i = 0; level != NULL && i < level->inner_count; i++) {
        struct nginx_directive *rule = level->inner[i];
        const char *who = nginx_argument(rule, 0);
        bool allows = strcmp(rule->name, "allow") == 0;
        if (!allows && strcmp(rule->name, "deny") != 0) {
            continue;
        }
        bool is_told = rule->is_done;
        rule->is_done = true;
        if (is_all(who)) {
            access->denies_all = !allows;
            return;
        }
        if (!import_is_network(who)) {
            if (!is_told && strcmp(who, "unix:") != 0) {
                import_note(import, rule, "not a network or an IP address");
            }
            continue;
        }
        *(allows ? &access->allow[access->allow_count++] : &access->deny[access->deny_count++]) =
            who;
    }
}

struct nginx_directive *import_access_level(struct nginx_directive *block) {
    while (block != NULL && nginx_find(block, "allow") == NULL &&
           nginx_find(block, "deny") == NULL) {
        block = block->outer;
    }
    return block;
}

static void write_list(FILE *out, const char *name, const char *const *items, size_t count) {
    if (count == 0) {
        return;
    }
    (void)fprintf(out, "        %s = {", name);
    for (size_t i = 0; i < count; i++) {
        (void)fprintf(out, "%s%s", i == 0 ? "" : ", ", items[i]);
    }
    (void)fputs("}\n", out);
}

// --- Headers ---

struct list {
    FILE *out;
    const char *name; // of the option
    size_t count;
};

static void list_add(struct list *list, const char *format_name, const char *value) {
    (void)fprintf(list->out, list->count++ == 0 ? "            %s = {" : ", ", list->name);
    const char *separator = value == NULL ? "" : ": ";
    (void)fprintf(list->out, "\"%s%s", format_name, separator);
    for (const char *c = value == NULL ? "" : value; *c != '\0'; c++) {
        (void)fprintf(list->out, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
    }
    (void)fputc('"', list->out);
}

static void list_end(const struct list *list) {
    if (list->count > 0) {
        (void)fputs("}\n", list->out);
    }
}

static bool is_one_of(const char *name, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool import_is_set_anyway(const char *name) {
    static const char *const names[] = {"Host",
                                        "Connection",
                                        "Upgrade",
                                        "X-Forwarded-For",
                                        "X-Forwarded-Proto",
                                        "X-Forwarded-Host",
                                        "Forwarded",
                                        "X-Forwarded-Server",
                                        "Proxy",
                                        "Early-Data",
                                        "X-Forwarded-Scheme",
                                        "X-Scheme"};
    return is_one_of(name, names, COUNT(names));
}

// Why a header needs no option in a route, or has one already.
static bool is_settled(struct nginx_directive *block, const struct nginx_directive *header) {
    bool is_request = strcmp(header->name, "proxy_set_header") == 0;
    return import_is_copied(block, header) ||
           (is_request && (import_is_set_anyway(nginx_argument(header, 0)) ||
                           import_is_clients_own(header) || header == import_user_header(block)));
}

static void note_header(struct import *import, struct nginx_directive *header) {
    bool is_request = strcmp(header->name, "proxy_set_header") == 0;
    if (header->is_done) {
        return;
    }
    if (strcasecmp(nginx_argument(header, 0), "X-Real-IP") == 0) {
        import_note(import, header, "the servers find the client in X-Forwarded-For");
    } else {
        import_note(import, header,
                    is_request ? "Ravelin cannot set this value; it removes that of the client"
                               : "Ravelin cannot set this value");
    }
}

// A server trusts a header that nginx has set, so the client's header must not reach it.
static bool is_removed(const struct nginx_directive *header) {
    const char *name = nginx_argument(header, 0);
    const char *value = nginx_argument(header, 1);
    bool is_request = strcmp(header->name, "proxy_set_header") == 0;
    bool is_kept = is_request && value[0] != '\0' &&
                   (import_is_field(name, value) || strcasecmp(name, "X-Real-IP") == 0);
    return !is_kept && import_is_field(name, "x");
}

// Writes the headers of a level as set-header, or as remove-header if `removes`.
static void write_headers(struct import *import, struct nginx_directive *block, const char *name,
                          struct list *list, bool removes) {
    struct nginx_directive *level = nginx_level(block, name);
    for (size_t i = 0; level != NULL && i < level->inner_count; i++) {
        struct nginx_directive *header = level->inner[i];
        const char *field = nginx_argument(header, 0);
        const char *value = nginx_argument(header, 1);
        if (strcmp(header->name, name) != 0) {
            continue;
        }
        if (is_settled(block, header)) {
            header->is_done = true;
        } else if (removes && is_removed(header)) {
            list_add(list, field, NULL);
            header->is_done = true;
        } else if (!removes && import_is_field(field, value)) {
            list_add(list, field, value);
            header->is_done = true;
        } else if (!removes && value[0] != '\0') {
            note_header(import, header);
        }
    }
}

static void write_section(struct import *import, const char *section, const char *set,
                          const char *remove, struct nginx_directive *block) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return;
    }
    struct list sets = {out, "set-header", 0};
    write_headers(import, block, set, &sets, false);
    list_end(&sets);
    struct list removes = {out, "remove-header", 0};
    write_headers(import, block, remove, &removes, true);
    list_end(&removes);
    (void)fclose(out);
    if (size > 0) {
        (void)fprintf(import->sites, "        %s {\n%s        }\n", section, text);
    }
    free(text);
}

// --- Limits ---

static void write_body_size(struct import *import, struct nginx_directive *block) {
    struct nginx_directive *level = import_inherit(block, "client_max_body_size");
    uint64_t size = NGINX_BODY_SIZE;
    if (level != NULL &&
        !import_size(nginx_argument(nginx_find(level, "client_max_body_size"), 0), &size)) {
        return;
    }
    size = size > BODY_SIZE_MAX ? 0 : size;
    if (size == import->body_size) { // without limits, or as in the section
        return;
    }
    (void)fprintf(import->sites, "        body-size = %s\n", import_size_text(import, size));
}

// The argument "NAME=value" of a directive, or NULL.
static const char *named(const struct nginx_directive *directive, const char *name) {
    size_t size = strlen(name);
    for (size_t i = 0; i < directive->argument_count; i++) {
        if (strncmp(directive->arguments[i], name, size) == 0) {
            return directive->arguments[i] + size;
        }
    }
    return NULL;
}

static struct nginx_directive *find_zone(struct nginx_directive *block, const char *zone) {
    for (; block != NULL; block = block->outer) {
        for (size_t i = 0; i < block->inner_count; i++) {
            struct nginx_directive *inner = block->inner[i];
            const char *name = named(inner, "zone=");
            size_t size = name == NULL ? 0 : strcspn(name, ":");
            if (strcmp(inner->name, "limit_req_zone") == 0 && size > 0 && strlen(zone) == size &&
                strncmp(name, zone, size) == 0) {
                return inner;
            }
        }
    }
    return NULL;
}

// Requests a second, from "10r/s" or "30r/m". 0: neither.
static uint64_t read_rate(const char *text) {
    uint64_t number = 0;
    size_t digits = strspn(text, "0123456789");
    for (size_t i = 0; i < digits && i < 7; i++) {
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    bool is_minute = strcmp(text + digits, "r/m") == 0;
    if (digits > 7 || (!is_minute && strcmp(text + digits, "r/s") != 0)) {
        return 0;
    }
    return is_minute ? number / 60 : number;
}

static void write_rate(struct import *import, struct nginx_directive *block) {
    struct nginx_directive *level = import_inherit(block, "limit_req");
    struct nginx_directive *limit = level == NULL ? NULL : nginx_find(level, "limit_req");
    const char *zone_name = limit == NULL ? NULL : named(limit, "zone=");
    struct nginx_directive *zone = zone_name == NULL ? NULL : find_zone(limit->outer, zone_name);
    if (limit == NULL) {
        return;
    }
    const char *key = zone == NULL ? "" : nginx_argument(zone, 0);
    bool is_client = strcmp(key, "$binary_remote_addr") == 0 || strcmp(key, "$remote_addr") == 0;
    const char *rate_text = zone == NULL ? NULL : named(zone, "rate=");
    if (!is_client || rate_text == NULL) {
        import_note(import, limit, "rates are by the client's address here");
        return;
    }
    uint64_t rate = read_rate(rate_text);
    uint64_t burst = 0;
    const char *burst_text = named(limit, "burst=");
    if (burst_text != NULL) {
        (void)import_number(burst_text, &burst);
    }
    zone->is_done = true;
    if (rate == 0) {
        import_note(import, limit, "the slowest rate is one request a second");
    }
    rate = rate == 0 ? 1 : rate > 100000 ? 100000 : rate;
    burst = burst + 1 > 100000 ? 100000 : burst + 1;
    (void)fprintf(import->sites, "        rate = %" PRIu64 " burst = %" PRIu64 "\n", rate, burst);
}

// --- Routes ---

bool import_is_prefix(const char *text) {
    return text[0] == '/' && strpbrk(text, "?#%;\\ ") == NULL && strstr(text, "//") == NULL &&
           strstr(text, "/./") == NULL && strstr(text, "/../") == NULL && import_can_quote(text);
}

bool import_begin_route(struct import *import, struct nginx_directive *location,
                        const char *prefix) {
    for (size_t i = 0; i < import->prefix_count; i++) {
        if (strcmp(import->prefixes[i], prefix) == 0) {
            import_note(import, location, "another location has the same prefix");
            return false;
        }
    }
    if (!import_is_prefix(prefix)) {
        import_note(import, location, "a route cannot have this prefix");
        return false;
    }
    const char **place = import_add(import, &import->prefixes, &import->prefix_count,
                                    &import->prefix_capacity, sizeof(*place));
    *place = prefix;
    (void)fputs("    route ", import->sites);
    (void)import_quote(import->sites, prefix);
    (void)fprintf(import->sites, " { # %s:%d\n", location->file, location->line);
    return true;
}

void import_write_status(struct import *import, unsigned status, const char *why) {
    (void)fprintf(import->sites, "        return = %u%s%s\n", status, why[0] == '\0' ? "" : " # ",
                  why);
}

static void write_rules(struct import *import, struct nginx_directive *block) {
    struct access access;
    read_access(import, import_access_level(block), &access);
    write_list(import->sites, "allow", access.allow, access.denies_all ? access.allow_count : 0);
    write_list(import->sites, "deny", access.deny, access.deny_count);
    write_body_size(import, block);
    write_rate(import, block);
}

bool import_denies_everyone(struct import *import, struct nginx_directive *block) {
    struct access access;
    read_access(import, import_access_level(block), &access);
    return access.denies_all && access.allow_count == 0;
}

static void write_redirect(struct import *import, const struct import_redirect *redirect) {
    (void)fputs("        redirect = ", import->sites);
    (void)import_quote(import->sites, redirect->url);
    (void)fprintf(import->sites, " redirect-status = %u\n", redirect->status);
}

// A `return` that does not redirect.
static void write_return(struct import *import, struct nginx_directive *block,
                         struct nginx_directive *directive) {
    uint64_t status = 0;
    const char *text = nginx_argument(directive, 1);
    (void)import_number(nginx_argument(directive, 0), &status);
    if (status == 444) {
        import_note(import, directive, "it closed the connection without a response");
        import_write_status(import, 403, "");
        return;
    }
    if (status < 200 || status > 599 || import_has_variable(text)) {
        import_note(import, directive, "Ravelin cannot send this response");
        import_write_status(import, 503, "not translated");
        return;
    }
    import_write_status(import, (unsigned)status, "");
    directive->is_done = true;
    if (text[0] == '\0' || status == 204) {
        return;
    }
    struct nginx_directive *level = import_inherit(block, "default_type");
    const char *type =
        level == NULL ? "text/plain" : nginx_argument(nginx_find(level, "default_type"), 0);
    if (!import_can_quote(text)) {
        import_note(import, directive, "the text has more than one line: put it in a file");
        return;
    }
    (void)fputs("        text = ", import->sites);
    (void)import_quote(import->sites, text);
    (void)fputs(" type = ", import->sites);
    (void)import_quote(import->sites, type);
    (void)fputc('\n', import->sites);
}

// Writes the path for the server. False: a route cannot do this.
static bool write_path(struct import *import, struct nginx_directive *block, const char *prefix,
                       const char *path) {
    enum import_rewrite rewrite = import_rewrite(import, block, prefix);
    if (rewrite == REWRITE_MOVES) {
        return false;
    }
    if (rewrite == REWRITE_STRIPS) { // then the path of proxy_pass has no effect
        path = "/";
    }
    if (path[0] == '\0' || strcmp(path, prefix) == 0) {
        return true;
    }
    if (strcmp(path, "/") != 0 || prefix[strlen(prefix) - 1] != '/') {
        return false;
    }
    (void)fputs("        strip-prefix = yes\n", import->sites);
    return true;
}

const char *import_read_target(struct import *import, struct nginx_directive *pass,
                               struct import_target *target) {
    const char *text = nginx_argument(pass, 0);
    const char *url = import_expand(import, pass->outer, text);
    if (strncmp(url, "https://", 8) == 0) {
        return "servers receive plain HTTP; the connection to this one was encrypted";
    }
    if (strncmp(url, "http://", 7) != 0 || import_has_variable(url)) {
        return "the server depends on the request";
    }
    url += 7;
    size_t size = strncmp(url, "unix:", 5) == 0 ? 5 + strcspn(url + 5, ":") : strcspn(url, "/?");
    target->server = nginx_format(&import->tree, "%.*s", (int)size, url);
    target->path = url + size + (url[size] == ':');
    target->is_whole = import_has_variable(text);
    return NULL;
}

static void write_pass(struct import *import, struct nginx_directive *block,
                       struct nginx_directive *pass, const char *prefix) {
    struct import_target target;
    const char *why = import_read_target(import, pass, &target);
    pass->is_done = true;
    const struct import_backend *backend =
        why != NULL ? NULL : import_backend(import, pass, target.server);
    if (backend != NULL && backend->is_empty) {
        why = "no server of it can be used";
    } else if (backend != NULL && target.is_whole && target.path[0] != '\0') {
        why = "another path is put in place of that of the request";
    } else if (backend != NULL && !write_path(import, block, prefix, target.path)) {
        why = "another path is put in place of the prefix";
    }
    if (why != NULL || backend == NULL) {
        import_note(import, pass, why == NULL ? "out of memory" : why);
        import_write_status(import, 503, "not translated");
        return;
    }
    (void)fprintf(import->sites, "        backend = %s\n", backend->name);
    import_login(import, block);
    import_authorize(import, block);
    write_section(import, "request", "proxy_set_header", "proxy_set_header", block);
    write_section(import, "response", "add_header", "proxy_hide_header", block);
}

// Writes the action of a location, or of a server.
static void write_action(struct import *import, struct nginx_directive *block, const char *prefix) {
    struct nginx_directive *pass = nginx_find(block, "proxy_pass");
    const char *closed = import->closed != NULL ? import->closed : import_closes(import, block);
    struct import_redirect redirect;
    struct nginx_directive *answer = nginx_find(block, "return");
    answer = answer == NULL ? nginx_find(block, "rewrite") : answer;
    if (answer != NULL && import_redirect(import, answer, &redirect) && !redirect.to_https) {
        write_redirect(import, &redirect);
        answer->is_done = true;
    } else if (closed != NULL && strcmp(closed, "internal") == 0) {
        import_write_status(import, 404, "for subrequests of nginx alone");
        return;
    } else if (closed != NULL) {
        if (strcmp(block->name, "location") == 0) {
            import_done_inside(block);
        }
        import_write_status(import, 403,
                            nginx_format(&import->tree, "closed: '%s' has no counterpart", closed));
        return;
    } else if (import_denies_everyone(import, block)) {
        import_write_status(import, 403, "");
        return;
    } else if (answer != NULL && strcmp(answer->name, "return") == 0) {
        write_return(import, block, answer);
    } else if (pass != NULL) {
        write_pass(import, block, pass, prefix);
    } else {
        import_write_status(import, 404, "nginx served files, or another protocol");
    }
    write_rules(import, block);
}

void import_route(struct import *import, struct nginx_directive *block, const char *prefix) {
    if (import_begin_route(import, block, prefix)) {
        write_action(import, block, prefix);
        (void)fputs("    }\n", import->sites);
        block->is_done = true;
    }
}

void import_whole_server(struct import *import, struct nginx_directive *server) {
    bool was_done = server->is_done;
    for (size_t i = 0; i < import->prefix_count; i++) {
        if (strcmp(import->prefixes[i], "/") == 0) {
            return;
        }
    }
    import_route(import, server, "/");
    server->is_done = was_done;
}
