#include "base/clock.h"
#include "monitor/metrics_text_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static double seconds(int64_t us) {
    return (double)us / 1e6;
}

static void put_alone(struct exposition *out, const char *family, const char *type,
                      const char *help, double value) {
    exposition_family(out, family, type, help);
    exposition_begin(out, family, "");
    exposition_end_seconds(out, value);
}

static void put_general(struct exposition *out, const struct board_facts *facts) {
    exposition_family(out, "build_info", "gauge", "1, with the version of Ravelin");
    exposition_begin(out, "build_info", "");
    exposition_label(out, "version", facts->version);
    exposition_end(out, 1);
    put_alone(out, "start_time_seconds", "gauge", "when Ravelin started, since 1970",
              seconds(facts->started_us));
    exposition_family(out, "reloads_total", "counter", "reloads, by result");
    exposition_begin(out, "reloads_total", "");
    exposition_label(out, "result", "done");
    exposition_end(out, facts->reloads_done);
    exposition_begin(out, "reloads_total", "");
    exposition_label(out, "result", "failed");
    exposition_end(out, facts->reloads_failed);
    put_alone(out, "last_reload_failed", "gauge", "1 if the last reload failed",
              facts->reload_failed ? 1. : 0.);
    put_alone(out, "master_log_lines_lost_total", "counter",
              "lines of the master's log, and of log writers, that were lost",
              (double)facts->lost_log_lines);
    put_alone(out, "certificate_orders_failing", "gauge",
              "certificates whose last order from the ACME authority failed",
              (double)facts->orders_failing);
    if (facts->tickets_us != 0) {
        put_alone(out, "ticket_key_age_seconds", "gauge", "age of the session ticket key",
                  seconds(clock_wall_us() - facts->tickets_us));
    }
}

// --- Processes ---

static double cpu_of(const struct board_process *process) {
    return (double)process->cpu_ms / 1e3;
}

static double memory_of(const struct board_process *process) {
    return (double)process->memory_kib * 1024.;
}

static double restarts_of(const struct board_process *process) {
    return (double)process->restarts;
}

static const struct {
    const char *family, *type, *help;
    double (*value)(const struct board_process *process);
} process_families[] = {
    {"process_cpu_seconds_total", "counter", "user and system time of a process", cpu_of},
    {"process_resident_memory_bytes", "gauge", "resident memory of a process", memory_of},
    {"process_restarts_total", "counter", "how often a process was replaced", restarts_of},
};

static void put_processes(struct exposition *out, const struct board_facts *facts) {
    for (size_t i = 0; i < sizeof(process_families) / sizeof(process_families[0]); i++) {
        exposition_family(out, process_families[i].family, process_families[i].type,
                          process_families[i].help);
        for (uint32_t k = 0; k < facts->process_count; k++) {
            char slot[16];
            (void)snprintf(slot, sizeof(slot), "%" PRIu32, facts->processes[k].slot);
            exposition_begin(out, process_families[i].family, "");
            exposition_label(out, "process", facts->processes[k].kind);
            exposition_label(out, "slot", slot);
            exposition_end_seconds(out, process_families[i].value(&facts->processes[k]));
        }
    }
}

// --- Certificates ---

static void put_term(struct exposition *out, const char *family, const struct watched *watched,
                     const struct board_term *term, int64_t value) {
    const struct config_site *site = &watched->config->sites[term->site];
    exposition_begin(out, family, "");
    exposition_label(out, "site", site->name);
    exposition_label(out, "certificate", site->certificates[term->certificate].certificate_path);
    exposition_end_seconds(out, (double)value);
}

static void put_terms(struct exposition *out, const struct watched *watched,
                      const struct board_facts *facts, bool is_ocsp, bool is_begin,
                      const char *family, const char *help) {
    bool has_family = false;
    for (uint32_t i = 0; i < facts->term_count; i++) {
        const struct board_term *term = &facts->terms[i];
        if (term->is_ocsp != is_ocsp || !watched_has_term(watched, term)) {
            continue;
        }
        if (!has_family) {
            exposition_family(out, family, "gauge", help);
            has_family = true;
        }
        put_term(out, family, watched, term, is_begin ? term->from : term->until);
    }
}

void metrics_put_facts(struct exposition *out, const struct monitor_options *options,
                       const struct watched *watched) {
    struct board_facts *facts = malloc(sizeof(*facts));
    if (facts == NULL || !board_read(options->board, facts)) {
        out->failed = true;
        free(facts);
        return;
    }
    put_general(out, facts);
    put_processes(out, facts);
    // Not written until the board has the facts of the current generation.
    if (facts->generation == watched->number) {
        put_terms(out, watched, facts, false, false, "certificate_expiry_timestamp_seconds",
                  "when the certificates of a file expire, since 1970");
        put_terms(out, watched, facts, true, true, "ocsp_this_update_timestamp_seconds",
                  "thisUpdate of the stapled OCSP response, since 1970");
        put_terms(out, watched, facts, true, false, "ocsp_next_update_timestamp_seconds",
                  "nextUpdate of the stapled OCSP response, since 1970");
    }
    free(facts);
}
