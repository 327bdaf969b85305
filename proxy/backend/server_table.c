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

void server_entry_address(const struct server_entry *entry, struct address *address) {
    uint32_t version;
    uint32_t now = atomic_load_explicit(&entry->version, memory_order_acquire);
    do {
        version = now;
        *address = entry->addresses[version % 2];
        atomic_thread_fence(memory_order_acquire);
        now = atomic_load_explicit(&entry->version, memory_order_relaxed);
    } while (now != version); // one writer, that seldom writes
}

void server_entry_set_address(struct server_entry *entry, const struct address *address) {
    uint32_t next = atomic_load_explicit(&entry->version, memory_order_relaxed) + 1;
    // Who reads what is written now finds a newer version than the one whose place it was.
    atomic_thread_fence(memory_order_release);
    entry->addresses[next % 2] = *address;
    atomic_store_explicit(&entry->version, next, memory_order_release);
}

// --- Sizes ---

static size_t count_servers(const struct config *config) {
    size_t count = 0;
    for (size_t i = 0; i < config->backend_count; i++) {
        count += config->backends[i].server_count;
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

// A server as it is known, and where it stands in its table.
struct known {
    const char *backend;
    const char *address;
    uint32_t index;
};

static int compare_known(const void *a, const void *b) {
    const struct known *left = a;
    const struct known *right = b;
    int order = strcmp(left->backend, right->backend);
    return order != 0 ? order : strcmp(left->address, right->address);
}

// All of a config, in its order; NULL when memory is short.
static struct known *list_known(const struct config *config, size_t count) {
    struct known *list = calloc(count + 1, sizeof(*list));
    uint32_t index = 0;
    for (size_t i = 0; list != NULL && i < config->backend_count; i++) {
        const struct config_backend *backend = &config->backends[i];
        for (size_t k = 0; k < backend->server_count; k++, index++) {
            list[index] = (struct known){backend->name, backend->servers[k].text, index};
        }
    }
    return list;
}

static bool find_formers(struct server_entry *entries, size_t count, const struct config *config,
                         const struct config *former_config) {
    size_t former_count = count_servers(former_config);
    struct known *formers = list_known(former_config, former_count);
    struct known *wanted = list_known(config, count);
    bool listed = formers != NULL && wanted != NULL;
    if (listed) {
        qsort(formers, former_count, sizeof(*formers), compare_known);
    }
    for (size_t i = 0; listed && i < count; i++) {
        const struct known *found =
            bsearch(&wanted[i], formers, former_count, sizeof(*formers), compare_known);
        entries[i].former = found == NULL ? 0 : found->index + 1;
    }
    free(formers);
    free(wanted);
    return listed;
}

// --- Cells ---

// Servers that stay keep theirs. All of the former table are taken.
static void keep_cells(struct server_entry *entries, size_t count,
                       const struct server_table_former *former, bool *taken) {
    const struct server_entry *before = entries_of(&former->table->entries)->entries;
    size_t before_count = count_servers(former->config);
    for (size_t i = 0; i < before_count; i++) {
        taken[before[i].cell] = true;
    }
    for (size_t i = 0; i < count; i++) {
        entries[i].cell = entries[i].former == 0 ? 0 : before[entries[i].former - 1].cell;
    }
}

// New servers get cells that nobody has, and nobody had before this.
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

static bool fill_entries(struct server_entry *entries, const struct config *config,
                         const struct server_names *names) {
    for (size_t i = 0; i < config->backend_count; i++) {
        const struct config_backend *backend = &config->backends[i];
        for (size_t k = 0; k < backend->server_count; k++, entries++) {
            const struct config_server *server = &backend->servers[k];
            entries->weight = server->weight;
            entries->connections_max = server->max_connections;
            atomic_init(&entries->standing, server->backup ? SERVER_BACKUP : SERVER_PRIMARY);
            entries->address_hash =
                server->text == NULL ? 0 : hash_bytes(server->text, strlen(server->text));
            server_entry_set_address(entries, &server->address);
            if (backend->sticky != NULL &&
                !server_names_make(names, backend->name, server->text, entries->name)) {
                errno = ENOMEM;
                return false;
            }
        }
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
           (former == NULL || find_formers(part->entries, count, config, former->config)) &&
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
    size_t count = count_servers(config);
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

const struct server_entry *server_table_entry(const struct server_table *table, size_t index) {
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
                                    : server->backup             ? SERVER_BACKUP
                                                                 : SERVER_PRIMARY;
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
    size_t count = count_servers(config);
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

// Whether the servers of a backend, `count` from `first` on, are those of one backend before, with
// the same weights. What they have gained of each other then still adds up to nothing.
static bool keeps_turns(const struct server_view *view, size_t first, size_t count,
                        const struct server_view *former) {
    int64_t sum = 0;
    for (size_t i = first; i < first + count; i++) {
        size_t before = former_of(&view->entries[i], former);
        if (before == SIZE_MAX || former->entries[before].weight != view->entries[i].weight) {
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
        size_t count = config->backends[i].server_count;
        bool keeps = keeps_turns(view, first, count, former);
        for (size_t k = first; keeps && k < first + count; k++) {
            size_t before = former_of(&view->entries[k], former);
            view->states[k].current_weight = former->states[before].current_weight;
        }
        first += count;
    }
}
