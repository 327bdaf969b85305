#include "config/config.h"

#include "config/check.h"
#include "config/include.h"
#include "config/load.h"
#include "config/reference.h"
#include "config/report.h"
#include "config/statement.h"
#include "config/unique.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { UNKNOWN_MAX = 20 }; // unknown options that one load reports

// The folder of the file at `path`, absolute, without '/' at its end except for the root.
static char *folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 0 : (size_t)(slash - path);
    if (path[0] == '/') {
        return strndup(path, size > 0 ? size : 1);
    }
    char *working = getcwd(NULL, 0);
    char *folder = NULL;
    if (working != NULL && size == 0) {
        return working;
    }
    if (working != NULL && asprintf(&folder, "%s/%.*s", working, (int)size, path) < 0) {
        folder = NULL;
    }
    free(working);
    return folder;
}

static struct config *config_new(const char *path, struct report *report) {
    struct config *config = calloc(1, sizeof(*config));
    if (config == NULL) {
        report_out_of_memory(report);
        return NULL;
    }
    config->path = strdup(path);
    config->directory = folder_of(path);
    if (config->path == NULL || config->directory == NULL) {
        report_add(report, 0, "its folder cannot be found: %s", strerror(errno));
        config_free(config);
        return NULL;
    }
    return config;
}

static void free_texts(char **texts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(texts[i]);
    }
    free(texts);
}

static void free_changes(struct config_changes *changes) {
    free_texts(changes->set, changes->set_count);
    free_texts(changes->remove, changes->remove_count);
}

static void free_address_file(struct config_address_file *file) {
    free(file->path);
    network_set_free(&file->set);
}

static void free_page(struct config_page *page) {
    free(page->text);
    free(page->file);
    free(page->type);
}

static void free_authorize(struct config_authorize *authorize) {
    free(authorize->path);
    free(authorize->backend_name);
    free(authorize->login);
    free_texts(authorize->headers.items, authorize->headers.count);
    free_texts(authorize->response_headers.items, authorize->response_headers.count);
}

static void free_route(struct config_route *route) {
    for (size_t i = 0; i < route->authorize_count; i++) {
        free_authorize(&route->authorize[i]);
    }
    free(route->authorize);
    free(route->prefix);
    free(route->backend_name);
    free(route->redirect);
    free_page(&route->page);
    free_changes(&route->request);
    free_changes(&route->response);
    free(route->allow.items);
    free(route->deny.items);
    free_address_file(&route->allow_file);
    free_address_file(&route->deny_file);
    free(route->users);
    free(route->realm);
    free(route->user_header);
}

static void free_site(struct config_site *site) {
    free_texts(site->aliases, site->alias_count);
    for (size_t i = 0; i < site->certificate_count; i++) {
        free(site->certificates[i].certificate_path);
        free(site->certificates[i].key_path);
        free(site->certificates[i].ocsp_path);
        free(site->certificates[i].acme_name);
        free(site->certificates[i].acme_file);
        free(site->certificates[i].spare_path);
    }
    for (size_t i = 0; i < site->route_count; i++) {
        free_route(&site->routes[i]);
    }
    for (size_t i = 0; i < site->error_page_count; i++) {
        free_page(&site->error_pages[i].page);
    }
    free(site->error_pages);
    free(site->client_ca_path);
    free(site->client_crl_path);
    free(site->users);
    free(site->realm);
    free(site->certificates);
    free(site->routes);
    free(site->name);
}

static void free_backend(struct config_backend *backend) {
    for (size_t i = 0; i < backend->server_count; i++) {
        free(backend->servers[i].text);
        free(backend->servers[i].host);
    }
    for (size_t i = 0; i < backend->health_count; i++) {
        free(backend->health[i].path);
        free(backend->health[i].host);
        free(backend->health[i].expect);
    }
    free(backend->health);
    free(backend->hash_by.name);
    free(backend->sticky);
    free(backend->servers);
    free(backend->name);
}

// Frees the values that load_text() makes.
static void free_values(struct config *config) {
    struct access_fields *logged = &config->access_log_fields;
    free_texts(logged->request_headers.names, logged->request_headers.count);
    free_texts(logged->response_headers.names, logged->response_headers.count);
    for (size_t i = 0; i < config->site_count; i++) {
        free_site(&config->sites[i]);
    }
    for (size_t i = 0; i < config->backend_count; i++) {
        free_backend(&config->backends[i]);
    }
    for (size_t i = 0; i < config->listener_count; i++) {
        free(config->listeners[i].challenge_path);
    }
    free(config->sites);
    free(config->backends);
    for (size_t i = 0; i < config->listener_count; i++) {
        free(config->listeners[i].backend_name);
        free_texts(config->listeners[i].alpn, config->listeners[i].alpn_count);
    }
    free(config->listeners);
    free(config->admins);
    free(config->acme.email);
    free(config->acme.directory);
    free(config->acme.folder);
    free(config->acme.ca_path);
    free(config->trusted_proxies.items);
    free_address_file(&config->trusted_proxies_file);
    free(config->resolvers.items);
    free(config->log.path);
    free(config->access_log.path);
    free(config->user);
}

static void config_clear(struct config *config) {
    struct config kept = {
        .path = config->path, .directory = config->directory, .parts = config->parts};
    free_values(config);
    *config = kept;
}

// Reads the text once. False: the parser stopped at `stop`.
static bool load_once(struct config *config, char *text, const struct config_files *files,
                      bool partial, struct report *report, struct load_stop *stop) {
    struct claims claims = {0};
    bool complete = load_text(config, text, files, partial, &claims, report, stop);
    if (complete) {
        claims_check(&claims, report);
    }
    if (complete && !partial) {
        check_config(config, report);
    }
    claims_free(&claims);
    return complete || stop->line == 0;
}

// The parser stops at an unknown option. Then the option is removed, and the text is parsed again
// for its other faults. Only the last parsing reports faults.
static void load(struct config *config, char *text, const struct config_files *files,
                 struct report *report) {
    char found[CONFIG_ERROR_SIZE];
    for (int round = 0; round < UNKNOWN_MAX; round++) {
        struct report once;
        struct load_stop stop;
        report_init(&once, report->file, found, sizeof(found));
        once.parts = report->parts;
        if (load_once(config, text, files, round > 0, &once, &stop) || round + 1 == UNKNOWN_MAX ||
            !statement_blank(text, stop.line, stop.name)) {
            report_append(report, &once);
            return;
        }
        report_append_last(report, &once);
        config_clear(config);
    }
}

struct config *config_load_with(const char *path, struct slice text,
                                const struct config_files *files, char error[CONFIG_ERROR_SIZE]) {
    struct report report;
    report_init(&report, path, error, CONFIG_ERROR_SIZE);
    struct config *config = config_new(path, &report);
    char *whole = config == NULL
                      ? NULL
                      : include_assemble(config->directory, text, files, &config->parts, &report);
    if (whole != NULL) {
        report.parts = &config->parts;
        load(config, whole, files, &report);
    }
    free(whole);
    if (report_is_empty(&report)) {
        return config;
    }
    report_sort(&report);
    config_free(config);
    return NULL;
}

struct config *config_load(const char *path, const char *text, size_t size,
                           char error[CONFIG_ERROR_SIZE]) {
    return config_load_with(path, (struct slice){text, size}, NULL, error);
}

struct place config_place(const struct config *config, int line) {
    return parts_place(&config->parts, config->path, line);
}

void config_free(struct config *config) {
    if (config != NULL) {
        free_values(config);
        parts_free(&config->parts);
        free(config->directory);
        free(config->path);
        free(config);
    }
}

size_t config_backend_places(const struct config_backend *backend) {
    size_t places = 0;
    for (size_t i = 0; i < backend->server_count; i++) {
        places += config_server_places(&backend->servers[i]);
    }
    return places;
}

bool config_backend_has_names(const struct config_backend *backend) {
    size_t i = 0;
    while (i < backend->server_count && backend->servers[i].host == NULL) {
        i++;
    }
    return i < backend->server_count;
}

bool config_has_users(const struct config *config) {
    bool found = false;
    for (size_t i = 0; i < config->site_count && !found; i++) {
        for (size_t j = 0; j < config->sites[i].route_count && !found; j++) {
            found = config->sites[i].routes[j].login.users != NULL;
        }
    }
    return found;
}

bool config_has_names(const struct config *config) {
    size_t i = 0;
    while (i < config->backend_count && !config_backend_has_names(&config->backends[i])) {
        i++;
    }
    return i < config->backend_count;
}

bool config_uses_system_resolver(const struct config *config) {
    return config->resolvers.count == 0 || config->resolvers.items[0].size == 0;
}

enum sink_daemon config_log_daemon(const struct config_log *log) {
    return log->target == LOG_TARGET_SYSLOG    ? SINK_DAEMON_SYSLOG
           : log->target == LOG_TARGET_JOURNAL ? SINK_DAEMON_JOURNAL
                                               : SINK_NO_DAEMON;
}

void config_print_reference(void) {
    reference_print(stdout);
}
