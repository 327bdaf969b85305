#include "process/logs.h"

#include "process/source.h"

#include <stdio.h>

void logs_use(const struct logs *logs) {
    const struct config *config = logs->children->current->config;
    const struct log_files *files = &logs->children->current->logs;
    log_use(logs->children->log, files->error.fd, config_log_daemon(&config->log),
            log_files_severity(config->log_level));
    log_files_warn(files, config, logs->children->log);
}

// --- Opening ---

// Makes these files the logs of the master and of the workers.
static void use_files(const struct logs *logs, const struct log_files *files) {
    struct source *current = logs->children->current;
    struct log_files former = current->logs;
    current->logs = *files;
    logs_use(logs);
    log_files_close(&former);
    children_reopen_logs(logs->children, files->error.fd, files->access.fd);
    log_info(logs->children->log, "log files reopened");
}

static enum result open_files(const struct logs *logs, struct log_files *files,
                              char error[CONFIG_ERROR_SIZE]) {
    return log_files_open(files, logs->children->current->config, logs->writers, error);
}

// --- Who waits ---

// Sends the result to clients that do not wait for the next reopening.
static void answer(struct logs *logs) {
    bool has_failed = logs->failure[0] != '\0';
    size_t left = 0;
    for (size_t i = 0; i < logs->client_count; i++) {
        const struct logs_client *client = &logs->clients[i];
        if (client->waits_for_next) {
            logs->clients[left++] = *client;
        } else {
            logs->handler.answer(logs->handler.context, client->id, has_failed,
                                 has_failed ? logs->failure : "log files reopened");
        }
    }
    logs->client_count = left;
}

// --- Reopening ---

static void begin(struct logs *logs) {
    struct log_files files;
    logs->is_wanted = false;
    logs->failure[0] = '\0';
    for (size_t i = 0; i < logs->client_count; i++) {
        logs->clients[i].waits_for_next = false;
    }
    if (open_files(logs, &files, logs->failure) != RESULT_OK) {
        log_error(logs->children->log, "%s", logs->failure);
        answer(logs);
        return;
    }
    logs->failure[0] = '\0';
    use_files(logs, &files);
    logs->state = LOGS_REOPENING;
}

void logs_advance(struct logs *logs) {
    if (logs->state == LOGS_CALM && logs->is_wanted &&
        logs->handler.may_reopen(logs->handler.context)) {
        begin(logs);
    }
    if (logs->state == LOGS_REOPENING && !children_are_reopening(logs->children)) {
        logs->state = LOGS_CALM;
        answer(logs);
        if (logs->is_wanted) {
            logs_advance(logs);
        }
    }
}

const char *logs_reopen(struct logs *logs, uint64_t client) {
    if (client != 0) {
        if (logs->client_count == LOGS_CLIENTS_MAX) {
            return "too many clients wait for the log files";
        }
        logs->clients[logs->client_count++] =
            (struct logs_client){client, logs->state == LOGS_REOPENING};
    }
    logs->is_wanted = true;
    logs_advance(logs);
    return NULL;
}

void logs_note_reopened(struct logs *logs, const char *failure) {
    if (failure[0] != '\0') {
        (void)snprintf(logs->failure, sizeof(logs->failure), "%s", failure);
    }
    logs_advance(logs);
}

void logs_retry(struct logs *logs) {
    struct log_files files;
    char error[CONFIG_ERROR_SIZE];
    unsigned absent = log_files_absent(&logs->children->current->logs);
    if (absent == 0 || !logs->handler.may_reopen(logs->handler.context) ||
        open_files(logs, &files, error) != RESULT_OK) {
        return;
    }
    if (log_files_absent(&files) < absent) {
        use_files(logs, &files);
    } else {
        log_files_close(&files);
    }
}
