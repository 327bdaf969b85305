#include "process/facts.h"

#include "base/clock.h"
#include "process/pulse.h"
#include "process/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The second field of /proc/PID/statm, in pages.
static uint64_t read_memory_kib(pid_t pid) {
    char path[32];
    char line[128];
    char *rest = line;
    (void)snprintf(path, sizeof(path), "/proc/%ld/statm", (long)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    bool is_read = fgets(line, sizeof(line), file) != NULL;
    (void)fclose(file);
    uint64_t pages = 0;
    if (is_read) {
        (void)strtoull(line, &rest, 10); // the size
        pages = strtoull(rest, NULL, 10);
    }
    return pages * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

static void write_process(struct board_facts *board, const char *kind, unsigned slot, pid_t pid,
                          unsigned restarts) {
    if (board->process_count == BOARD_PROCESSES_MAX) {
        return;
    }
    struct board_process *process = &board->processes[board->process_count++];
    *process = (struct board_process){.slot = slot, .pid = (int32_t)pid, .restarts = restarts};
    (void)snprintf(process->kind, sizeof(process->kind), "%s", kind);
    if (pid > 0) {
        process->cpu_ms = (uint64_t)(process_state_read(pid).cpu_s * 1000.);
        process->memory_kib = read_memory_kib(pid);
    }
}

static void write_processes(struct board_facts *board, const struct children *children) {
    board->process_count = 0;
    write_process(board, "master", 0, getpid(), 0);
    for (const struct child *child = child_first(children, NULL); child != NULL;
         child = child_next(child, NULL)) {
        if (child->pid > 0 || child_is_wanted(child, children->current)) {
            write_process(board, child->kind->name, child->slot, child->pid, child->restarts);
        }
    }
}

static void write_terms(struct board_facts *board, const struct source *source) {
    const struct term *term;
    board->generation = source->number;
    board->term_count = 0;
    board->terms_are_cut = false;
    for (size_t i = 0; (term = findings_term(source->findings, source->config, i)) != NULL; i++) {
        if (term->kind != TERM_CERTIFICATE && term->kind != TERM_OCSP) {
            continue;
        }
        if (board->term_count == BOARD_TERMS_MAX) {
            board->terms_are_cut = true;
            return;
        }
        board->terms[board->term_count++] = (struct board_term){.site = term->site,
                                                                .certificate = term->certificate,
                                                                .is_ocsp = term->kind == TERM_OCSP,
                                                                .from = term->from,
                                                                .until = term->until};
    }
}

void facts_write(const struct facts *facts, uint64_t lost_log_lines) {
    struct board_facts *board = board_begin(facts->board);
    (void)snprintf(board->version, sizeof(board->version), "%s", facts->version);
    (void)snprintf(board->config_path, sizeof(board->config_path), "%s", facts->config_path);
    (void)snprintf(board->reload_text, sizeof(board->reload_text), "%s", facts->reload_text);
    board->started_us = facts->started_us;
    board->reloads_done = facts->reloads_done;
    board->reloads_failed = facts->reloads_failed;
    board->reloaded_us = facts->reloaded_us;
    board->reload_failed = facts->reload_failed;
    board->tickets_us = facts->tickets->made_us;
    board->lost_log_lines = lost_log_lines;
    board->orders_failing = children_order(facts->children) ? facts->children->orders.failing : 0;
    write_processes(board, facts->children);
    write_terms(board, facts->children->current);
    board_end(facts->board);
}

void facts_note_reload(struct facts *facts, const struct reload_end *end) {
    if (end->result == RELOAD_SAME) {
        return;
    }
    facts->reload_failed = end->result == RELOAD_FAILED;
    facts->reloads_done += !facts->reload_failed;
    facts->reloads_failed += facts->reload_failed;
    facts->reloaded_us = clock_wall_us();
    (void)snprintf(facts->reload_text, sizeof(facts->reload_text), "%s", end->text);
}

void facts_note_line(void *board, enum log_severity severity, const char *line) {
    board_add_event(board, clock_wall_us(), severity, line);
}
