#include "process/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Makes a source of what was read, all of which it takes.
static struct source *keep(struct bundle_pair *pair, struct config *config, uint64_t number,
                           char error[CONFIG_ERROR_SIZE]) {
    struct source *source = calloc(1, sizeof(*source));
    int saved = errno;
    if (source != NULL) {
        *source = (struct source){.number = number, .config = config};
        log_files_init(&source->logs);
        memcpy(source->warnings, pair->warnings, sizeof(source->warnings));
        // The descriptors alone are kept: nothing of a key stays mapped in the master.
        source->files_fd = fcntl(pair->files.fd, F_DUPFD_CLOEXEC, 0);
        source->keys_fd = fcntl(pair->keys.fd, F_DUPFD_CLOEXEC, 0);
        source->findings = findings_map(config);
        saved = errno;
    }
    bundle_close(&pair->files);
    bundle_close(&pair->keys);
    if (source == NULL || source->files_fd < 0 || source->keys_fd < 0 || source->findings == NULL) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "%s: %s", config->path, strerror(saved));
        if (source == NULL) {
            config_free(config);
        }
        source_free(source);
        return NULL;
    }
    return source;
}

struct source *source_read(const char *path, uint64_t number, char error[CONFIG_ERROR_SIZE]) {
    struct bundle_pair pair;
    struct config *config;
    if (bundle_read(path, &pair, &config, error) != RESULT_OK) {
        return NULL;
    }
    return keep(&pair, config, number, error);
}

static enum result open_bundles(const struct source *source, struct bundle_pair *pair) {
    *pair = (struct bundle_pair){.files = {.fd = -1}, .keys = {.fd = -1}};
    if (bundle_open(fcntl(source->files_fd, F_DUPFD_CLOEXEC, 0), &pair->files) != RESULT_OK) {
        return RESULT_ERROR;
    }
    if (bundle_open(fcntl(source->keys_fd, F_DUPFD_CLOEXEC, 0), &pair->keys) != RESULT_OK) {
        bundle_close(&pair->files);
        return RESULT_ERROR;
    }
    return RESULT_OK;
}

struct source *source_read_again(const struct source *former, uint64_t number, bool *same,
                                 char error[CONFIG_ERROR_SIZE]) {
    struct bundle_pair before;
    struct bundle_pair now;
    struct config *config;
    *same = false;
    if (open_bundles(former, &before) != RESULT_OK) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "%s: the files in use cannot be opened: %s",
                       former->config->path, strerror(errno));
        return NULL;
    }
    enum result result = bundle_read_again(&before.files, &now, &config, error);
    if (result == RESULT_OK) {
        *same = bundle_equal(&before.files, &now.files) && bundle_equal(&before.keys, &now.keys);
    }
    bundle_close(&before.files);
    bundle_close(&before.keys);
    if (*same) {
        bundle_close(&now.files);
        bundle_close(&now.keys);
        config_free(config);
    }
    return result != RESULT_OK || *same ? NULL : keep(&now, config, number, error);
}

enum result source_settle(struct source *source, char error[CONFIG_ERROR_SIZE]) {
    source->findings = findings_settle(source->findings, source->config);
    if (source->findings == NULL) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "%s: out of memory", source->config->path);
        return RESULT_ERROR;
    }
    return RESULT_OK;
}

enum result source_open(struct source *source, size_t slots, const struct source *previous,
                        struct log_writers *writers, char error[CONFIG_ERROR_SIZE]) {
    if (log_files_open(&source->logs, source->config, writers, error) != RESULT_OK) {
        return RESULT_ERROR;
    }
    if (listeners_open(&source->listeners, source->config, slots,
                       previous == NULL ? NULL : &previous->listeners, error) != RESULT_OK) {
        log_files_close(&source->logs);
        return RESULT_ERROR;
    }
    return RESULT_OK;
}

void source_free(struct source *source) {
    if (source == NULL) {
        return;
    }
    if (source->files_fd >= 0) {
        (void)close(source->files_fd);
    }
    if (source->keys_fd >= 0) {
        (void)close(source->keys_fd);
    }
    listeners_close(&source->listeners);
    log_files_close(&source->logs);
    findings_unmap(source->findings, source->config);
    config_free(source->config);
    free(source);
}
