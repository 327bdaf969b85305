// Subrequests that decide: translates auth_request and auth_request_set to `authorize` of a route.
//
// A route is opened only if the server that decided in nginx decides here, too, and gets the same
// facts. Otherwise the route stays closed, and a note has the reason.
#include "import/nginx_internal.h"

#include "base/slice.h"
#include "config/field.h"

#include <ctype.h>
#include <regex.h>
#include <string.h>
#include <strings.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { HOUR_MS = 3600000 };

// The effective auth_request of a block. NULL: none, or it is off.
static struct nginx_directive *request_of(struct nginx_directive *block) {
    struct nginx_directive *found = import_found(block, "auth_request");
    return found == NULL || strcmp(nginx_argument(found, 0), "off") == 0 ? NULL : found;
}

bool import_asks_server(struct nginx_directive *block) {
    return request_of(block) != NULL;
}

// --- The location of the subrequest ---

struct search {
    const char *uri;
    struct nginx_directive *exact, *longest;
    size_t size;       // of the prefix of `longest`
    bool is_final;     // `longest` wins over regular expressions
    bool may_be_other; // a regular expression may match
};

// Whether a pattern of nginx may match; true if unknown.
static bool may_match(struct import *import, const char *pattern, bool ignores_case,
                      const char *uri) {
    char *plain = nginx_alloc(&import->tree, strlen(pattern) + 1);
    size_t size = 0;
    for (const char *c = pattern; *c != '\0'; c++) {
        if (c[0] == '\\' && isalnum((unsigned char)c[1])) {
            return true;
        }
        plain[size++] = *c;
        if (c[0] == '\\' && c[1] != '\0') {
            plain[size++] = *++c;
        } else if (strncmp(c, "(?:", 3) == 0) {
            c += 2;
        } else if (strncmp(c, "(?", 2) == 0) {
            return true;
        }
    }
    regex_t regex;
    if (regcomp(&regex, plain, REG_EXTENDED | REG_NOSUB | (ignores_case ? REG_ICASE : 0)) != 0) {
        return true;
    }
    bool matches = regexec(&regex, uri, 0, NULL, 0) == 0;
    regfree(&regex);
    return matches;
}

static void look_at(struct import *import, struct nginx_directive *location,
                    struct search *search) {
    const char *first = nginx_argument(location, 0);
    const char *second = nginx_argument(location, 1);
    if (strcmp(first, "=") == 0) {
        search->exact = strcmp(second, search->uri) == 0 ? location : search->exact;
    } else if (first[0] == '~') {
        bool ignores_case = first[1] == '*';
        const char *pattern = second[0] != '\0' ? second : first + 1 + ignores_case;
        search->may_be_other =
            search->may_be_other || may_match(import, pattern, ignores_case, search->uri);
    } else {
        bool is_final = strcmp(first, "^~") == 0;
        const char *prefix = is_final ? second : first;
        size_t size = strlen(prefix);
        if (size >= search->size && strncmp(search->uri, prefix, size) == 0) {
            search->longest = location;
            search->size = size;
            search->is_final = is_final;
        }
    }
}

static void look_in(struct import *import, struct nginx_directive *block, struct search *search) {
    for (size_t i = 0; i < block->inner_count; i++) {
        if (strcmp(block->inner[i]->name, "location") == 0) {
            look_at(import, block->inner[i], search);
            look_in(import, block->inner[i], search);
        }
    }
}

struct nginx_directive *import_serving(struct import *import, struct nginx_directive *server,
                                       const char *uri) {
    struct search search = {.uri = uri};
    look_in(import, server, &search);
    return search.exact != NULL                      ? search.exact
           : !search.is_final && search.may_be_other ? NULL
                                                     : search.longest;
}

// --- What the server is told ---

// Headers that Ravelin writes itself in the question, and the values with which nginx did the same.
static const struct {
    const char *name;
    const char *values[5];
} told[] = {
    {"X-Original-URL",
     {"$scheme://$host$request_uri", "$scheme://$http_host$request_uri",
      "https://$host$request_uri", "https://$http_host$request_uri"}},
    {"X-Original-URI", {"$request_uri"}},
    {"X-Original-Method", {"$request_method"}},
    {"X-Forwarded-Method", {"$request_method"}},
    {"X-Forwarded-Uri", {"$request_uri"}},
    {"Host", {"$host", "$http_host"}},
    {"X-Forwarded-Host", {"$host", "$http_host"}},
    {"X-Forwarded-Proto", {"$scheme", "https"}},
    {"X-Forwarded-For", {"$remote_addr", "$proxy_add_x_forwarded_for"}},
    {"X-Real-IP", {"$remote_addr"}},
    {"Content-Length", {""}},
    {"Content-Type", {""}},
};

// Headers that decide nothing.
static bool is_harmless(const char *name) {
    static const char *const names[] = {"Accept-Encoding",
                                        "Connection",
                                        "Early-Data",
                                        "Proxy",
                                        "Upgrade",
                                        "X-Auth-Request-Redirect",
                                        "X-Forwarded-Https",
                                        "X-Forwarded-Port",
                                        "X-Forwarded-Scheme",
                                        "X-Forwarded-Server",
                                        "X-Forwarded-Ssl",
                                        "X-Scheme",
                                        "X-Url-Scheme"};
    for (size_t i = 0; i < COUNT(names); i++) {
        if (strcasecmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_told(const struct nginx_directive *header) {
    const char *name = nginx_argument(header, 0);
    const char *value = nginx_argument(header, 1);
    for (size_t i = 0; i < COUNT(told); i++) {
        for (size_t j = 0; strcasecmp(name, told[i].name) == 0 && told[i].values[j] != NULL; j++) {
            if (strcmp(value, told[i].values[j]) == 0) {
                return true;
            }
        }
    }
    return is_harmless(name) || import_is_clients_own(header);
}

// The reason why the subrequest cannot be the same as in nginx. NULL: it can.
static const char *check_question(struct import *import, struct nginx_directive *location) {
    static const struct {
        const char *name, *value; // the one value that is as here; NULL: there is none
    } others[] = {{"rewrite", NULL},
                  {"return", NULL},
                  {"if", NULL},
                  {"try_files", NULL},
                  {"proxy_set_body", NULL},
                  {"proxy_method", "GET"},
                  {"proxy_pass_request_headers", "on"}};
    const struct nginx_directive *level = nginx_level(location, "proxy_set_header");
    for (size_t i = 0; i < COUNT(others); i++) {
        const struct nginx_directive *other = nginx_find(location, others[i].name);
        if (other != NULL && (others[i].value == NULL ||
                              strcasecmp(nginx_argument(other, 0), others[i].value) != 0)) {
            return nginx_format(&import->tree, "'%s' of the location it asks", others[i].name);
        }
    }
    for (size_t i = 0; level != NULL && i < level->inner_count; i++) {
        const struct nginx_directive *header = level->inner[i];
        if (strcmp(header->name, "proxy_set_header") == 0 && !is_told(header)) {
            return nginx_format(&import->tree,
                                "Ravelin cannot tell the server that decides '%s: %s'",
                                nginx_argument(header, 0), nginx_argument(header, 1));
        }
    }
    return NULL;
}

// --- The question ---

struct question {
    struct nginx_directive *location;
    const struct import_backend *backend;
    const char *path; // which the server is asked for
};

static bool is_path(const char *text) {
    return text[0] == '/' && import_can_quote(text) && strpbrk(text, " #$") == NULL &&
           strlen(text) <= 1024;
}

// Finds the server of the subrequest in nginx, and its request. Returns the reason why Ravelin
// cannot send the same; NULL: it can.
static const char *read_question(struct import *import, struct nginx_directive *request,
                                 struct nginx_directive *server, struct question *question) {
    struct search search = {.uri = nginx_argument(request, 0)};
    if (!is_path(search.uri) || strchr(search.uri, '?') != NULL) {
        return "its URI is not a plain path";
    }
    look_in(import, server, &search);
    struct nginx_directive *location = search.exact != NULL ? search.exact : search.longest;
    if (location == NULL) {
        return "no location serves its URI";
    }
    if (search.exact == NULL && !search.is_final && search.may_be_other) {
        return "a location with a regular expression may serve its URI";
    }
    struct nginx_directive *pass = nginx_find(location, "proxy_pass");
    struct import_target target;
    const char *why = pass == NULL ? "the location it asks has no proxy_pass"
                                   : import_read_target(import, pass, &target);
    why = why != NULL ? why : check_question(import, location);
    if (why != NULL) {
        return why;
    }
    size_t size = search.exact != NULL ? strlen(search.uri) : search.size;
    question->location = location;
    question->path = target.path[0] == '\0' ? search.uri
                     : target.is_whole
                         ? target.path
                         : nginx_format(&import->tree, "%s%s", target.path, search.uri + size);
    if (!is_path(question->path)) {
        return "the path it asks for cannot be written";
    }
    question->backend = import_backend(import, pass, target.server);
    return question->backend->is_empty ? "no server that decides can be used" : NULL;
}

struct nginx_directive *import_server_of(struct nginx_directive *block) {
    while (block->outer != NULL && strcmp(block->name, "server") != 0) {
        block = block->outer;
    }
    return block;
}

bool import_authorize_is_lost(struct import *import, struct nginx_directive *block) {
    struct nginx_directive *request = request_of(block);
    struct question question;
    const char *why =
        request == NULL ? NULL : read_question(import, request, import_server_of(block), &question);
    if (why != NULL) {
        import_note(import, request, why);
    }
    return why != NULL;
}

// --- What is copied ---

const char *import_copied_source(struct nginx_directive *block, const char *value) {
    static const char prefix[] = "$upstream_http_";
    const struct nginx_directive *level =
        request_of(block) == NULL ? NULL : nginx_level(block, "auth_request_set");
    const char *source = NULL;
    for (size_t i = 0; level != NULL && i < level->inner_count; i++) {
        const struct nginx_directive *set = level->inner[i];
        if (strcmp(set->name, "auth_request_set") == 0 &&
            strcmp(nginx_argument(set, 0), value) == 0) {
            source = nginx_argument(set, 1);
        }
    }
    return source != NULL && strncmp(source, prefix, sizeof(prefix) - 1) == 0
               ? source + sizeof(prefix) - 1
               : NULL;
}

// Whether a header of nginx is named so in its variables.
static bool is_variable_of(const char *variable, const char *name) {
    size_t i = 0;
    for (; name[i] != '\0' && variable[i] != '\0'; i++) {
        char c = name[i] == '-' ? '_' : (char)tolower((unsigned char)name[i]);
        if (c != variable[i]) {
            return false;
        }
    }
    return name[i] == variable[i];
}

bool import_is_clients_own(const struct nginx_directive *header) {
    const char *value = nginx_argument(header, 1);
    return strncmp(value, "$http_", 6) == 0 && is_variable_of(value + 6, nginx_argument(header, 0));
}

// Whether Ravelin does not copy a header of the response, because it describes the connection.
static bool is_of_connection(const char *variable) {
    static const char *const names[] = {"connection", "content_length",   "date",
                                        "keep_alive", "server",           "trailer",
                                        "upgrade",    "transfer_encoding"};
    bool found = false;
    for (size_t i = 0; i < COUNT(names); i++) {
        found = found || strcmp(variable, names[i]) == 0;
    }
    return found;
}

// Whether a directive before this one sets the same header. Ravelin copies one value.
static bool is_set_before(const struct nginx_directive *header) {
    const struct nginx_directive *level = header->outer;
    for (size_t i = 0; i < level->inner_count && level->inner[i] != header; i++) {
        if (strcmp(level->inner[i]->name, header->name) == 0 &&
            strcasecmp(nginx_argument(level->inner[i], 0), nginx_argument(header, 0)) == 0) {
            return true;
        }
    }
    return false;
}

bool import_is_copied(struct nginx_directive *block, const struct nginx_directive *header) {
    const char *source = import_copied_source(block, nginx_argument(header, 1));
    return source != NULL && field_check_token(slice_from(source)) == NULL &&
           !is_of_connection(source) && !is_set_before(header) &&
           field_check_copied(slice_from(nginx_argument(header, 0))) == NULL;
}

// Writes a copy: "X-User", or "\"Remote-User>X-User\"" if the names differ. The variable does not
// tell the case of the name in the response, which has no meaning.
static void write_copy(FILE *out, const char *variable, const char *name) {
    if (is_variable_of(variable, name)) {
        (void)fputs(name, out);
        return;
    }
    (void)fputc('"', out);
    for (const char *c = variable; *c != '\0'; c++) {
        bool begins = c == variable || c[-1] == '_';
        (void)fputc(*c == '_' ? '-' : begins ? toupper((unsigned char)*c) : *c, out);
    }
    (void)fprintf(out, ">%s\"", name);
}

// Writes the headers that directives of this name copy.
static void write_copied(struct import *import, struct nginx_directive *block,
                         const char *directive, const char *option) {
    struct nginx_directive *level = nginx_level(block, directive);
    size_t count = 0;
    for (size_t i = 0; level != NULL && i < level->inner_count; i++) {
        struct nginx_directive *header = level->inner[i];
        if (strcmp(header->name, directive) == 0 && import_is_copied(block, header)) {
            (void)fprintf(import->sites, count == 0 ? "            %s = {" : ", ", option);
            write_copy(import->sites, import_copied_source(block, nginx_argument(header, 1)),
                       nginx_argument(header, 0));
            header->is_done = true;
            count++;
        }
    }
    (void)fputs(count > 0 ? "}\n" : "", import->sites);
}

// --- What is different ---

// A server for several names answers by the host.
static void note_host(struct import *import, struct nginx_directive *request,
                      struct nginx_directive *location) {
    const struct nginx_directive *level = nginx_level(location, "proxy_set_header");
    for (size_t i = 0; level != NULL && i < level->inner_count; i++) {
        const struct nginx_directive *header = level->inner[i];
        if (strcmp(header->name, "proxy_set_header") == 0 &&
            strcasecmp(nginx_argument(header, 0), "Host") == 0) {
            return;
        }
    }
    import_note(import, request,
                "the server that decides gets the Host of the client; test that it still refuses");
}

void import_done_inside(struct nginx_directive *block) {
    for (size_t i = 0; i < block->inner_count; i++) {
        block->inner[i]->is_done = true;
        import_done_inside(block->inner[i]);
    }
}

void import_authorize(struct import *import, struct nginx_directive *block) {
    struct nginx_directive *request = request_of(block);
    struct question question;
    if (request == NULL ||
        read_question(import, request, import_server_of(block), &question) != NULL) {
        return; // import_authorize_is_lost() has closed the route
    }
    (void)fputs("        authorize ", import->sites);
    (void)import_quote(import->sites, question.path);
    (void)fprintf(import->sites, " { # %s:%d\n            backend = %s\n", request->file,
                  request->line, question.backend->name);
    write_copied(import, block, "proxy_set_header", "headers");
    write_copied(import, block, "add_header", "response-headers");
    const char *time = import_time(
        import, nginx_argument(import_found(question.location, "proxy_read_timeout"), 0), 100,
        HOUR_MS);
    if (time != NULL) {
        (void)fprintf(import->sites, "            timeout = %s\n", time);
    }
    import_login_page(import, block);
    (void)fputs("        }\n", import->sites);
    note_host(import, request, question.location);
    import_done_inside(question.location); // its server is asked by the authorize
    (void)import_inherit(block, "auth_request");
    (void)import_inherit(block, "auth_request_set");
}
