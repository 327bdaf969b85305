#include "process/servers.h"

#include "base/clock.h"
#include "config/host.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// The words of orders, in the order of enum server_order.
static const char *const WORDS[] = {"ready", "drain", "down"};
enum {
    WORD_COUNT = sizeof(WORDS) / sizeof(WORDS[0]),
    NAME_COLUMN_MAX = 60,
    SERVER_TEXT_SIZE = HOST_TEXT_SIZE + 16 // "srv:" and a name, or a name and a port
};

// A cursor over the places of a source. A server that is a name has several places.
struct cursor {
    const struct config *config;
    size_t backend, server, place; // indices
    size_t index;                  // in the table
};

static bool is_at_end(const struct cursor *cursor) {
    const struct config *config = cursor->config; // its challenge backend is not the operator's
    return cursor->backend == config->backend_count - (config->has_challenge_backend ? 1 : 0);
}

static const struct config_backend *backend_at(const struct cursor *cursor) {
    return &cursor->config->backends[cursor->backend];
}

static const struct config_server *server_at(const struct cursor *cursor) {
    return &backend_at(cursor)->servers[cursor->server];
}

static struct cursor first_server(const struct config *config) {
    return (struct cursor){.config = config};
}

static void move_on(struct cursor *cursor) {
    cursor->index++;
    if (++cursor->place < config_server_places(server_at(cursor))) {
        return;
    }
    cursor->place = 0;
    if (++cursor->server == backend_at(cursor)->server_count) {
        cursor->server = 0;
        cursor->backend++;
    }
}

static const struct server_entry *entry_at(const struct source *source,
                                           const struct cursor *cursor) {
    return server_table_entry(&source->servers, cursor->index);
}

static bool is_absent(const struct server_entry *entry) {
    return server_entry_standing(entry) == SERVER_ABSENT;
}

// Writes the address as in the configuration.
static void put_address(const struct source *source, const struct cursor *cursor,
                        char text[SERVER_TEXT_SIZE]) {
    struct address address;
    if (server_at(cursor)->host == NULL) {
        (void)snprintf(text, SERVER_TEXT_SIZE, "%s", server_at(cursor)->text);
        return;
    }
    (void)server_entry_address(entry_at(source, cursor), &address);
    address_format(&address, text);
}

// --- Orders ---

static bool has_name(const struct source *source, const struct cursor *cursor, const char *name) {
    const char *backend = backend_at(cursor)->name;
    size_t size = strlen(backend);
    char address[SERVER_TEXT_SIZE];
    put_address(source, cursor, address);
    return !is_absent(entry_at(source, cursor)) && strncmp(name, backend, size) == 0 &&
           name[size] == '/' && strcmp(name + size + 1, address) == 0;
}

int servers_order(const struct source *source, const char *name, const char *word, struct log *log,
                  char text[SERVERS_TEXT_SIZE]) {
    size_t order = 0;
    while (order < WORD_COUNT && strcmp(word, WORDS[order]) != 0) {
        order++;
    }
    if (order == WORD_COUNT) {
        (void)snprintf(text, SERVERS_TEXT_SIZE, "a server can be drain, ready or down, not '%s'",
                       word);
        return 2;
    }
    struct cursor cursor = first_server(source->config);
    while (!is_at_end(&cursor) && !has_name(source, &cursor, name)) {
        move_on(&cursor);
    }
    if (is_at_end(&cursor)) {
        (void)snprintf(text, SERVERS_TEXT_SIZE,
                       "no server '%s'; 'ravelin servers' lists them as BACKEND/ADDRESS", name);
        return 1;
    }
    enum server_order before = server_entry_order(entry_at(source, &cursor));
    for (; !is_at_end(&cursor); move_on(&cursor)) { // several names may have the same address
        if (has_name(source, &cursor, name)) {
            server_table_order(&source->servers, cursor.index, server_at(&cursor),
                               (enum server_order)order);
        }
    }
    if (before != (enum server_order)order) {
        log_info(log, "server %s: %s (it was %s)", name, word, WORDS[before]);
    }
    (void)snprintf(text, SERVERS_TEXT_SIZE, "%s: %s", name, word);
    return 0;
}

// --- Reloads ---

// Whether both have the same configuration.
static bool is_same(const struct config_server *a, const struct config_server *b) {
    return a->weight == b->weight && a->backup == b->backup &&
           a->max_connections == b->max_connections;
}

// The place in `former` of the same address as place `at` of the next table; its end: none.
static struct cursor find_former(const struct source *former, const struct source *next,
                                 const struct cursor *at) {
    const struct server_entry *entry = entry_at(next, at);
    struct cursor cursor = first_server(former->config);
    while (!is_at_end(&cursor) && (entry->former == 0 || cursor.index + 1 != entry->former)) {
        move_on(&cursor);
    }
    return cursor;
}

// Whether any server has an order. Usually none has, and no place is searched.
static bool has_orders(const struct source *source) {
    struct cursor cursor = first_server(source->config);
    while (!is_at_end(&cursor) &&
           server_entry_order(entry_at(source, &cursor)) == SERVER_ORDER_READY) {
        move_on(&cursor);
    }
    return !is_at_end(&cursor);
}

// `before`: the place of `at` in the former table.
static void keep_order(const struct source *next, const struct cursor *at,
                       const struct source *former, const struct cursor *before, struct log *log) {
    char now[SERVER_TEXT_SIZE];
    char then[SERVER_TEXT_SIZE];
    enum server_order order = server_entry_order(entry_at(former, before));
    put_address(next, at, now);
    put_address(former, before, then);
    if (order == SERVER_ORDER_READY || strcmp(now, then) != 0) {
        return; // the name of a place may have got another address meanwhile
    }
    if (is_same(server_at(at), server_at(before))) {
        server_table_order(&next->servers, at->index, server_at(at), order);
    } else {
        log_info(log, "server %s/%s: ready (it was %s), because the configuration changed it",
                 backend_at(at)->name, now, WORDS[order]);
    }
}

void servers_keep_orders(const struct source *next, const struct source *former, struct log *log) {
    if (!has_orders(former)) {
        return;
    }
    for (struct cursor at = first_server(next->config); !is_at_end(&at); move_on(&at)) {
        const struct cursor before = find_former(former, next, &at);
        if (!is_at_end(&before)) {
            keep_order(next, &at, former, &before, log);
        }
    }
}

// --- The list ---

// Whether the place has a line: it has an address, or is the first place of a name without any.
static bool is_listed(const struct source *source, const struct cursor *at) {
    if (at->place > 0 || !is_absent(entry_at(source, at))) {
        return !is_absent(entry_at(source, at));
    }
    struct cursor next = *at;
    while (!is_at_end(&next) && next.backend == at->backend && next.server == at->server &&
           is_absent(entry_at(source, &next))) {
        move_on(&next);
    }
    return is_at_end(&next) || next.place == 0;
}

// Writes the beginning of a server's line.
static void put_title(const struct source *source, const struct cursor *at,
                      char text[SERVER_TEXT_SIZE]) {
    if (is_absent(entry_at(source, at))) {
        (void)snprintf(text, SERVER_TEXT_SIZE, "%s", server_at(at)->text);
    } else {
        put_address(source, at, text);
    }
}

static int name_width(const struct source *source) {
    size_t widest = 0;
    for (struct cursor at = first_server(source->config); !is_at_end(&at); move_on(&at)) {
        char title[SERVER_TEXT_SIZE];
        put_title(source, &at, title);
        size_t size = strlen(backend_at(&at)->name) + 1 + strlen(title);
        widest = size > widest && is_listed(source, &at) ? size : widest;
    }
    return (int)(widest < NAME_COLUMN_MAX ? widest : NAME_COLUMN_MAX);
}

static void put_limit(char text[16], uint32_t limit) {
    if (limit == 0) {
        (void)snprintf(text, 16, "-");
    } else {
        (void)snprintf(text, 16, "%" PRIu32, limit);
    }
}

enum { HEALTH_TEXT_SIZE = FAULT_TEXT_SIZE + 128 };

// Whether failures have taken all servers of the backend out of use, so that all are used.
static bool are_all_out(const struct source *source, const struct cursor *at,
                        const struct server_counts *counts) {
    struct cursor cursor = first_server(source->config);
    while (cursor.backend < at->backend) {
        move_on(&cursor);
    }
    while (!is_at_end(&cursor) && cursor.backend == at->backend &&
           (is_absent(entry_at(source, &cursor)) ||
            server_counts_summary(counts, entry_at(source, &cursor)->cell).workers_out > 0)) {
        move_on(&cursor);
    }
    return is_at_end(&cursor) || cursor.backend != at->backend;
}

static void put_health(char text[HEALTH_TEXT_SIZE], const struct source *source,
                       const struct cursor *at, const struct server_counts *counts) {
    const struct server_health health = server_counts_summary(counts, entry_at(source, at)->cell);
    uint32_t slow_start_ms = backend_at(at)->slow_start_ms;
    size_t workers = server_counts_slots(counts);
    char why[FAULT_TEXT_SIZE];
    char part[64] = "";
    const struct config_backend *backend = backend_at(at);
    const struct check *check = &server_counts_checks(counts)[entry_at(source, at)->cell];
    enum check_standing standing = backend->health_count == 0 ? CHECK_UP : check_standing(check);
    if (standing == CHECK_DOWN) {
        char reason[CHECK_TEXT_SIZE];
        check_write(check->fault, backend->health, reason);
        (void)snprintf(text, HEALTH_TEXT_SIZE, "down: %s", reason);
        return;
    }
    if (standing == CHECK_NEW) {
        (void)snprintf(text, HEALTH_TEXT_SIZE, "new: not checked yet");
        return;
    }
    if (health.workers_out == 0) {
        int64_t up_ms = backend->health_count == 0 ? 0 : check_since(check);
        int64_t since_ms = up_ms > health.since_ms ? up_ms : health.since_ms;
        bool slow = health_share(since_ms, slow_start_ms, clock_monotonic_us() / 1000) < 256;
        (void)snprintf(text, HEALTH_TEXT_SIZE, slow ? "up (slow start)" : "up");
        return;
    }
    if (health.workers_out < workers) {
        (void)snprintf(part, sizeof(part), " in %" PRIu32 " of %zu workers", health.workers_out,
                       workers);
    }
    fault_write(health.fault, why);
    (void)snprintf(text, HEALTH_TEXT_SIZE, "%s%s: %s",
                   are_all_out(source, at, counts) ? "out, but used (none is up)" : "out", part,
                   why);
}

// Returns the bytes of the line, also if it does not fit.
static size_t put_server(char *text, size_t room, const struct source *source,
                         const struct cursor *at, const struct server_counts *counts, int width) {
    const struct server_counter counter = {counts, 0};
    const struct server_entry *entry = entry_at(source, at);
    const struct config_server *server = server_at(at);
    const char *backend = backend_at(at)->name;
    char limit[16];
    char health[HEALTH_TEXT_SIZE] = "-";
    char title[SERVER_TEXT_SIZE];
    if (!is_absent(entry)) {
        put_health(health, source, at, counts);
    }
    put_limit(limit, server->max_connections);
    put_title(source, at, title);
    int left = width - (int)strlen(backend) - 1;
    bool has_names = config_has_names(source->config);
    int size = snprintf(
        text, room, "%s/%-*s  %-5s  %6" PRIu32 "  %7s  %6" PRIu32 "  %-6s  %s%s%s\n", backend,
        left > 0 ? left : 0, title, is_absent(entry) ? "none" : WORDS[server_entry_order(entry)],
        server_counter_total(&counter, entry->cell), limit, server_entry_weight(entry),
        server_entry_own(entry, server) == SERVER_BACKUP ? "yes" : "no", health,
        has_names ? "  " : "",
        !has_names             ? ""
        : server->host == NULL ? "-"
                               : server->text);
    return size < 0 ? room : (size_t)size;
}

void servers_list(const struct source *source, const struct server_counts *counts, char *text,
                  size_t capacity) {
    enum { ROOM_FOR_REST = 64 };
    int width = name_width(source);
    size_t size = (size_t)snprintf(text, capacity, "%-*s  %-5s  %6s  %7s  %6s  %-6s  %s%s\n", width,
                                   "server", "state", "in use", "at most", "weight", "backup",
                                   "health", config_has_names(source->config) ? "  name" : "");
    size_t left_out = 0;
    for (struct cursor at = first_server(source->config); !is_at_end(&at); move_on(&at)) {
        if (!is_listed(source, &at)) {
            continue;
        }
        size_t room = capacity - size - ROOM_FOR_REST;
        size_t line =
            left_out > 0 ? room : put_server(text + size, room, source, &at, counts, width);
        if (line < room) {
            size += line;
        } else {
            left_out++;
        }
    }
    text[size > 0 ? size - 1 : 0] = '\0'; // the last line end
    if (left_out > 0) {
        (void)snprintf(text + size - 1, capacity - size + 1, "\nand %zu more", left_out);
    }
}

// --- The status ---

struct shown_state {
    const char *word;
    char why[FAULT_TEXT_SIZE > CHECK_TEXT_SIZE ? FAULT_TEXT_SIZE : CHECK_TEXT_SIZE];
    int64_t since_ms; // monotonic clock; 0: unknown
};

// The earliest time of the workers that have the server out of use. They may write any number.
static int64_t out_since_ms(const struct server_counts *counts, uint32_t cell) {
    int64_t now_ms = clock_monotonic_us() / 1000;
    int64_t first_ms = now_ms;
    for (size_t slot = 0; slot < server_counts_slots(counts); slot++) {
        const struct health *health = &server_counts_health(counts, slot)[cell];
        int64_t since_ms = health_since(health);
        if (health_is_out(health) && since_ms > 0 && since_ms < first_ms) {
            first_ms = since_ms;
        }
    }
    return first_ms;
}

static void find_health(struct shown_state *state, const struct config_backend *backend,
                        const struct server_counts *counts, uint32_t cell) {
    const struct server_health health = server_counts_summary(counts, cell);
    const struct check *check = &server_counts_checks(counts)[cell];
    enum check_standing standing = backend->health_count == 0 ? CHECK_UP : check_standing(check);
    if (standing == CHECK_DOWN) {
        state->word = "down";
        state->since_ms = check_since(check);
        check_write(atomic_load_explicit(&check->fault, memory_order_relaxed), backend->health,
                    state->why);
    } else if (standing == CHECK_NEW) {
        state->word = "new";
        (void)snprintf(state->why, sizeof(state->why), "not checked yet");
    } else if (health.workers_out > 0) {
        state->word = "out";
        state->since_ms = out_since_ms(counts, cell);
        fault_write(health.fault, state->why);
    }
}

static struct shown_state find_state(const struct source *source, const struct cursor *at,
                                     const struct server_counts *counts) {
    const struct server_entry *entry = entry_at(source, at);
    struct shown_state state = {.word = "up"};
    if (is_absent(entry)) {
        state.word = "none";
        (void)snprintf(state.why, sizeof(state.why), "the DNS has no address");
    } else if (server_entry_order(entry) != SERVER_ORDER_READY) {
        state.word = WORDS[server_entry_order(entry)];
        (void)snprintf(state.why, sizeof(state.why), "by order of the operator");
    } else {
        find_health(&state, backend_at(at), counts, entry->cell);
    }
    return state;
}

static void put_since(struct json *json, int64_t since_ms) {
    char text[CLOCK_ISO_SIZE];
    int64_t now_ms = clock_monotonic_us() / 1000;
    if (since_ms <= 0 || since_ms > now_ms) {
        json_string(json, "since", NULL);
        return;
    }
    clock_format_iso(clock_wall_us() - (now_ms - since_ms) * 1000, text);
    json_string(json, "since", text);
}

static void put_state(struct json *json, const struct source *source, const struct cursor *at,
                      const struct shown_state *state) {
    char title[SERVER_TEXT_SIZE];
    put_title(source, at, title);
    json_open(json, NULL, '{');
    json_string(json, "backend", backend_at(at)->name);
    json_string(json, "server", title);
    json_string(json, "state", state->word);
    json_string(json, "why", state->why);
    put_since(json, state->since_ms);
    json_close(json, '}');
}

void servers_put_status(struct json *json, const struct source *source,
                        const struct server_counts *counts) {
    size_t count = 0;
    size_t not_up = 0;
    json_open(json, "servers", '{');
    json_open(json, "not_up", '[');
    for (struct cursor at = first_server(source->config); !is_at_end(&at); move_on(&at)) {
        if (!is_listed(source, &at)) {
            continue;
        }
        const struct shown_state state = find_state(source, &at, counts);
        bool is_up = strcmp(state.word, "up") == 0;
        count++;
        not_up += is_up ? 0 : 1;
        if (!is_up && not_up <= SERVERS_STATUS_MAX) {
            put_state(json, source, &at, &state);
        }
    }
    json_close(json, ']');
    json_unsigned(json, "count", count);
    json_unsigned(json, "up", count - not_up);
    json_close(json, '}');
}

// --- Another master ---

bool servers_next_order(const struct source *source, size_t *at, struct servers_order *order) {
    struct cursor cursor = first_server(source->config);
    while (!is_at_end(&cursor) &&
           (cursor.index < *at ||
            server_entry_order(entry_at(source, &cursor)) == SERVER_ORDER_READY)) {
        move_on(&cursor);
    }
    if (is_at_end(&cursor)) {
        return false;
    }
    const struct config_server *server = server_at(&cursor);
    *order = (struct servers_order){
        .order = (uint32_t)server_entry_order(entry_at(source, &cursor)),
        .weight = server->weight,
        .max_connections = server->max_connections,
        .is_backup = server->backup,
    };
    char address[SERVER_TEXT_SIZE];
    put_address(source, &cursor, address);
    (void)snprintf(order->name, sizeof(order->name), "%s/%s", backend_at(&cursor)->name, address);
    *at = cursor.index + 1;
    return true;
}

bool servers_take_order(const struct source *source, const struct servers_order *order) {
    struct cursor cursor = first_server(source->config);
    while (!is_at_end(&cursor) && !has_name(source, &cursor, order->name)) {
        move_on(&cursor);
    }
    if (is_at_end(&cursor) || order->order >= WORD_COUNT) {
        return false;
    }
    const struct config_server *server = server_at(&cursor);
    if (server->weight != order->weight || server->max_connections != order->max_connections ||
        server->backup != (order->is_backup != 0)) {
        return false;
    }
    server_table_order(&source->servers, cursor.index, server, (enum server_order)order->order);
    return true;
}

static bool is_down(const struct source *source, const struct server_counts *counts,
                    const struct cursor *cursor) {
    const struct server_entry *entry = entry_at(source, cursor);
    return backend_at(cursor)->health_count > 0 && !is_absent(entry) &&
           check_standing(&server_counts_checks(counts)[entry->cell]) == CHECK_DOWN;
}

bool servers_next_check(const struct source *source, const struct server_counts *counts, size_t *at,
                        struct servers_check *check) {
    struct cursor cursor = first_server(source->config);
    while (!is_at_end(&cursor) && (cursor.index < *at || !is_down(source, counts, &cursor))) {
        move_on(&cursor);
    }
    if (is_at_end(&cursor)) {
        return false;
    }
    const struct check *found = &server_counts_checks(counts)[entry_at(source, &cursor)->cell];
    char address[SERVER_TEXT_SIZE];
    put_address(source, &cursor, address);
    *check = (struct servers_check){.since_ms = check_since(found)};
    check->fault = check_fault(found, &check->detail);
    (void)snprintf(check->name, sizeof(check->name), "%s/%s", backend_at(&cursor)->name, address);
    *at = cursor.index + 1;
    return true;
}

void servers_take_check(const struct source *source, const struct server_counts *counts,
                        const struct servers_check *check) {
    struct cursor cursor = first_server(source->config);
    while (!is_at_end(&cursor) && !has_name(source, &cursor, check->name)) {
        move_on(&cursor);
    }
    if (!is_at_end(&cursor) && backend_at(&cursor)->health_count > 0 && check->fault > CHECK_GOOD &&
        check->fault < CHECK_FAULT_COUNT) {
        server_counts_set_check(counts, entry_at(source, &cursor)->cell, CHECK_DOWN,
                                (enum check_fault)check->fault, check->detail, check->since_ms);
    }
}
