#include "process/source.h"

#include "config/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct source *source_read(const char *path, uint64_t number, char error[CONFIG_ERROR_SIZE]) {
    struct source *source = calloc(1, sizeof(*source));
    if (source == NULL) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "%s: out of memory", path);
        return NULL;
    }
    *source = (struct source){.number = number, .files_fd = -1, .keys_fd = -1, .logs = {-1, -1}};
    struct bundle_pair pair;
    if (bundle_read(path, &pair, &source->config, error) != RESULT_OK) {
        free(source);
        return NULL;
    }
    // The descriptors alone are kept: nothing of a key stays mapped in the master.
    source->files_fd = fcntl(pair.files.fd, F_DUPFD_CLOEXEC, 0);
    source->keys_fd = fcntl(pair.keys.fd, F_DUPFD_CLOEXEC, 0);
    int saved = errno;
    bundle_close(&pair.files);
    bundle_close(&pair.keys);
    if (source->files_fd < 0 || source->keys_fd < 0) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "%s: %s", path, strerror(saved));
        source_free(source);
        return NULL;
    }
    return source;
}

enum result source_open(struct source *source, size_t slots, const struct source *previous,
                        char error[CONFIG_ERROR_SIZE]) {
    if (log_files_open(&source->logs, source->config, error) != RESULT_OK) {
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
    config_free(source->config);
    free(source);
}
