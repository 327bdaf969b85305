#include "config/field.h"
#include "import/nginx_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { DAY_MS = 86400000 };

static struct nginx_directive *find_upstream(struct import *import, const char *name) {
    struct nginx_directive *http = nginx_find(&import->tree.root, "http");
    const struct nginx_directive *blocks[] = {http, &import->tree.root};
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; blocks[i] != NULL && j < blocks[i]->inner_count; j++) {
            struct nginx_directive *inner = blocks[i]->inner[j];
            if (strcmp(inner->name, "upstream") == 0 &&
                strcmp(nginx_argument(inner, 0), name) == 0) {
                return inner;
            }
        }
    }
    return NULL;
}

// --- Names ---

static bool is_taken(const struct import *import, const char *name) {
    for (size_t i = 0; i < import->backend_count; i++) {
        if (import->backends[i].name != NULL && strcmp(import->backends[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

// A name of allowed letters that no other backend has.
static const char *make_name(struct import *import, const char *target) {
    char name[49];
    size_t size = 0;
    for (const char *c = target; *c != '\0' && size < sizeof(name) - 1; c++) {
        bool is_plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                        (*c >= '0' && *c <= '9') || strchr("._-", *c) != NULL;
        name[size++] = is_plain ? *c : '-';
    }
    name[size] = '\0';
    const char *unique = nginx_format(&import->tree, "%s", name);
    for (unsigned i = 2; is_taken(import, unique); i++) {
        unique = nginx_format(&import->tree, "%s-%u", name, i);
    }
    return unique;
}

// --- Servers ---

// Writes the options of a server, such as "weight=5". False: the server cannot be used.
static bool write_options(struct import *import, struct nginx_directive *server) {
    uint64_t number;
    for (size_t i = 1; i < server->argument_count; i++) {
        const char *option = server->arguments[i];
        if (strncmp(option, "weight=", 7) == 0 && import_number(option + 7, &number) &&
            number >= 1 && number <= 256) {
            (void)fprintf(import->servers, " weight = %" PRIu64, number);
        } else if (strncmp(option, "max_conns=", 10) == 0 && import_number(option + 10, &number) &&
                   number <= 1000000) {
            if (number > 0) {
                (void)fprintf(import->servers, " max-connections = %" PRIu64, number);
            }
        } else if (strcmp(option, "backup") == 0) {
            (void)fputs(" backup = yes", import->servers);
        } else if (strncmp(option, "max_fails=", 10) != 0 &&
                   strncmp(option, "fail_timeout=", 13) != 0) {
            import_note(import, server, nginx_format(&import->tree, "without %s", option));
        }
    }
    return true;
}

bool import_is_down(const struct nginx_directive *server) {
    for (size_t i = 1; i < server->argument_count; i++) {
        if (strcmp(server->arguments[i], "down") == 0) {
            return true;
        }
    }
    return false;
}

static bool write_server(struct import *import, struct nginx_directive *server) {
    const char *address = import_server_address(import, nginx_argument(server, 0));
    server->is_done = true;
    if (address == NULL) {
        import_note(import, server, "no address or DNS name of a server");
        return false;
    }
    if (import_is_down(server)) {
        import_note(import, server, "it is down");
        return false;
    }
    (void)fputs("    server ", import->servers);
    (void)import_quote(import->servers, address);
    (void)fputs(" {", import->servers);
    (void)write_options(import, server);
    (void)fputs(" }\n", import->servers);
    return true;
}

// The value of balance, and of hash-by, for a directive of an upstream. NULL: another directive.
static const char *balance_of(struct import *import, const struct nginx_directive *directive) {
    const char *key = nginx_argument(directive, 0);
    if (strcmp(directive->name, "least_conn") == 0) {
        return "least-connections";
    }
    if (strcmp(directive->name, "random") == 0) {
        return "random-two";
    }
    if (strcmp(directive->name, "ip_hash") == 0 ||
        (strcmp(directive->name, "hash") == 0 &&
         (strcmp(key, "$remote_addr") == 0 || strcmp(key, "$binary_remote_addr") == 0))) {
        return "hash hash-by = client";
    }
    if (strcmp(directive->name, "hash") == 0 &&
        (strcmp(key, "$request_uri") == 0 || strcmp(key, "$uri") == 0)) {
        return "hash hash-by = path";
    }
    if (strcmp(directive->name, "hash") == 0 && strncmp(key, "$cookie_", 8) == 0 &&
        field_check_token(slice_from(key + 8)) == NULL) {
        return nginx_format(&import->tree, "hash hash-by = \"cookie %s\"", key + 8);
    }
    return NULL;
}

// Returns how many servers can be used.
static size_t write_upstream(struct import *import, struct nginx_directive *upstream) {
    size_t usable = 0;
    upstream->is_done = true;
    for (size_t i = 0; i < upstream->inner_count; i++) {
        struct nginx_directive *inner = upstream->inner[i];
        const char *balance = balance_of(import, inner);
        if (strcmp(inner->name, "server") == 0) {
            usable += write_server(import, inner);
        } else if (balance != NULL) {
            (void)fprintf(import->servers, "    balance = %s\n", balance);
            inner->is_done = true;
        }
    }
    import_failures(import, upstream);
    return usable;
}

// --- Backends ---

static const char *timeout(struct import *import, struct nginx_directive *block, const char *name,
                           const char *initial) {
    struct nginx_directive *level = import_inherit(block, name);
    const char *text =
        level == NULL
            ? NULL
            : import_time(import, nginx_argument(nginx_find(level, name), 0), 100, DAY_MS);
    return text == NULL || strcmp(text, initial) == 0 ? "" : text;
}

static const struct import_backend *find(const struct import *import,
                                         const struct import_backend *wanted) {
    for (size_t i = 0; i < import->backend_count; i++) {
        const struct import_backend *backend = &import->backends[i];
        if (strcmp(backend->target, wanted->target) == 0 &&
            strcmp(backend->read_timeout, wanted->read_timeout) == 0 &&
            strcmp(backend->connect_timeout, wanted->connect_timeout) == 0 &&
            strcmp(backend->retries, wanted->retries) == 0) {
            return backend;
        }
    }
    return NULL;
}

static size_t write_single(struct import *import, struct nginx_directive *pass,
                           const char *target) {
    const char *address = import_server_address(import, target);
    if (address == NULL) {
        import_note(import, pass, "no address or DNS name of a server");
        return 0;
    }
    (void)fputs("    server ", import->servers);
    (void)import_quote(import->servers, address);
    (void)fputs(" {}\n", import->servers);
    return 1;
}

const struct import_backend *import_backend(struct import *import, struct nginx_directive *pass,
                                            const char *target) {
    struct nginx_directive *upstream = find_upstream(import, target);
    const char *retries = import_retries(import, pass->outer);
    struct import_backend wanted = {
        .retries = upstream == NULL ? "" : retries, // one server: there is no other
        .target = target,
        .read_timeout = timeout(import, pass->outer, "proxy_read_timeout", "60s"),
        .connect_timeout = timeout(import, pass->outer, "proxy_connect_timeout", "2s")};
    const struct import_backend *known = find(import, &wanted);
    if (known != NULL) {
        return known;
    }
    wanted.name = make_name(import, target);
    struct import_backend *backend = import_add(import, &import->backends, &import->backend_count,
                                                &import->backend_capacity, sizeof(*backend));
    *backend = wanted;
    char *text = NULL;
    size_t size = 0;
    FILE *whole = import->servers;
    import->servers = open_memstream(&text, &size);
    if (import->servers == NULL) {
        import->servers = whole;
        backend->is_empty = true;
        return backend;
    }
    backend->is_empty = (upstream != NULL ? write_upstream(import, upstream)
                                          : write_single(import, pass, target)) == 0;
    (void)fputs(wanted.retries, import->servers);
    if (wanted.read_timeout[0] != '\0') {
        (void)fprintf(import->servers, "    response-timeout = %s\n", wanted.read_timeout);
    }
    if (wanted.connect_timeout[0] != '\0') {
        (void)fprintf(import->servers, "    connect-timeout = %s\n", wanted.connect_timeout);
    }
    (void)fclose(import->servers);
    import->servers = whole;
    if (!backend->is_empty) {
        (void)fprintf(whole, "\nbackend %s {\n%s}\n", backend->name, text);
    }
    free(text);
    return backend;
}
