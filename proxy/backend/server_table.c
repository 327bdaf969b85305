#include "backend/server_table.h"

#include "backend/server_counts.h"
#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct region_kind ENTRIES = {"ravelin-servers", 7, REGION_READ};
static const struct region_kind STATES = {"ravelin-server-states", 3, REGION_WRITE};

struct entries_part {
    uint8_t head[REGION_HEAD_SIZE];
    uint64_t former; // generation
    _Atomic uint32_t closed_sites;
    struct server_entry entries[]; // and then a byte for each site
};

struct states_part {
    uint8_t head[REGION_HEAD_SIZE];
    struct server_state states[];
};

// --- Addresses ---

// Reads one of two copies that a version protects.
static uint32_t copy(const struct server_entry *entry, const void *copies, size_t size, void *to) {
    uint32_t version;
    uint32_t now = atomic_load_explicit(&entry->version, memory_order_acquire);
    do {
        version = now;
        memcpy(to, (const uint8_t *)copies + version % 2 * size, size);
        atomic_thread_fence(memory_order_acquire);
        now = atomic_load_explicit(&entry->version, memory_order_relaxed);
    } while (now != version); // one writer, that seldom writes
    return version;
}

uint32_t server_entry_address(const struct server_entry *entry, struct address *address) {
    return copy(entry, entry->addresses, sizeof(*address), address);
}

void server_entry_name(const struct server_entry *entry, uint8_t name[SERVER_NAME_SIZE]) {
    (void)copy(entry, entry->names, SERVER_NAME_SIZE, name);
}

void server_entry_set_address(struct server_entry *entry, const struct address *address,
                              const uint8_t name[SERVER_NAME_SIZE]) {
    uint32_t next = atomic_load_explicit(&entry->version, memory_order_relaxed) + 1;
    // A reader of the bytes below sees a later version than the one to which this copy belonged.
    atomic_thread_fence(memory_order_release);
    entry->addresses[next % 2] = *address;
    if (name != NULL) {
        memcpy(entry->names[next % 2], name, SERVER_NAME_SIZE);
    }
    atomic_store_explicit(&entry->version, next, memory_order_release);
}

// --- Sizes ---

static size_t count_places(const struct config *config) {
    size_t count = 0;
    for (size_t i = 0; i < config->backend_count; i++) {
        count += config_backend_places(&config->backends[i]);
    }
    return count;
}

static size_t entries_size(size_t count, size_t sites) {
    return sizeof(struct entries_part) + count * sizeof(struct server_entry) + sites;
}

static size_t states_size(size_t count) {
    return sizeof(struct states_part) + count * sizeof(struct server_state);
}

static struct entries_part *entries_of(const struct region_part *part) {
    return (struct entries_part *)(void *)part->data;
}

static _Atomic uint8_t *sites_of(const struct region_part *part, size_t count) {
    return (_Atomic uint8_t *)(void *)&entries_of(part)->entries[count];
}

static struct server_state *states_of(const struct region_part *part) {
    return ((struct states_part *)(void *)part->data)->states;
}

// --- Servers that stay ---

// A server, and its places in its table.
struct known {
    const char *backend;
    const char *text;
    uint32_t first, count;
};

static int compare_known(const void *a, const void *b) {
    const struct known *left = a;
    const struct known *right = b;
    int order = strcmp(left->backend, right->backend);
    return order != 0 ? order : strcmp(left->text, right->text);
}

// Lists all servers of a config, in its order; NULL: memory is short.
static struct known *list_known(const struct config *config, size_t *count) {
    struct known *list = calloc(count_places(config) + 1, sizeof(*list));
    uint32_t first = 0;
    *count = 0;
    for (size_t i = 0; list != NULL && i < config->backend_count; i++) {
        const struct config_backend *backend = &config->backends[i];
        for (size_t k = 0; k < backend->server_count; k++) {
            uint32_t places = (uint32_t)config_server_places(&backend->servers[k]);
            list[(*count)++] =
                (struct known){backend->name, backend->servers[k].text, first, places};
            first += places;
        }
    }
    return list;
}

static bool find_formers(struct server_entry *entries, const struct config *config,
                         const struct config *former_config) {
    size_t former_count;
    size_t count;
    struct known *formers = list_known(former_config, &former_count);
    struct known *wanted = list_known(config, &count);
    bool listed = formers != NULL && wanted != NULL;
    if (listed) {
        qsort(formers, former_count, sizeof(*formers), compare_known);
    }
    for (size_t i = 0; listed && i < count; i++) {
        const struct known *found =
            bsearch(&wanted[i], formers, former_count, sizeof(*formers), compare_known);
        for (uint32_t k = 0; found != NULL && k < wanted[i].count && k < found->count; k++) {
            entries[wanted[i].first + k].former = found->first + k + 1;
        }
    }
    free(formers);
    free(wanted);
    return listed;
}

// --- Cells ---

// Servers that stay keep their cells. All cells of the former table are marked as used.
static void keep_cells(struct server_entry *entries, size_t count,
                       const struct server_table_former *former, bool *taken) {
    const struct server_entry *before = entries_of(&former->table->entries)->entries;
    size_t before_count = count_places(former->config);
    for (size_t i = 0; i < before_count; i++) {
        taken[before[i].cell] = true;
    }
    for (size_t i = 0; i < count; i++) {
        entries[i].cell = entries[i].former == 0 ? 0 : before[entries[i].former - 1].cell;
    }
}

// Gives new servers cells that no server has, and that none had in the former table.
static bool give_cells(struct server_entry *entries, size_t count,
                       const struct server_table_former *former) {
    bool *taken = calloc(SERVER_CELLS, sizeof(*taken));
    size_t next = 0;
    if (taken == NULL) {
        return false;
    }
    if (former != NULL) {
        keep_cells(entries, count, former, taken);
    }
    for (size_t i = 0; i < count; i++) {
        while (next < SERVER_CELLS && taken[next]) {
            next++;
        }
        if (entries[i].former == 0) {
            entries[i].cell = (uint32_t)(next < SERVER_CELLS ? next++ : i % SERVER_CELLS);
        }
    }
    free(taken);
    return true;
}

// --- In the master ---

// A server that is an address.
static bool fill_entry(struct server_entry *entry, const struct config_backend *backend,
                       const struct config_server *server, const struct server_names *names) {
    uint8_t name[SERVER_NAME_SIZE] = {0};
    atomic_init(&entry->standing, server->backup ? SERVER_BACKUP : SERVER_PRIMARY);
    atomic_init(&entry->address_hash,
                server->text == NULL ? 0 : hash_bytes(server->text, strlen(server->text)));
    if (backend->sticky != NULL && !server_names_make(names, backend->name, server->text, name)) {
        errno = ENOMEM;
        return false;
    }
    server_entry_set_address(entry, &server->address, name);
    return true;
}

static bool fill_backend(struct server_entry *entries, const struct config_backend *backend,
                         const struct server_names *names) {
    struct server_entry *entry = entries;
    for (size_t k = 0; k < backend->server_count; k++) {
        const struct config_server *server = &backend->servers[k];
        for (size_t left = config_server_places(server); left > 0; left--, entry++) {
            atomic_init(&entry->weight, server->weight);
            entry->connections_max = server->max_connections;
            atomic_init(&entry->standing, SERVER_ABSENT);
            entry->share = 1;
            if (server->host == NULL && !fill_entry(entry, backend, server, names)) {
                return false;
            }
        }
    }
    return true;
}

static bool fill_entries(struct server_entry *entries, const struct config *config,
                         const struct server_names *names) {
    for (size_t i = 0; i < config->backend_count; i++) {
        if (!fill_backend(entries, &config->backends[i], names)) {
            return false;
        }
        entries += config_backend_places(&config->backends[i]);
    }
    return true;
}

static bool make_entries(struct server_table *table, const struct config *config, size_t count,
                         const struct server_names *names,
                         const struct server_table_former *former) {
    if (!region_make(&table->entries, &ENTRIES, entries_size(count, config->site_count))) {
        return false;
    }
    struct entries_part *part = entries_of(&table->entries);
    part->former = former == NULL ? 0 : former->number;
    return fill_entries(part->entries, config, names) &&
           (former == NULL || find_formers(part->entries, config, former->config)) &&
           give_cells(part->entries, count, former);
}

static bool make_states(struct server_table *table, size_t count, size_t slots) {
    table->states = calloc(slots, sizeof(*table->states));
    for (; table->states != NULL && table->slots < slots; table->slots++) {
        if (!region_make(&table->states[table->slots], &STATES, states_size(count))) {
            return false;
        }
    }
    return table->states != NULL;
}

bool server_table_make(struct server_table *table, const struct config *config, size_t slots,
                       const struct server_names *names, const struct server_table_former *former) {
    size_t count = count_places(config);
    *table = (struct server_table){.entries = REGION_NO_PART};
    if (make_entries(table, config, count, names, former) && make_states(table, count, slots)) {
        table->count = count;
        table->site_count = config->site_count;
        return true;
    }
    int error = errno;
    server_table_close(table);
    errno = error;
    return false;
}

void server_table_forget_new(const struct server_table *table, const struct server_counts *counts) {
    const struct server_entry *entries = entries_of(&table->entries)->entries;
    for (size_t i = 0; i < table->count; i++) {
        if (entries[i].former == 0) {
            server_counts_forget(counts, entries[i].cell);
        }
    }
}

struct server_entry *server_table_entry(const struct server_table *table, size_t index) {
    return &entries_of(&table->entries)->entries[index];
}

enum server_order server_entry_order(const struct server_entry *entry) {
    switch (server_entry_standing(entry)) {
    case SERVER_DRAINING:
        return SERVER_ORDER_DRAIN;
    case SERVER_DOWN:
        return SERVER_ORDER_DOWN;
    default:
        return SERVER_ORDER_READY;
    }
}

void server_table_order(const struct server_table *table, size_t index,
                        const struct config_server *server, enum server_order order) {
    struct server_entry *entry = &entries_of(&table->entries)->entries[index];
    enum server_standing standing = order == SERVER_ORDER_DRAIN  ? SERVER_DRAINING
                                    : order == SERVER_ORDER_DOWN ? SERVER_DOWN
                                                                 : server_entry_own(entry, server);
    if (server_entry_standing(entry) == SERVER_ABSENT) {
        return;
    }
    atomic_store_explicit(&entry->standing, standing, memory_order_relaxed);
}

bool server_table_site_is_closed(const struct server_table *table, size_t site) {
    return site < table->site_count &&
           atomic_load_explicit(&sites_of(&table->entries, table->count)[site],
                                memory_order_relaxed) != 0;
}

void server_table_close_site(const struct server_table *table, size_t site, bool closed) {
    struct entries_part *part = entries_of(&table->entries);
    if (site >= table->site_count || server_table_site_is_closed(table, site) == closed) {
        return;
    }
    atomic_store_explicit(&sites_of(&table->entries, table->count)[site], closed ? 1 : 0,
                          memory_order_relaxed);
    atomic_fetch_add_explicit(&part->closed_sites, closed ? 1 : UINT32_MAX, memory_order_relaxed);
}

void server_table_clear(const struct server_table *table, size_t slot) {
    region_clear(&table->states[slot], &STATES);
}

void server_table_close(struct server_table *table) {
    for (size_t i = 0; i < table->slots; i++) {
        region_close(&table->states[i]);
    }
    if (table->entries.data != NULL) {
        region_close(&table->entries);
    }
    free(table->states);
    *table = (struct server_table){.entries = REGION_NO_PART};
}

// --- In a worker ---

void server_fds_close(struct server_fds *fds) {
    if (fds->entries >= 0) {
        (void)close(fds->entries);
    }
    if (fds->states >= 0) {
        (void)close(fds->states);
    }
    *fds = (struct server_fds){-1, -1};
}

bool server_view_open_entries(struct server_view *view, const struct config *config, int fd) {
    size_t count = count_places(config);
    *view = (struct server_view){.count = count, .states_part = REGION_NO_PART};
    if (!region_open(&view->entries_part, &ENTRIES, fd, entries_size(count, config->site_count))) {
        return false;
    }
    view->entries = entries_of(&view->entries_part)->entries;
    view->former = entries_of(&view->entries_part)->former;
    view->closed_sites = &entries_of(&view->entries_part)->closed_sites;
    view->sites = sites_of(&view->entries_part, count);
    view->site_count = config->site_count;
    return true;
}

bool server_view_open(struct server_view *view, const struct config *config,
                      struct server_fds *fds) {
    const struct server_fds taken = *fds;
    *fds = (struct server_fds){-1, -1};
    bool entries = server_view_open_entries(view, config, taken.entries);
    if (!region_open(&view->states_part, &STATES, taken.states, states_size(view->count)) ||
        !entries) {
        server_view_close(view);
        return false;
    }
    view->states = states_of(&view->states_part);
    return true;
}

void server_view_close(struct server_view *view) {
    if (view->entries_part.data != NULL) {
        region_close(&view->entries_part);
    }
    if (view->states_part.data != NULL) {
        region_close(&view->states_part);
    }
    *view = (struct server_view){.entries_part = REGION_NO_PART, .states_part = REGION_NO_PART};
}

// The index in the former table; SIZE_MAX: none.
static size_t former_of(const struct server_entry *entry, const struct server_view *former) {
    return entry->former == 0 || entry->former > former->count ? SIZE_MAX : entry->former - 1;
}

// Whether the servers of a backend, `count` from `first` on, are those of one former backend with
// the same weights. The sum of their turns is then still zero.
static bool keeps_turns(const struct server_view *view, size_t first, size_t count,
                        const struct server_view *former) {
    int64_t sum = 0;
    for (size_t i = first; i < first + count; i++) {
        size_t before = former_of(&view->entries[i], former);
        if (before == SIZE_MAX || server_entry_weight(&former->entries[before]) !=
                                      server_entry_weight(&view->entries[i])) {
            return false;
        }
        sum += former->states[before].current_weight;
    }
    return sum == 0;
}

void server_view_take_over(const struct server_view *view, const struct config *config,
                           const struct server_view *former, uint64_t former_number) {
    size_t first = 0;
    if (former_number == 0 || former_number != view->former) {
        return;
    }
    for (size_t i = 0; i < config->backend_count; i++) {
        size_t count = config_backend_places(&config->backends[i]);
        bool keeps = keeps_turns(view, first, count, former);
        for (size_t k = first; keeps && k < first + count; k++) {
            size_t before = former_of(&view->entries[k], former);
            view->states[k].current_weight = former->states[before].current_weight;
        }
        first += count;
    }
}
