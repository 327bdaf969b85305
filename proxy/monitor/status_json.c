#include "monitor/status_json.h"

#include "base/clock.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>

// Facts and events of the board, in one allocation because they are large.
struct told {
    struct board_facts facts;
    struct board_events events;
};

// --- What Ravelin is ---

static void put_reloads(struct json *json, const struct board_facts *facts) {
    json_open(json, "reloads", '{');
    json_unsigned(json, "done", facts->reloads_done);
    json_unsigned(json, "failed", facts->reloads_failed);
    json_integer(json, "last", facts->reloaded_us / 1000000);
    json_bool(json, "last_failed", facts->reload_failed);
    json_string(json, "text", facts->reload_text);
    json_close(json, '}');
}

static void put_general(struct json *json, const struct board_facts *facts,
                        const struct status_input *input) {
    static const char *const states[] = {
        [BOARD_STARTING] = "starting", [BOARD_RUNNING] = "running", [BOARD_ENDING] = "draining"};
    enum board_state state = board_state(input->options->board);
    json_string(json, "version", facts->version);
    json_string(json, "state", state <= BOARD_ENDING ? states[state] : "unknown");
    json_unsigned(json, "generation", input->watched->number);
    json_string(json, "config", facts->config_path);
    json_integer(json, "started", facts->started_us / 1000000);
    json_integer(json, "now", clock_wall_us() / 1000000);
    json_integer(json, "tickets_made", facts->tickets_us / 1000000);
    json_unsigned(json, "lost_log_lines", facts->lost_log_lines);
    put_reloads(json, facts);
}

static void put_processes(struct json *json, const struct board_facts *facts) {
    json_open(json, "processes", '[');
    for (uint32_t i = 0; i < facts->process_count; i++) {
        const struct board_process *process = &facts->processes[i];
        json_open(json, NULL, '{');
        json_string(json, "kind", process->kind);
        json_unsigned(json, "slot", process->slot);
        json_integer(json, "pid", process->pid);
        json_unsigned(json, "restarts", process->restarts);
        json_unsigned(json, "cpu_ms", process->cpu_ms);
        json_unsigned(json, "memory_kib", process->memory_kib);
        json_close(json, '}');
    }
    json_close(json, ']');
}

// --- Sites ---

static void put_responses(struct json *json, const struct series *series, uint32_t cell) {
    json_open(json, "responses", '{');
    for (size_t i = 0; i < SERIES_CLASSES; i++) {
        json_unsigned(json, series_classes[i].name,
                      series_sum(series, cell, series_classes[i].counter));
    }
    json_close(json, '}');
}

static const struct board_term *find_term(const struct board_facts *facts, size_t site,
                                          size_t certificate, bool is_ocsp) {
    for (uint32_t i = 0; i < facts->term_count; i++) {
        const struct board_term *term = &facts->terms[i];
        if (term->site == site && term->certificate == certificate && term->is_ocsp == is_ocsp) {
            return term;
        }
    }
    return NULL;
}

static void put_certificates(struct json *json, const struct config_site *site, size_t index,
                             const struct board_facts *facts) {
    json_open(json, "certificates", '[');
    for (size_t i = 0; i < site->certificate_count; i++) {
        const struct board_term *term = find_term(facts, index, i, false);
        const struct board_term *ocsp = find_term(facts, index, i, true);
        json_open(json, NULL, '{');
        json_string(json, "file", site->certificates[i].certificate_path);
        if (term != NULL) {
            json_integer(json, "begins", term->from);
            json_integer(json, "expires", term->until);
        }
        if (ocsp != NULL) {
            json_integer(json, "ocsp_made", ocsp->from);
            json_integer(json, "ocsp_expires", ocsp->until);
        }
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void put_sites(struct json *json, const struct board_facts *facts,
                      const struct status_input *input) {
    const struct config *config = input->watched->config;
    json_unsigned(json, "site_count", config->site_count);
    json_open(json, "sites", '[');
    for (size_t i = 0; i < config->site_count && i < STATUS_SITES_MAX; i++) {
        json_open(json, NULL, '{');
        json_string(json, "name", config->sites[i].name);
        json_unsigned(json, "aliases", config->sites[i].alias_count);
        put_responses(json, input->options->series, input->watched->site_cells[i]);
        put_certificates(json, &config->sites[i], i, facts);
        json_close(json, '}');
    }
    json_close(json, ']');
}

// --- Backends ---

static const char *const standings[] = {[SERVER_PRIMARY] = "up",
                                        [SERVER_BACKUP] = "backup",
                                        [SERVER_DRAINING] = "draining",
                                        [SERVER_DOWN] = "down"};

#define WHY_SIZE 200
_Static_assert(WHY_SIZE >= CHECK_TEXT_SIZE && WHY_SIZE >= FAULT_TEXT_SIZE, "room for any reason");

// The state of a server in one word. `why`: empty if there is no reason to show.
static const char *find_state(const struct config_backend *backend,
                              const struct server_entry *entry, const struct server_counts *counts,
                              char why[WHY_SIZE]) {
    const struct server_health health = server_counts_summary(counts, entry->cell);
    const struct check *check = &server_counts_checks(counts)[entry->cell];
    enum server_standing standing = server_entry_standing(entry);
    enum check_standing checked = backend->health_count == 0 ? CHECK_UP : check_standing(check);
    why[0] = '\0';
    if (standing >= SERVER_DRAINING) {
        (void)snprintf(why, WHY_SIZE, "by order of the operator");
        return standing <= SERVER_DOWN ? standings[standing] : "unknown";
    }
    if (checked == CHECK_DOWN) {
        check_write(atomic_load_explicit(&check->fault, memory_order_relaxed), backend->health,
                    why);
        return "out";
    }
    if (checked == CHECK_NEW) {
        (void)snprintf(why, WHY_SIZE, "new: not checked yet");
        return "trying";
    }
    if (health.workers_out > 0) {
        fault_write(health.fault, why);
        return "out";
    }
    return standings[standing];
}

// A server that is a name has the state of its best address.
static const char *find_name_state(const struct config_backend *backend,
                                   const struct server_entry *entries, size_t places,
                                   const struct server_counts *counts, char why[WHY_SIZE]) {
    const char *best = "out";
    char reason[WHY_SIZE] = "";
    size_t present = 0;
    size_t used = 0;
    for (size_t i = 0; i < places; i++) {
        char one[WHY_SIZE];
        if (server_entry_standing(&entries[i]) == SERVER_ABSENT) {
            continue;
        }
        const char *state = find_state(backend, &entries[i], counts, one);
        bool is_used = state == standings[SERVER_PRIMARY] || state == standings[SERVER_BACKUP];
        best = is_used && (used == 0 || state == standings[SERVER_PRIMARY]) ? state : best;
        used += is_used;
        present++;
        if (one[0] != '\0') {
            (void)snprintf(reason, sizeof(reason), "; %.150s", one);
        }
    }
    if (present == 0) {
        (void)snprintf(why, WHY_SIZE, "the DNS has no address");
    } else {
        (void)snprintf(why, WHY_SIZE, "%zu of %zu addresses in use%.150s", used, present, reason);
    }
    return best;
}

// `first`: of its places.
static void put_server(struct json *json, const struct status_input *input,
                       const struct config_backend *backend, const struct config_server *server,
                       size_t index, size_t first) {
    const struct server_entry *entries = &input->watched->servers.entries[first];
    const struct server_counts *counts = input->options->servers;
    const struct server_counter counter = {counts, 0};
    size_t places = config_server_places(server);
    char why[WHY_SIZE];
    uint32_t cell = input->watched->server_cells[index];
    uint64_t connections = 0;
    for (size_t i = 0; i < places; i++) {
        connections += server_counter_total(&counter, entries[i].cell);
    }
    json_open(json, NULL, '{');
    json_string(json, "address", server->text);
    json_string(json, "state",
                server->host == NULL ? find_state(backend, entries, counts, why)
                                     : find_name_state(backend, entries, places, counts, why));
    json_string(json, "why", why);
    json_bool(json, "backup", server->backup);
    json_unsigned(json, "weight", server->weight);
    json_unsigned(json, "connections", connections);
    json_unsigned(json, "connections_max", server->max_connections);
    json_unsigned(json, "failures", series_sum(input->options->series, cell, SERIES_FAILURES));
    put_responses(json, input->options->series, cell);
    json_close(json, '}');
}

static uint64_t count_servers(const struct config *config) {
    uint64_t count = 0;
    for (size_t i = 0; i < config->backend_count; i++) {
        count += config->backends[i].server_count;
    }
    return count;
}

static void put_backends(struct json *json, const struct status_input *input) {
    const struct config *config = input->watched->config;
    const struct server_counter counter = {input->options->servers, 0};
    size_t index = 0;
    size_t place = 0;
    json_open(json, "backends", '[');
    for (size_t i = 0; i < watched_backends(input->watched); i++) {
        const struct config_backend *backend = &config->backends[i];
        if (index >= STATUS_SERVERS_MAX) {
            break;
        }
        uint32_t cell = input->watched->servers.entries[place].cell;
        json_open(json, NULL, '{');
        json_string(json, "name", backend->name);
        json_unsigned(json, "waiting", server_counter_waiting(&counter, cell));
        json_open(json, "servers", '[');
        for (size_t k = 0; k < backend->server_count && index < STATUS_SERVERS_MAX; k++) {
            put_server(json, input, backend, &backend->servers[k], index++, place);
            place += config_server_places(&backend->servers[k]);
        }
        json_close(json, ']');
        json_close(json, '}');
    }
    json_close(json, ']');
    json_unsigned(json, "server_count", count_servers(config));
}

// --- Events ---

static void put_event(struct json *json, const struct board_event *event) {
    static const char *const names[] = {"error", "warning", "info", "debug"};
    json_open(json, NULL, '{');
    json_integer(json, "time", event->at_us / 1000000);
    json_string(json, "level", event->severity < 4 ? names[event->severity] : "info");
    json_string(json, "text", event->text);
    json_close(json, '}');
}

// Both lists are in the order of time.
static void put_events(struct json *json, const struct board_events *a,
                       const struct board_events *b) {
    size_t i = 0;
    size_t k = 0;
    json_open(json, "events", '[');
    while (i < a->count || k < b->count) {
        bool first = k == b->count || (i < a->count && a->items[i].at_us <= b->items[k].at_us);
        put_event(json, first ? &a->items[i++] : &b->items[k++]);
    }
    json_close(json, ']');
}

// --- All of it ---

static void write_all(struct json *json, const struct status_input *input,
                      const struct told *told) {
    static const struct board_facts none;
    bool fits = told->facts.generation == input->watched->number;
    json_open(json, NULL, '{');
    put_general(json, &told->facts, input);
    put_sites(json, fits ? &told->facts : &none, input);
    put_backends(json, input);
    put_processes(json, &told->facts);
    metrics_to_json(input->options->all_metrics, input->options->metric_slots, json, "metrics");
    history_to_json(input->history, json);
    put_events(json, &told->events, input->own_events);
    json_close(json, '}');
}

bool status_json_write(struct buffer *output, const struct status_input *input) {
    struct told *told = malloc(sizeof(*told));
    char *room = (char *)buffer_room(output, STATUS_SIZE_MAX, STATUS_SIZE_MAX);
    bool ok = told != NULL && room != NULL && board_read(input->options->board, &told->facts);
    if (ok) {
        struct json json = json_into(room, STATUS_SIZE_MAX);
        board_read_events(input->options->board, &told->events);
        write_all(&json, input, told);
        buffer_grow(output, json.size);
        ok = !json.failed;
    }
    free(told);
    return ok;
}
