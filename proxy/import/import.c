#include "import/import.h"

#include "config/foreign.h"
#include "import/nginx_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_BAD = 2, DAY_MS = 86400000 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// --- What is outside of servers ---

// Directives without a counterpart that are not even listed, because Ravelin does this by itself,
// or the operator configures it elsewhere.
static bool is_needless(const char *name) {
    static const char *const names[] = {
        "events",
        "worker_connections",
        "use",
        "multi_accept",
        "pid",
        "sendfile",
        "tcp_nopush",
        "tcp_nodelay",
        "server_tokens",
        "types",
        "mime.types",
        "types_hash_max_size",
        "keepalive",
        "keepalive_requests",
        "load_module",
        "gzip_disable",
        "gzip_proxied",
        "gzip_comp_level",
        "gzip_http_version",
        "gzip_vary",
        "gzip_min_length",
        "gzip_types",
        "gzip_buffers",
        "proxy_http_version",
        "zone",
        "worker_rlimit_nofile",
        "worker_cpu_affinity",
        "pcre_jit",
        "aio",
        "directio",
        "server_names_hash_bucket_size",
        "variables_hash_max_size",
        "proxy_redirect",
        "proxy_buffering",
        "proxy_buffers",
        "proxy_buffer_size",
        "proxy_busy_buffers_size",
        "proxy_request_buffering",
        "ssl_session_cache",
        "ssl_session_timeout",
        "ssl_prefer_server_ciphers",
        "reset_timedout_connection",
        "client_body_buffer_size",
        "open_file_cache",
        "open_file_cache_valid",
        "log_not_found",
        "log_format",
        "map",
        "set",
        "limit_req_status",
        "limit_req_log_level",
        "proxy_cache_bypass",
        "keepalive_disable",
        "proxy_headers_hash_max_size",
        "proxy_headers_hash_bucket_size",
        "charset",
        "map_hash_bucket_size",
        "http2_max_concurrent_streams",
        "index",
        "proxy_send_timeout",
    };
    for (size_t i = 0; i < COUNT(names); i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

// Whether the directive has Ravelin's default behaviour.
static bool is_as_before(const struct nginx_directive *directive) {
    const char *first = nginx_argument(directive, 0);
    return (strcmp(directive->name, "access_log") == 0 && strcmp(first, "off") == 0) ||
           (strcmp(directive->name, "proxy_set_header") == 0 && import_is_set_anyway(first)) ||
           (strcmp(directive->name, "satisfy") == 0 && strcmp(first, "all") == 0) ||
           (strcmp(first, "off") == 0 && strncmp(directive->name, "auth_", 5) == 0);
}

static const char *find_global(struct nginx_directive *http, const char *name) {
    struct nginx_directive *directive = nginx_find(http, name);
    import_done(directive);
    return nginx_argument(directive, 0);
}

static void write_limits(struct import *import, struct nginx_directive *http, FILE *out) {
    static const struct {
        const char *theirs, *ours;
    } times[] = {{"keepalive_timeout", "idle-timeout"},
                 {"client_header_timeout", "header-timeout"}};
    (void)fprintf(out, "limits {\n    body-size = %s\n",
                  import->body_size == 0 ? "unlimited"
                                         : import_size_text(import, import->body_size));
    for (size_t i = 0; i < COUNT(times); i++) {
        const char *time = import_time(import, find_global(http, times[i].theirs), 1000, DAY_MS);
        if (time != NULL) {
            (void)fprintf(out, "    %s = %s\n", times[i].ours, time);
        }
    }
    struct nginx_directive *buffers = nginx_find(http, "large_client_header_buffers");
    uint64_t number;
    uint64_t size;
    if (buffers != NULL && import_number(nginx_argument(buffers, 0), &number) &&
        import_size(nginx_argument(buffers, 1), &size) && number > 0 && number < 1000) {
        size *= number;
        size = size < 1024 ? 1024 : size > 65536 ? 65536 : size;
        (void)fprintf(out, "    header-size = %s\n", import_size_text(import, size));
        buffers->is_done = true;
    }
    (void)fputs("}\n", out);
}

static void write_trusted(struct import *import, struct nginx_directive *http, FILE *out) {
    size_t count = 0;
    for (size_t i = 0; i < http->inner_count; i++) {
        struct nginx_directive *inner = http->inner[i];
        const char *network = nginx_argument(inner, 0);
        const char *bits = strrchr(network, '/');
        if (strcmp(inner->name, "set_real_ip_from") != 0) {
            continue;
        }
        if (!import_is_network(network) || (bits != NULL && strcmp(bits, "/0") == 0)) {
            import_note(import, inner, "then any client could say who it is");
            continue;
        }
        (void)fprintf(out, count++ == 0 ? "trusted-proxies = {%s" : ", %s", network);
        inner->is_done = true;
    }
    (void)fputs(count > 0 ? "}\n" : "", out);
    struct nginx_directive *header = nginx_find(http, "real_ip_header");
    if (header != NULL && strcasecmp(nginx_argument(header, 0), "X-Forwarded-For") != 0 &&
        strcmp(nginx_argument(header, 0), "proxy_protocol") != 0) {
        import_note(import, header, "trusted proxies name the client in X-Forwarded-For here");
    }
    import_done(header);
    import_done(nginx_find(http, "real_ip_recursive"));
}

static void write_top(struct import *import, struct nginx_directive *http, FILE *out) {
    uint64_t workers;
    const char *user = find_global(&import->tree.root, "user");
    if (import_number(find_global(&import->tree.root, "worker_processes"), &workers) &&
        workers >= 1 && workers <= 256) {
        (void)fprintf(out, "workers = %" PRIu64 "\n", workers);
    }
    if (user[0] != '\0' && strcmp(user, "root") != 0 && import_can_quote(user)) {
        (void)fprintf(out, "user = \"%s\"\n", user);
    }
    write_trusted(import, http, out);
    if (import->refuses_unknown_names) {
        (void)fputs("tls { unknown-server-name = refuse }\n", out);
    }
    write_limits(import, http, out);
}

static void write_listeners(const struct import *import, FILE *out) {
    const char *challenges = NULL; // one folder for all
    for (size_t i = 0; i < import->listener_count; i++) {
        const struct import_listener *listener = &import->listeners[i];
        (void)fprintf(out, "listen %s {", listener->address);
        if (listener->is_redirect) {
            (void)fputs(" protocol = redirect", out);
            if (listener->https_port != 0) {
                (void)fprintf(out, " https-port = %u", listener->https_port);
            }
            challenges = challenges == NULL ? listener->challenges : challenges;
            if (listener->challenges != NULL) {
                (void)fputs(" acme-challenge = ", out);
                (void)import_quote(out, challenges);
            }
        } else if (listener->http2) {
            (void)fputs(" http2 = yes", out);
        }
        (void)fprintf(out, "%s }\n", listener->proxy_protocol ? " proxy-protocol = yes" : "");
    }
}

// --- What is left out ---

static const char *reason_for(const struct nginx_directive *directive) {
    const char *reason = foreign_reason(directive->name);
    if (strcmp(directive->name, "access_log") == 0) {
        return "set access-log to a file of its own";
    }
    if (strcmp(directive->name, "include") == 0) {
        return "not in this file: use the output of 'nginx -T'";
    }
    if (strcmp(directive->name, "stream") == 0) {
        return "see protocol = tcp of listen";
    }
    return reason != NULL ? reason : "no counterpart";
}

static void put_clean(FILE *out, const char *text) {
    for (const char *c = text; *c != '\0'; c++) {
        (void)fputc((unsigned char)*c < ' ' || *c == 0x7f ? ' ' : *c, out);
    }
}

static void write_left(const struct nginx_directive *directive, const char *why, FILE *out) {
    (void)fprintf(out, "#   %s:%d: ", directive->file, directive->line);
    put_clean(out, directive->name);
    for (size_t i = 0; i < directive->argument_count && i < 4; i++) {
        (void)fputc(' ', out);
        put_clean(out, directive->arguments[i]);
    }
    (void)fprintf(out, "%s: ", directive->argument_count > 4 ? " ..." : "");
    put_clean(out, why);
    (void)fputc('\n', out);
}

// Writes the directives that were neither translated nor listed, in the order of the text.
static void write_rest(const struct nginx_directive *block, FILE *out) {
    for (size_t i = 0; i < block->inner_count; i++) {
        const struct nginx_directive *inner = block->inner[i];
        bool is_frame = strcmp(inner->name, "http") == 0 || strcmp(inner->name, "location") == 0;
        if (is_needless(inner->name) || is_as_before(inner)) {
            continue;
        }
        if (!inner->is_done && !is_frame) {
            write_left(inner, reason_for(inner), out);
        } else if (inner->is_block) {
            write_rest(inner, out);
        }
    }
}

static void write_left_out(const struct import *import, FILE *out) {
    char *text = NULL;
    size_t size = 0;
    FILE *list = open_memstream(&text, &size);
    if (list == NULL) {
        return;
    }
    for (size_t i = 0; i < import->note_count; i++) {
        write_left(import->notes[i].directive, import->notes[i].text, list);
    }
    write_rest(&import->tree.root, list);
    (void)fclose(list);
    if (size > 0) {
        (void)fprintf(out, "\n# Left out, or different:\n%s", text);
    }
    free(text);
}

// --- All of it ---

static bool is_default(const struct nginx_directive *server) {
    for (size_t i = 0; i < server->inner_count; i++) {
        const struct nginx_directive *listen = server->inner[i];
        for (size_t j = 0; strcmp(listen->name, "listen") == 0 && j < listen->argument_count; j++) {
            if (strcmp(listen->arguments[j], "default_server") == 0 ||
                strcmp(listen->arguments[j], "default") == 0) {
                return true;
            }
        }
    }
    return false;
}

// The default site is the first one.
static void import_servers(struct import *import, struct nginx_directive *http) {
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < http->inner_count; i++) {
            struct nginx_directive *server = http->inner[i];
            if (strcmp(server->name, "server") != 0) {
                continue;
            }
            bool has_tls = import_has_tls(server);
            if (has_tls && round == (is_default(server) ? 0 : 1)) {
                import_server(import, server, round == 0);
            } else if (!has_tls && round == 2) {
                import_plain_server(import, server);
            }
        }
    }
}

// Whether a block lets bodies of any size in. A route can only have a smaller limit than `limits`.
static bool has_unlimited(const struct nginx_directive *block) {
    bool found = false;
    for (size_t i = 0; i < block->inner_count && !found; i++) {
        const struct nginx_directive *inner = block->inner[i];
        uint64_t size;
        found =
            (strcmp(inner->name, "client_max_body_size") == 0 &&
             import_size(nginx_argument(inner, 0), &size) && (size == 0 || size > BODY_SIZE_MAX)) ||
            has_unlimited(inner);
    }
    return found;
}

static bool write_all(struct import *import, const char *path, FILE *out) {
    struct nginx_directive *http = nginx_find(&import->tree.root, "http");
    char *sites = NULL;
    char *servers = NULL;
    size_t sites_size = 0;
    size_t servers_size = 0;
    http = http == NULL ? &import->tree.root : http; // a file of sites alone
    import->body_size = NGINX_BODY_SIZE;
    (void)import_size(find_global(http, "client_max_body_size"), &import->body_size);
    import->body_size = has_unlimited(http) ? 0 : import->body_size;
    import->sites = open_memstream(&sites, &sites_size);
    import->servers = open_memstream(&servers, &servers_size);
    bool ok = import->sites != NULL && import->servers != NULL;
    if (ok) {
        import_servers(import, http);
    }
    ok = (import->sites == NULL || fclose(import->sites) == 0) && ok;
    ok = (import->servers == NULL || fclose(import->servers) == 0) && ok;
    if (ok) {
        (void)fputs("# Translated from ", out);
        put_clean(out, path);
        (void)fputs(" by 'ravelin import nginx'. Read the end of this file: what was left out.\n\n",
                    out);
        write_top(import, http, out);
        write_listeners(import, out);
        (void)fwrite(sites, 1, sites_size, out);
        (void)fwrite(servers, 1, servers_size, out);
        write_left_out(import, out);
    }
    free(sites);
    free(servers);
    return ok;
}

bool import_nginx(const char *path, struct slice text, FILE *out, char error[IMPORT_ERROR_SIZE]) {
    struct import import = {.sites = NULL};
    if (!nginx_parse(&import.tree, path, text, error)) {
        return false;
    }
    bool ok = write_all(&import, path, out);
    if (!ok) {
        (void)snprintf(error, IMPORT_ERROR_SIZE, "out of memory");
    }
    nginx_free(&import.tree);
    return ok;
}

// --- The command ---

static char *read_file(const char *path, size_t *size) {
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    char *text = fd < 0 ? NULL : malloc(NGINX_TEXT_MAX + 1);
    ssize_t got = text == NULL ? -1 : 1;
    for (*size = 0; got > 0 && *size <= NGINX_TEXT_MAX; *size += got > 0 ? (size_t)got : 0) {
        got = read(fd, text + *size, NGINX_TEXT_MAX + 1 - *size);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if (got == 0 && *size <= NGINX_TEXT_MAX) {
        return text;
    }
    (void)fprintf(stderr, "ravelin: %s: %s\n", path,
                  *size > NGINX_TEXT_MAX ? "larger than 16 MiB" : strerror(errno));
    free(text);
    return NULL;
}

int import_command(int count, char **words) {
    char error[IMPORT_ERROR_SIZE];
    size_t size = 0;
    if (count != 2 || strcmp(words[0], "nginx") != 0) {
        (void)fputs("ravelin: usage: import nginx FILE\nravelin: see 'ravelin help'\n", stderr);
        return EXIT_BAD;
    }
    char *text = read_file(words[1], &size);
    if (text == NULL) {
        return EXIT_BAD;
    }
    bool ok = import_nginx(words[1], (struct slice){text, size}, stdout, error);
    free(text);
    if (!ok) {
        (void)fprintf(stderr, "%s\n", error);
        return EXIT_BAD;
    }
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
