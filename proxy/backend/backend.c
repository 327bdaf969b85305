#include "backend/backend.h"

#include "backend/queue.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/secret.h"
#include "http/encode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Makes the value of Set-Cookie for a server.
static void make_cookie(const struct backend *backend, const struct server *server, char *cookie) {
    uint8_t name[SERVER_NAME_SIZE];
    char text[SERVER_NAME_TEXT_SIZE];
    server_entry_name(server->entry, name);
    server_name_write(name, text);
    (void)snprintf(cookie, HTTP_SET_COOKIE_MAX + 1,
                   "%s=%.*s; Path=/; HttpOnly; Secure; SameSite=Lax", backend->config->sticky,
                   SERVER_NAME_TEXT_SIZE, text);
}

static bool make_cookies(struct backend *backend) {
    backend->cookies = calloc(backend->server_count, HTTP_SET_COOKIE_MAX + 1);
    for (size_t i = 0; backend->cookies != NULL && i < backend->server_count; i++) {
        char *cookie = backend->cookies + i * (HTTP_SET_COOKIE_MAX + 1);
        make_cookie(backend, &backend->servers[i], cookie);
        backend->servers[i].cookie = cookie;
    }
    return backend->cookies != NULL;
}

// --- Names ---

// The place has another address than before.
static void renew(struct server *server) {
    struct backend *backend = server->backend;
    size_t index = (size_t)(server - backend->servers);
    char *text = backend->texts + index * ADDRESS_TEXT_SIZE;
    struct address address;
    server->version = server_address(server, &address);
    address_format(&address, text);
    server->text = text;
    server->distrusted_until_ms = 0;
    backend->view.states[index].current_weight = 0;
    if (backend->cookies != NULL) {
        make_cookie(backend, server, backend->cookies + index * (HTTP_SET_COOKIE_MAX + 1));
    }
}

static void take_over_changes(struct backend *backend) {
    const struct server_entry *entries = backend->view.entries;
    backend->changes = atomic_load_explicit(&entries->changes, memory_order_acquire);
    for (size_t i = 0; i < backend->server_count; i++) {
        struct server *server = &backend->servers[i];
        if (server->version != server_entry_version(server->entry)) {
            renew(server);
        }
    }
    size_t used = atomic_load_explicit(&entries->used, memory_order_relaxed);
    used = used < backend->server_count ? used : backend->server_count;
    backend->view.count = used > 0 ? used : 1;
}

static inline void take_notice(struct backend *backend) {
    if (backend->has_names && atomic_load_explicit(&backend->view.entries->changes,
                                                   memory_order_acquire) != backend->changes) {
        take_over_changes(backend);
    }
}

void backend_take_notice(struct backend *backend) {
    take_notice(backend);
}

// --- Making ---

static void init_server(struct server *server, const struct server_counter *counter) {
    struct backend *backend = server->backend;
    size_t index = (size_t)(server - backend->servers);
    server->text = server->config->text;
    server->entry = &backend->view.entries[index];
    server->health = &server_counter_health(counter)[server->entry->cell];
    // A place of a name is copied later.
    server->version = server->config->host == NULL ? server_entry_version(server->entry) : 0;
    backend->view.is_limited |= server->entry->connections_max != 0;
    server->used = server_counter_cell(counter, server->entry->cell);
    server->lines =
        (struct rate){.interval_ms = SERVER_LINES_INTERVAL_MS, .burst = SERVER_LINES_BURST};
    list_init(&server->idle);
}

static void init_servers(struct backend *backend, const struct server_counter *counter) {
    struct server *server = backend->servers;
    for (size_t i = 0; i < backend->config->server_count; i++) {
        const struct config_server *config = &backend->config->servers[i];
        for (size_t left = config_server_places(config); left > 0; left--, server++) {
            server->config = config;
            server->backend = backend;
            init_server(server, counter);
        }
    }
}

// `first`: index in the view of its first server.
static bool init_backend(struct backend *backend, const struct config_backend *config,
                         const struct server_view *view, size_t first,
                         const struct server_counter *counter) {
    size_t places = config_backend_places(config);
    backend->config = config;
    backend->server_count = places;
    backend->has_names = config_backend_has_names(config);
    backend->view = (struct balance_view){
        .entries = view->entries + first,
        .states = view->states + first,
        .count = places,
        .counter = *counter,
        .health = server_counter_health(counter),
        .checks = config->health_count == 0 ? NULL : server_counts_checks(counter->counts),
        .slow_start_ms = config->slow_start_ms,
    };
    backend->random = (uint64_t)clock_monotonic_us() ^ (uint64_t)counter->slot << 48;
    backend->few_retries =
        (struct rate){.interval_ms = FREE_RETRIES_INTERVAL_MS, .burst = FREE_RETRIES_BURST};
    backend->servers = calloc(places, sizeof(*backend->servers));
    backend->texts = backend->has_names ? calloc(places, ADDRESS_TEXT_SIZE) : NULL;
    if (backend->servers == NULL || (backend->has_names && backend->texts == NULL)) {
        return false;
    }
    init_servers(backend, counter);
    if (backend->view.is_limited || backend->has_names) {
        backend->queue = queue_new(backend);
        if (backend->queue == NULL) {
            return false;
        }
    }
    if (config->sticky != NULL && !make_cookies(backend)) {
        return false;
    }
    if (backend->has_names) {
        take_over_changes(backend);
    }
    return true;
}

static bool init_set(struct backend_set *set, const struct config *config, struct server_fds *fds,
                     const struct server_counter *counter) {
    set->config = config;
    set->count = config->backend_count;
    set->backends = calloc(config->backend_count, sizeof(*set->backends));
    bool ok = set->backends != NULL && server_view_open(&set->view, config, fds);
    size_t first = 0;
    for (size_t i = 0; ok && i < set->count; i++) {
        ok = init_backend(&set->backends[i], &config->backends[i], &set->view, first, counter);
        first += config_backend_places(&config->backends[i]);
    }
    return ok;
}

struct backend_set *backend_set_new(const struct config *config, struct server_fds *fds,
                                    const struct server_counter *counter) {
    struct backend_set *set = calloc(1, sizeof(*set));
    if (set == NULL || !init_set(set, config, fds, counter)) {
        backend_set_free(set);
        server_fds_close(fds);
        return NULL;
    }
    return set;
}

void backend_set_free(struct backend_set *set) {
    if (set == NULL) {
        return;
    }
    for (size_t i = 0; set->backends != NULL && i < set->count; i++) {
        free(set->backends[i].servers);
        free(set->backends[i].cookies);
        free(set->backends[i].texts);
        queue_free(set->backends[i].queue);
    }
    free(set->backends);
    server_view_close(&set->view);
    free(set);
}

void backend_set_take_over(struct backend_set *set, const struct backend_set *former,
                           uint64_t number) {
    server_view_take_over(&set->view, set->config, &former->view, number);
}

static struct server *find_address(const struct backend *backend, const struct address *address) {
    for (size_t i = 0; i < backend->server_count; i++) {
        struct address own;
        (void)server_address(&backend->servers[i], &own);
        if (server_entry_standing(backend->servers[i].entry) != SERVER_ABSENT &&
            address_equal(&own, address)) {
            return &backend->servers[i];
        }
    }
    return NULL;
}

struct server *backend_set_find(const struct backend_set *set, const struct server *server) {
    struct address address;
    (void)server_address(server, &address);
    const struct config_backend *wanted = server->backend->config;
    for (size_t i = 0; i < set->count; i++) {
        const struct config_backend *config = set->backends[i].config;
        if (strcmp(config->name, wanted->name) == 0) {
            return config->send_proxy_protocol != wanted->send_proxy_protocol
                       ? NULL
                       : find_address(&set->backends[i], &address);
        }
    }
    return NULL;
}

// The number for balance_choose().
static uint64_t number_for(struct backend *backend, const struct server_wish *wish) {
    if (backend->config->balance == BALANCE_RANDOM_TWO) {
        backend->random += UINT64_C(0x9e3779b97f4a7c15); // SplitMix64: any state is as good
        return hash_mix(backend->random);
    }
    return wish->key;
}

bool server_has_name(const struct server *server, const uint8_t name[SERVER_NAME_SIZE]) {
    uint8_t own[SERVER_NAME_SIZE];
    server_entry_name(server->entry, own);
    return secret_equal(own, name, SERVER_NAME_SIZE);
}

static bool was_tried(const struct server_wish *wish, uint32_t index) {
    uint32_t i = 0;
    while (i < wish->tried_count && wish->tried[i] != index) {
        i++;
    }
    return i < wish->tried_count;
}

// Servers that have been due since this time may be tried by the request. A retry tries none while
// another server works: its client has waited for one failure.
static int64_t due_for(const struct backend *backend, const struct server_wish *wish,
                       int64_t now_ms) {
    if (wish->tried_count > 0 && backend_has_working(backend, wish->tried, wish->tried_count, 0)) {
        return 0;
    }
    int64_t due_ms = wish->may_try ? now_ms : now_ms - HEALTH_PATIENCE_MS;
    return due_ms > 0 ? due_ms : 0;
}

static bool is_checked_up(const struct server *server) {
    const struct check *checks = server->backend->view.checks;
    return checks == NULL || check_standing(&checks[server->entry->cell]) == CHECK_UP;
}

struct server *backend_find_named(struct backend *backend, const struct server_wish *wish,
                                  int64_t now_ms) {
    struct server *found = NULL;
    take_notice(backend);
    for (size_t i = 0; wish->name != NULL && i < backend->server_count; i++) {
        struct server *server = &backend->servers[i];
        if (server_entry_standing(server->entry) != SERVER_ABSENT &&
            server_has_name(server, wish->name)) {
            found = server;
        }
    }
    bool usable = found != NULL && !was_tried(wish, (uint32_t)(found - backend->servers)) &&
                  health_until(found->health) <= due_for(backend, wish, now_ms) &&
                  is_checked_up(found) && server_entry_standing(found->entry) < SERVER_DOWN;
    return usable ? found : NULL;
}

static struct server *choose(struct backend *backend, const struct server_wish *wish,
                             int64_t now_ms) {
    take_notice(backend);
    struct server *named = wish->name == NULL ? NULL : backend_find_named(backend, wish, now_ms);
    if (named != NULL) {
        return server_has_room(named) ? named : NULL;
    }
    enum balance how = backend->config->balance;
    struct balance_wish choice = {
        .how = how == BALANCE_HASH && !wish->has_key ? BALANCE_ROUND_ROBIN : how,
        .tried = wish->tried,
        .tried_count = wish->tried_count,
        .now_ms = now_ms,
        .due_ms = due_for(backend, wish, now_ms),
        .number = number_for(backend, wish),
    };
    size_t index = balance_choose(&backend->view, &choice);
    if (index == BALANCE_NONE && choice.tried_count > 0 && backend_has_one(backend)) {
        choice.tried_count = 0; // the only server is chosen again
        index = balance_choose(&backend->view, &choice);
    }
    return index == BALANCE_NONE ? NULL : &backend->servers[index];
}

// Whether the server is due and this request tries it. False with *again: another worker tries it
// now, and it is not due any more.
static bool begin_try(struct server *server, const struct server_wish *wish, int64_t now_ms,
                      bool *again) {
    const struct server_counter *counter = &server->backend->view.counter;
    int64_t until_ms = health_until(server->health);
    *again = false;
    if (until_ms == 0 || until_ms > due_for(server->backend, wish, now_ms)) {
        return false;
    }
    *again = server_counter_others_try(counter, server->entry->cell) &&
             health_yield(server->health, now_ms);
    if (!*again) {
        health_try(server->health, now_ms);
    }
    return !*again;
}

struct server *backend_choose(struct backend *backend, const struct server_wish *wish,
                              int64_t now_ms, bool *tries) {
    struct server *server;
    bool again;
    do { // in each round, one server less is due
        server = choose(backend, wish, now_ms);
        again = false;
        *tries = server != NULL && begin_try(server, wish, now_ms, &again);
    } while (again);
    return server;
}

bool backend_is_up(struct backend *backend) {
    take_notice(backend);
    return balance_is_up(&backend->view) ||
           (backend->has_names &&
            atomic_load_explicit(&backend->view.entries->awaited, memory_order_relaxed) > 0);
}

bool backend_has_one(const struct backend *backend) {
    size_t count = 0;
    if (!backend->has_names) {
        return backend->server_count == 1;
    }
    for (size_t i = 0; i < backend->server_count; i++) {
        count += server_entry_standing(backend->servers[i].entry) != SERVER_ABSENT;
    }
    return count == 1;
}

bool backend_is_empty(const struct backend *backend) {
    return backend->has_names &&
           atomic_load_explicit(&backend->view.entries->used, memory_order_relaxed) == 0;
}

bool backend_has_room(struct backend *backend, int64_t now_ms) {
    take_notice(backend);
    return balance_has_room(&backend->view, now_ms);
}

bool server_has_room(const struct server *server) {
    const struct backend *backend = server->backend;
    return balance_is_free(&backend->view, (size_t)(server - backend->servers));
}

bool backend_has_other(const struct backend *backend, const uint32_t *tried, uint32_t tried_count) {
    const struct server_wish wish = {.tried = tried, .tried_count = tried_count};
    uint32_t i = 0;
    while (
        i < backend->server_count &&
        (was_tried(&wish, i) || server_entry_standing(backend->servers[i].entry) > SERVER_BACKUP)) {
        i++;
    }
    return i < backend->server_count;
}

bool backend_has_working(const struct backend *backend, const uint32_t *tried, uint32_t tried_count,
                         int64_t due_ms) {
    const struct balance_wish wish = {.tried = tried, .tried_count = tried_count, .due_ms = due_ms};
    return balance_has_working(&backend->view, &wish);
}

bool backend_take_retry(struct backend *backend, int64_t now_ms) {
    if (backend->retry_credit >= 100) {
        backend->retry_credit -= 100;
        return true;
    }
    return rate_take(&backend->few_retries, now_ms);
}

// --- Outcomes ---

static struct health_event event_of(const struct server *server,
                                    const struct server_outcome *outcome) {
    return (struct health_event){server->backend->config, outcome->now_ms, outcome->begun_ms,
                                 outcome->tries};
}

void server_worked(struct server *server, const struct server_outcome *outcome) {
    const struct health_event event = event_of(server, outcome);
    if (health_worked(server->health, &event) != HEALTH_SAME) {
        server_counter_note_change(&server->backend->view.counter);
    }
}

bool server_failed(struct server *server, const struct server_outcome *outcome, enum fault fault,
                   uint32_t detail) {
    struct backend *backend = server->backend;
    const struct server_counter *counter = &backend->view.counter;
    const struct health_event event = event_of(server, outcome);
    bool others = server_counter_others_out(counter, server->entry->cell);
    backend->random += UINT64_C(0x9e3779b97f4a7c15);
    bool out = health_failed(server->health, &event, fault, detail, others,
                             hash_mix(backend->random)) == HEALTH_EJECTED;
    if (out) {
        server_counter_note_change(counter);
    }
    return out;
}

void server_take_check(struct server *server, int64_t now_ms) {
    const struct balance_view *view = &server->backend->view;
    if (view->checks == NULL) {
        return;
    }
    const struct check *check = &view->checks[server->entry->cell];
    int64_t up_ms = check_standing(check) == CHECK_UP ? check_since(check) : 0;
    if (health_found_up(server->health, up_ms, now_ms) != HEALTH_SAME) {
        server_counter_note_change(&view->counter);
    }
}

uint32_t server_address(const struct server *server, struct address *address) {
    return server_entry_address(server->entry, address);
}

bool server_is_same(const struct server *server, uint32_t version) {
    return server_entry_version(server->entry) == version &&
           server_entry_standing(server->entry) != SERVER_ABSENT;
}
