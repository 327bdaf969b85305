#include "process/shares.h"

#include "base/region.h"

bool shares_map(struct shares *shares, size_t slots) {
    *shares = (struct shares){
        .slots = slots,
        .metrics = metrics_map(slots + 1),
        .tickets = ticket_store_new(),
        .clients = client_table_map(slots),
        .servers = server_counts_map(slots),
        .names = server_names_new(),
        .board = board_map(),
        .series = series_map(slots),
    };
    return shares->metrics != NULL && shares->tickets != NULL && shares->clients != NULL &&
           shares->servers != NULL && shares->names != NULL && shares->board != NULL &&
           shares->series != NULL;
}

void shares_unmap(struct shares *shares) {
    ticket_store_free(shares->tickets);
    metrics_unmap(shares->metrics, shares_metric_slots(shares));
    client_table_unmap(shares->clients);
    server_counts_unmap(shares->servers);
    server_names_free(shares->names);
    board_unmap(shares->board);
    series_unmap(shares->series);
    *shares = (struct shares){.slots = 0};
}

void shares_lend(const struct shares *shares, size_t slot) {
    ticket_store_lend(shares->tickets, true);
    metrics_lend(shares->metrics, shares_metric_slots(shares), slot);
    client_table_lend(shares->clients, slot);
    server_counts_lend(shares->servers, slot);
    series_lend(shares->series, slot);
}

void shares_lend_to_monitor(const struct shares *shares) {
    metrics_lend(shares->metrics, shares_metric_slots(shares), shares->slots);
    server_counts_lend_checks(shares->servers);
    board_lend(shares->board, true);
    series_lend(shares->series, REGION_READER);
}

void shares_lend_to_nobody(const struct shares *shares) {
    ticket_store_lend(shares->tickets, false);
    metrics_lend(shares->metrics, shares_metric_slots(shares), REGION_NO_SLOT);
    client_table_lend(shares->clients, REGION_NO_SLOT);
    server_counts_lend(shares->servers, REGION_NO_SLOT);
    board_lend(shares->board, false);
    series_lend(shares->series, REGION_NO_SLOT);
}

void shares_clear(const struct shares *shares, size_t slot) {
    metrics_clear_gauges(&shares->metrics[slot]);
    client_table_clear(shares->clients, slot);
    server_counts_clear(shares->servers, slot);
}
