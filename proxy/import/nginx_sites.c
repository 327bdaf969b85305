#include "config/host.h"
#include "import/nginx_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool has_argument(const struct nginx_directive *directive, const char *word) {
    for (size_t i = 0; i < directive->argument_count; i++) {
        if (strcmp(directive->arguments[i], word) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_named(const struct nginx_directive *directive, const char *name) {
    return strcmp(directive->name, name) == 0;
}

bool import_has_tls(const struct nginx_directive *server) {
    const struct nginx_directive *ssl = nginx_find(server, "ssl");
    if (ssl != NULL && strcmp(nginx_argument(ssl, 0), "on") == 0) {
        return true;
    }
    for (size_t i = 0; i < server->inner_count; i++) {
        if (is_named(server->inner[i], "listen") && has_argument(server->inner[i], "ssl")) {
            return true;
        }
    }
    return false;
}

// --- Listeners ---

static struct import_listener *add_listener(struct import *import, struct nginx_directive *listen) {
    const char *address = import_listen_address(import, nginx_argument(listen, 0));
    listen->is_done = true;
    if (address == NULL) {
        import_note(import, listen, "Ravelin listens on IP addresses");
        return NULL;
    }
    for (size_t i = 0; i < import->listener_count; i++) {
        if (strcmp(import->listeners[i].address, address) == 0) {
            return &import->listeners[i];
        }
    }
    struct import_listener *listener =
        import_add(import, &import->listeners, &import->listener_count, &import->listener_capacity,
                   sizeof(*listener));
    listener->address = address;
    listener->proxy_protocol = has_argument(listen, "proxy_protocol");
    return listener;
}

static void add_tls_listeners(struct import *import, struct nginx_directive *server) {
    bool all = nginx_find(server, "ssl") != NULL;
    struct nginx_directive *level = import_inherit(server, "http2");
    bool http2 = level != NULL && strcmp(nginx_argument(nginx_find(level, "http2"), 0), "on") == 0;
    for (size_t i = 0; i < server->inner_count; i++) {
        struct nginx_directive *listen = server->inner[i];
        if (!is_named(listen, "listen")) {
            continue;
        }
        if (has_argument(listen, "quic")) {
            import_note(import, listen, "there is no HTTP/3");
            continue;
        }
        bool is_tls = all || has_argument(listen, "ssl");
        struct import_listener *listener = add_listener(import, listen);
        if (listener != NULL && is_tls) {
            listener->is_redirect = false;
            listener->http2 = listener->http2 || http2 || has_argument(listen, "http2");
        } else if (listener != NULL) {
            listener->is_redirect = true;
            import_note(import, listen, "plain HTTP is redirected to https");
        }
    }
}

// --- Names ---

static bool has_name(const struct import *import, const char *name) {
    for (size_t i = 0; i < import->name_count; i++) {
        if (strcmp(import->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

// Names of a server in Ravelin's syntax.
struct names {
    const char **items;
    size_t count, capacity;
    const char *main; // no pattern; NULL: there is none
};

static void add_item(struct import *import, struct names *names, const char *name) {
    const char **place =
        import_add(import, &names->items, &names->count, &names->capacity, sizeof(*place));
    *place = name;
}

static void add_name(struct import *import, struct names *names, const char *text) {
    char host[HOST_TEXT_SIZE];
    if (host_canonical(text, true, host) != NULL || has_name(import, host)) {
        return;
    }
    const char *name = nginx_format(&import->tree, "%s", host);
    add_item(import, names, name);
    const char **place = import_add(import, &import->names, &import->name_count,
                                    &import->name_capacity, sizeof(*place));
    *place = name;
    if (names->main == NULL && strchr(name, '*') == NULL) {
        names->main = name;
    }
}

static void read_names(struct import *import, struct nginx_directive *server, struct names *names,
                       bool is_default) {
    for (size_t i = 0; i < server->inner_count; i++) {
        struct nginx_directive *directive = server->inner[i];
        for (size_t j = 0; is_named(directive, "server_name") && j < directive->argument_count;
             j++) {
            const char *name = directive->arguments[j];
            char host[HOST_TEXT_SIZE];
            directive->is_done = true;
            if (name[0] == '.') {
                add_name(import, names, name + 1);
                add_name(import, names, nginx_format(&import->tree, "*%s", name));
            } else if (strcmp(name, "_") == 0 || name[0] == '\0') {
                is_default = true;
            } else if (host_canonical(name, true, host) != NULL) {
                import_note(import, directive,
                            nginx_format(&import->tree, "'%s' is no name of a site", name));
            } else if (has_name(import, host)) {
                import_note(import, directive,
                            nginx_format(&import->tree, "'%s' is the name of a site above", name));
            } else {
                add_name(import, names, name);
            }
        }
    }
    if (is_default && !import->has_any) {
        import->has_any = true;
        add_item(import, names, "*");
    }
}

// A site has a name that is no pattern: one that its patterns cover.
static void find_main(struct import *import, struct names *names) {
    for (size_t i = 0; names->main == NULL && i < names->count; i++) {
        const char *name = names->items[i];
        if (strncmp(name, "*.", 2) == 0) {
            names->main = nginx_format(&import->tree, "any%s", name + 1);
        }
    }
    if (names->main == NULL) {
        names->main = has_name(import, "default.invalid") ? NULL : "default.invalid";
    }
}

static void write_aliases(FILE *out, const struct names *names) {
    size_t count = 0;
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i], names->main) != 0) {
            (void)fprintf(out, "%s\"%s\"", count++ == 0 ? "    aliases = {" : ", ",
                          names->items[i]);
        }
    }
    (void)fputs(count > 0 ? "}\n" : "", out);
}

// --- Certificates ---

const char *import_absolute(struct import *import, const char *path) {
    return path[0] == '/' ? path : nginx_format(&import->tree, "%s/%s", import->tree.folder, path);
}

static void write_path(struct import *import, const char *option, const char *path) {
    (void)fprintf(import->sites, "    %s = ", option);
    (void)import_quote(import->sites, import_absolute(import, path));
    (void)fputc('\n', import->sites);
}

static bool is_file(const char *path) {
    return path[0] != '\0' && !import_has_variable(path) && strchr(path, ':') == NULL &&
           import_can_quote(path);
}

// The directive at this position among those with its name in a block; NULL: none.
static struct nginx_directive *find_at(const struct nginx_directive *block, const char *name,
                                       size_t index) {
    for (size_t i = 0; block != NULL && i < block->inner_count; i++) {
        if (is_named(block->inner[i], name) && index-- == 0) {
            return block->inner[i];
        }
    }
    return NULL;
}

// Returns how many certificates there are.
static size_t write_certificates(struct import *import, struct nginx_directive *server) {
    const struct nginx_directive *files = import_inherit(server, "ssl_certificate");
    const struct nginx_directive *keys = import_inherit(server, "ssl_certificate_key");
    const struct nginx_directive *staples = import_inherit(server, "ssl_stapling_file");
    size_t count = 0;
    struct nginx_directive *file;
    for (size_t i = 0; (file = find_at(files, "ssl_certificate", i)) != NULL; i++) {
        const char *path = nginx_argument(file, 0);
        const char *key = nginx_argument(find_at(keys, "ssl_certificate_key", i), 0);
        const char *staple = nginx_argument(find_at(staples, "ssl_stapling_file", i), 0);
        if (!is_file(path) || !is_file(key)) {
            import_note(import, file, "certificates and keys are in files here");
            continue;
        }
        (void)fputs("    certificate ", import->sites);
        (void)import_quote(import->sites, import_absolute(import, path));
        (void)fputs(" { key = ", import->sites);
        (void)import_quote(import->sites, import_absolute(import, key));
        if (is_file(staple)) {
            (void)fputs(" ocsp = ", import->sites);
            (void)import_quote(import->sites, import_absolute(import, staple));
        }
        (void)fputs(" }\n", import->sites);
        count++;
    }
    return count;
}

static void write_clients(struct import *import, struct nginx_directive *server) {
    struct nginx_directive *verify_level = import_inherit(server, "ssl_verify_client");
    struct nginx_directive *ca_level = import_inherit(server, "ssl_client_certificate");
    struct nginx_directive *crl_level = import_inherit(server, "ssl_crl");
    struct nginx_directive *verify =
        verify_level == NULL ? NULL : nginx_find(verify_level, "ssl_verify_client");
    const char *how = nginx_argument(verify, 0);
    const char *ca =
        ca_level == NULL ? "" : nginx_argument(nginx_find(ca_level, "ssl_client_certificate"), 0);
    if (strcmp(how, "on") != 0 && strcmp(how, "optional") != 0) {
        if (strcmp(how, "optional_no_ca") == 0) {
            import->closed = "ssl_verify_client optional_no_ca";
        }
        return;
    }
    if (!is_file(ca)) {
        import->closed = "ssl_verify_client without ssl_client_certificate";
        return;
    }
    write_path(import, "client-ca", ca);
    (void)fprintf(import->sites, "    client-certificate = %s\n",
                  strcmp(how, "on") == 0 ? "required" : "optional");
    if (crl_level != NULL) {
        write_path(import, "client-crl", nginx_argument(nginx_find(crl_level, "ssl_crl"), 0));
    }
}

// Writes Strict-Transport-Security as in nginx. Without it, Ravelin's default would be new.
static void write_hsts(struct import *import, struct nginx_directive *server) {
    const struct nginx_directive *level = nginx_level(server, "add_header");
    for (size_t i = 0; level != NULL && i < level->inner_count; i++) {
        const struct nginx_directive *header = level->inner[i];
        if (is_named(header, "add_header") &&
            strcasecmp(nginx_argument(header, 0), "Strict-Transport-Security") == 0) {
            const char *age = strstr(nginx_argument(header, 1), "max-age=");
            unsigned long seconds = age == NULL ? 0 : strtoul(age + 8, NULL, 10);
            (void)fprintf(import->sites, "    hsts = %lus\n",
                          seconds > 63072000 ? 63072000 : seconds);
            return;
        }
    }
    (void)fputs("    hsts = 0 # nginx sent none; remove this line if all of the host is https\n",
                import->sites);
}

// --- Sites ---

void import_server(struct import *import, struct nginx_directive *server, bool is_default) {
    struct names names = {.count = 0};
    const struct nginx_directive *reject = nginx_level(server, "ssl_reject_handshake");
    server->is_done = true;
    if (reject != NULL &&
        strcmp(nginx_argument(nginx_find(reject, "ssl_reject_handshake"), 0), "on") == 0) {
        import->refuses_unknown_names = true;
        add_tls_listeners(import, server);
        (void)import_inherit(server, "ssl_reject_handshake");
        (void)import_inherit(server, "server_name");
        return;
    }
    read_names(import, server, &names, is_default);
    find_main(import, &names);
    if (names.main == NULL || names.count == 0) {
        import_note(import, server, "its names are those of sites above");
        return;
    }
    add_tls_listeners(import, server);
    import->prefix_count = 0;
    import->closed = NULL;
    (void)fprintf(import->sites, "\nsite \"%s\" { # %s:%d\n", names.main, server->file,
                  server->line);
    write_aliases(import->sites, &names);
    if (write_certificates(import, server) == 0) {
        (void)fputs("    # nginx has no certificate here that Ravelin can use\n", import->sites);
    }
    write_clients(import, server);
    write_hsts(import, server);
    import_locations(import, server);
    (void)fputs("}\n", import->sites);
}

// --- Plain HTTP ---

static const char *find_challenges(struct import *import, struct nginx_directive *server) {
    for (size_t i = 0; i < server->inner_count; i++) {
        struct nginx_directive *location = server->inner[i];
        const char *path = nginx_argument(location, location->argument_count - 1);
        if (is_named(location, "location") && location->argument_count > 0 &&
            strncmp(path, "/.well-known/acme-challenge", 27) == 0) {
            const struct nginx_directive *level = nginx_level(location, "root");
            const char *root = level == NULL ? "" : nginx_argument(nginx_find(level, "root"), 0);
            if (is_file(root)) {
                location->is_done = true;
                return import_absolute(import, root);
            }
        }
    }
    return NULL;
}

void import_plain_server(struct import *import, struct nginx_directive *server) {
    struct import_redirect redirect;
    struct nginx_directive *whole = import_whole_redirect(import, server, &redirect);
    const char *challenges = find_challenges(import, server);
    bool sends_to_https =
        whole != NULL && (redirect.to_https || strncmp(redirect.url, "https://", 8) == 0);
    server->is_done = true;
    if (sends_to_https && redirect.to_https) {
        whole->is_done = true;
        whole->outer->is_done = true;
    } else if (sends_to_https) {
        import_note(import, whole, "redirects to https on the same host");
    } else {
        import_note(import, server,
                    "content over plain HTTP: requests are redirected to https instead");
    }
    for (size_t i = 0; i < server->inner_count; i++) {
        struct nginx_directive *listen = server->inner[i];
        import_done(is_named(listen, "server_name") ? listen : NULL);
        struct import_listener *listener =
            is_named(listen, "listen") ? add_listener(import, listen) : NULL;
        if (listener != NULL) {
            listener->is_redirect = true;
            listener->https_port = sends_to_https ? redirect.port : listener->https_port;
            listener->challenges = challenges != NULL ? challenges : listener->challenges;
        }
    }
    if (nginx_find(server, "listen") == NULL) {
        struct import_listener *listener =
            import_add(import, &import->listeners, &import->listener_count,
                       &import->listener_capacity, sizeof(*listener));
        *listener = (struct import_listener){.address = "0.0.0.0:80", .is_redirect = true};
    }
}
