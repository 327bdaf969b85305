#include "process/master_internal.h"

#include "process/capacity.h"

#include <stdio.h>
#include <stdlib.h>

int master_complain(const struct master *master, const char *text, int exit_status) {
    (void)fprintf(stderr, "%s\n", text);
    successor_fail(&master->successor, text);
    return exit_status;
}

int master_prepare_successor(struct master *master) {
    char error[CONFIG_ERROR_SIZE];
    enum result result =
        successor_begin(&master->successor, &master->handed, master->version, error);
    return result == RESULT_ERROR ? master_complain(master, error, 1) : 0;
}

// Prints it if the limit of descriptors is too low. Returns the exit status.
static int check_descriptors(const struct master *master, const struct config *config,
                             unsigned workers) {
    char text[CAPACITY_TEXT_SIZE];
    const struct capacity capacity = capacity_find(CAPACITY_MAPPINGS_PATH);
    return capacity_refusal(&capacity, config, workers, master->handed.count, text)
               ? master_complain(master, text, 1)
               : 0;
}

// Checks the configuration. Returns the exit status; 0: no fault.
int master_prepare_config(struct master *master) {
    char error[CONFIG_ERROR_SIZE];
    const struct reading_input reading = {.path = master->config_path, .title = master->title};
    privilege_raise_descriptor_limit();
    if (check_descriptors(master, NULL, 1) != 0) {
        return 1;
    }
    master->current = reading_wait(&reading, ++master->reload.last_number, error);
    if (master->current == NULL ||
        privilege_find(master->current->config, &master->privilege, error) != RESULT_OK) {
        return master_complain(master, error, 2);
    }
    uint32_t workers = master->current->config->workers;
    master->slot_count = workers == 0 ? capacity_cores() : workers;
    if (check_descriptors(master, master->current->config, master->slot_count) != 0) {
        return 1;
    }
    if (!shares_map(&master->shares, master->slot_count)) {
        return master_complain(master, "ravelin: out of memory", 1);
    }
    master->keys_came =
        successor_use_keys(&master->successor, &master->shares, &master->keys_age_s);
    const struct validate_input input = {master->current, &master->privilege, master->title};
    if (validate_wait(&input, error) != RESULT_OK) {
        return master_complain(master, error, 2);
    }
    return source_settle(master->current, error) == RESULT_OK ? 0
                                                              : master_complain(master, error, 1);
}

int master_prepare_system(struct master *master) {
    char error[CONFIG_ERROR_SIZE];
    if (realpath(master->config_path, master->real_path) == NULL) {
        (void)snprintf(master->real_path, sizeof(master->real_path), "%s", master->config_path);
    }
    master->control = control_open(master->config_path, master->successor.former, error);
    if (master->control == NULL ||
        source_open(master->current, &master->shares, NULL, &master->helpers, error) != RESULT_OK) {
        return master_complain(master, error, 1);
    }
    return 0;
}

void master_log_start(struct master *master) {
    log_info(&master->log, "ravelin %s starts with %s", master->version, master->config_path);
    listeners_announce(master->current->config, &master->log);
    admin_listeners_announce(master->current->config, &master->log);
    successor_use_servers(&master->successor, master->current, &master->shares, &master->log);
    handed_end_unused(&master->handed);
    handed_warn(&master->handed, &master->log);
    handed_free(&master->handed);
}
