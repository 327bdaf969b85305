#include "process/source.h"

#include "config/challenge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Returns the checked config of a bundle, with the file name that the user gave.
static struct config *open_config(int files_fd, const char *path, char error[CONFIG_ERROR_SIZE]) {
    struct bundle files;
    int fd = fcntl(files_fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0 || bundle_open(fd, &files) != RESULT_OK) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "the bundle of files cannot be opened: %s",
                       strerror(errno));
        return NULL;
    }
    struct config *config = bundle_config(&files, path, error);
    bundle_close(&files);
    return config;
}

struct source *source_new(const struct source_fds *fds, const char *path, uint64_t number,
                          char error[CONFIG_ERROR_SIZE]) {
    struct source *source = calloc(1, sizeof(*source));
    if (source == NULL) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "out of memory");
        (void)close(fds->files);
        (void)close(fds->keys);
        (void)close(fds->users);
        return NULL;
    }
    *source = (struct source){
        .number = number, .files_fd = fds->files, .keys_fd = fds->keys, .users_fd = fds->users};
    log_files_init(&source->logs);
    source->config = open_config(fds->files, path, error);
    source->findings = source->config == NULL ? NULL : findings_map(source->config);
    if (source->findings == NULL) {
        if (source->config != NULL) {
            (void)snprintf(error, CONFIG_ERROR_SIZE, "%s: %s", source->config->path,
                           strerror(errno));
        }
        source_free(source, NULL);
        return NULL;
    }
    return source;
}

enum result source_settle(struct source *source, char error[CONFIG_ERROR_SIZE]) {
    source->findings = findings_settle(source->findings, source->config);
    if (source->findings == NULL) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "%s: out of memory", source->config->path);
        return RESULT_ERROR;
    }
    return RESULT_OK;
}

// A server that a reload adds is used after its first good check. Servers of the start are used at
// once.
static void begin_checks(const struct source *source, const struct shares *shares, bool reload) {
    size_t index = 0;
    for (size_t i = 0; i < source->config->backend_count; i++) {
        const struct config_backend *backend = &source->config->backends[i];
        for (size_t left = config_backend_places(backend); left > 0; left--, index++) {
            const struct server_entry *entry = server_table_entry(&source->servers, index);
            if (entry->former == 0 || backend->health_count == 0) {
                server_counts_begin_check(shares->servers, entry->cell,
                                          reload && backend->health_count > 0 ? CHECK_NEW
                                                                              : CHECK_UP);
            }
        }
    }
}

static bool make_servers(struct source *source, const struct shares *shares,
                         const struct source *previous) {
    struct server_table_former former = {.config = NULL};
    if (previous != NULL) {
        former =
            (struct server_table_former){previous->config, previous->number, &previous->servers};
    }
    if (!server_table_make(&source->servers, source->config, shares->slots, shares->names,
                           previous == NULL ? NULL : &former)) {
        return false;
    }
    server_table_forget_new(&source->servers, shares->servers);
    begin_checks(source, shares, previous != NULL);
    return server_places_begin(&source->servers, source->config, former.table, shares->names) &&
           server_answers_make(&source->answers, source->config);
}

// Registers the cells of sites and servers before a worker counts.
static void register_series(const struct source *source, const struct shares *shares) {
    const struct config *config = source->config;
    for (size_t i = 0; i < config->site_count; i++) {
        series_register(shares->series, series_key(config->sites[i].name, NULL));
    }
    for (size_t i = 0; i < config->backend_count; i++) {
        const struct config_backend *backend = &config->backends[i];
        for (size_t k = 0; k < backend->server_count; k++) {
            const char *text = backend->servers[k].text;
            series_register(shares->series, series_key(backend->name, text == NULL ? "" : text));
        }
    }
}

// The only server of the last backend has the address of the challenge server.
static bool open_challenges(struct source *source, struct challenge_servers *servers,
                            char error[CONFIG_ERROR_SIZE]) {
    struct config *config = source->config;
    if (!config->has_challenge_backend) {
        return true;
    }
    source->challenges = challenge_server_open(servers, challenge_folder(config));
    if (source->challenges == NULL) {
        (void)snprintf(error, CONFIG_ERROR_SIZE,
                       "%s: acme-challenge: cannot start the challenge server: %s", config->path,
                       strerror(errno));
        return false;
    }
    config->backends[config->backend_count - 1].servers[0].address = source->challenges->address;
    return true;
}

static void close_challenges(struct source *source) {
    challenge_server_release(source->challenges);
    source->challenges = NULL;
}

static bool open_sockets(struct source *source, const struct shares *shares,
                         const struct source *previous, const struct source_helpers *helpers,
                         char error[CONFIG_ERROR_SIZE]) {
    const struct config *config = source->config;
    const struct listeners_origin origin = {previous == NULL ? NULL : &previous->listeners,
                                            helpers->handed};
    bool begins = !helpers->handed->from_master;
    return listeners_open(&source->listeners, config, shares->slots, &origin, error) == RESULT_OK &&
           (!begins || listeners_begin(&source->listeners, error) == RESULT_OK) &&
           admin_listeners_open(&source->admins, config,
                                previous == NULL ? NULL : &previous->admins, helpers->handed,
                                error) == RESULT_OK;
}

// `remaining` (or NULL): the source whose unix sockets stay.
static void close_sockets(struct source *source, const struct source *remaining) {
    listeners_close(&source->listeners);
    admin_listeners_close(&source->admins, remaining == NULL ? NULL : &remaining->admins);
}

enum result source_open(struct source *source, const struct shares *shares,
                        const struct source *previous, const struct source_helpers *helpers,
                        char error[CONFIG_ERROR_SIZE]) {
    if (log_files_open(&source->logs, source->config, helpers->log_writers, error) != RESULT_OK) {
        return RESULT_ERROR;
    }
    if (!open_sockets(source, shares, previous, helpers, error) ||
        !open_challenges(source, helpers->challenge_servers, error)) {
        close_sockets(source, previous);
        log_files_close(&source->logs);
        return RESULT_ERROR;
    }
    register_series(source, shares);
    if (!make_servers(source, shares, previous)) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "%s: the server table cannot be made: %s",
                       source->config->path, strerror(errno));
        server_table_close(&source->servers);
        close_challenges(source);
        close_sockets(source, previous);
        log_files_close(&source->logs);
        return RESULT_ERROR;
    }
    return RESULT_OK;
}

void source_free(struct source *source, const struct source *remaining) {
    if (source == NULL) {
        return;
    }
    if (source->files_fd >= 0) {
        (void)close(source->files_fd);
    }
    if (source->keys_fd >= 0) {
        (void)close(source->keys_fd);
    }
    if (source->users_fd >= 0) {
        (void)close(source->users_fd);
    }
    close_sockets(source, remaining);
    log_files_close(&source->logs);
    server_table_close(&source->servers);
    server_answers_close(&source->answers);
    close_challenges(source);
    findings_unmap(source->findings, source->config);
    config_free(source->config);
    free(source);
}
