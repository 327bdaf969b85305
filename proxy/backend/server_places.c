#include "backend/server_places.h"

#include "base/hash.h"

#include <errno.h>
#include <string.h>

bool server_name_next(const struct config *config, struct server_name *name) {
    struct server_name at = *name;
    if (at.backend == NULL) {
        at = (struct server_name){.backend = config->backends};
    } else {
        at.first += config_server_places(at.server);
        at.server++;
    }
    const struct config_backend *end = config->backends + config->backend_count;
    for (; at.backend < end; at.backend++, at.server = NULL, at.backend_first = at.first) {
        at.server = at.server == NULL ? at.backend->servers : at.server;
        const struct config_server *last = at.backend->servers + at.backend->server_count;
        for (; at.server < last; at.first++, at.server++) {
            if (at.server->host != NULL) {
                *name = at;
                return true;
            }
        }
    }
    return false;
}

static void set(_Atomic uint32_t *number, uint32_t value) {
    atomic_store_explicit(number, value, memory_order_release);
}

static bool is_absent(const struct server_entry *entry) {
    return server_entry_standing(entry) == SERVER_ABSENT;
}

static bool is_at(const struct server_entry *entry, const struct address *address) {
    return !is_absent(entry) && address_equal(&entry->addresses[entry->version % 2], address);
}

// --- One place ---

// Members that may change while the address stays.
static void set_share(struct server_entry *entry, const struct config_server *server,
                      const struct server_record *record) {
    entry->share = record->share;
    set(&entry->weight, record->share * server->weight);
    set(&entry->rank, record->rank);
    if (server_entry_standing(entry) <= SERVER_BACKUP) {
        set(&entry->standing, server_entry_own(entry, server));
    }
}

// False: memory is short.
static bool occupy(struct server_entry *entry, const struct server_name *name,
                   const struct server_record *record, const struct server_names *names) {
    char text[ADDRESS_TEXT_SIZE];
    uint8_t cookie[SERVER_NAME_SIZE] = {0};
    address_format(&record->address, text);
    if (name->backend->sticky != NULL &&
        !server_names_make(names, name->backend->name, text, cookie)) {
        errno = ENOMEM;
        return false;
    }
    server_entry_set_address(entry, &record->address, cookie);
    atomic_store_explicit(&entry->address_hash, hash_bytes(text, strlen(text)),
                          memory_order_relaxed);
    set_share(entry, name->server, record);
    set(&entry->standing, server_entry_own(entry, name->server));
    return true;
}

// --- What workers look at first ---

static uint32_t count_used(const struct server_entry *entries, size_t places) {
    while (places > 0 && is_absent(&entries[places - 1])) {
        places--;
    }
    return (uint32_t)places;
}

static uint32_t count_awaited(const struct server_entry *entries,
                              const struct config_backend *backend) {
    uint32_t awaited = 0;
    for (size_t i = 0; i < backend->server_count; i++) {
        awaited += backend->servers[i].host != NULL && !entries->is_answered;
        entries += config_server_places(&backend->servers[i]);
    }
    return awaited;
}

static void settle(struct server_entry *entries, const struct config_backend *backend) {
    set(&entries->used, count_used(entries, config_backend_places(backend)));
    set(&entries->awaited, count_awaited(entries, backend));
    set(&entries->changes, entries->changes + 1);
}

// --- Names ---

static struct server_entry *place_of(struct server_entry *entries, size_t count,
                                     const struct address *address) {
    size_t i = 0;
    while (i < count && !is_at(&entries[i], address)) {
        i++;
    }
    return i < count ? &entries[i] : NULL;
}

static const struct server_record *record_of(const struct server_record *records, size_t count,
                                             const struct server_entry *entry) {
    size_t i = 0;
    while (i < count && !is_at(entry, &records[i].address)) {
        i++;
    }
    return i < count ? &records[i] : NULL;
}

static struct server_entry *free_place(const struct server_places *places,
                                       struct server_entry *entries, size_t count) {
    const struct server_counter counter = {places->counts, 0};
    struct server_entry *first = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!is_absent(&entries[i])) {
            continue;
        }
        if (places->counts == NULL || server_counter_total(&counter, entries[i].cell) == 0) {
            return &entries[i];
        }
        first = first == NULL ? &entries[i] : first;
    }
    return first;
}

static bool remove_old(const struct server_places *places, const struct server_name *name,
                       const struct server_record *records, size_t count) {
    struct server_entry *entries = server_table_entry(places->table, name->first);
    bool changed = false;
    for (size_t i = 0; i < config_server_places(name->server); i++) {
        if (!is_absent(&entries[i]) && record_of(records, count, &entries[i]) == NULL) {
            struct address address;
            (void)server_entry_address(&entries[i], &address);
            set(&entries[i].standing, SERVER_ABSENT);
            places->changed(places->context, name, &address, false);
            changed = true;
        }
    }
    return changed;
}

// True: the record has a place.
static bool put(const struct server_places *places, const struct server_name *name,
                const struct server_record *record, enum check_standing begins, bool *changed) {
    struct server_entry *entries = server_table_entry(places->table, name->first);
    size_t count = config_server_places(name->server);
    struct server_entry *entry = place_of(entries, count, &record->address);
    if (entry != NULL) {
        *changed |= entry->share != record->share || entry->rank != record->rank;
        set_share(entry, name->server, record);
        return true;
    }
    entry = free_place(places, entries, count);
    if (entry == NULL || !occupy(entry, name, record, places->names)) {
        return false;
    }
    if (places->counts != NULL) { // counts and health of the former address
        server_counts_forget(places->counts, entry->cell);
        server_counts_begin_check(places->counts, entry->cell, begins);
    }
    places->changed(places->context, name, &record->address, true);
    *changed = true;
    return true;
}

// Returns the number of addresses without a place. `changed`: another change was made.
static size_t put_all(const struct server_places *places, const struct server_name *name,
                      const struct server_record *records, size_t count, enum check_standing begins,
                      bool changed) {
    size_t left_out = 0;
    for (size_t i = 0; i < count; i++) {
        left_out += !put(places, name, &records[i], begins, &changed);
    }
    if (changed) {
        settle(server_table_entry(places->table, name->backend_first), name->backend);
    }
    return left_out;
}

size_t server_places_set(const struct server_places *places, const struct server_name *name,
                         const struct server_record *records, size_t count) {
    struct server_entry *own = server_table_entry(places->table, name->first);
    bool changed = !own->is_answered;
    // As after a reload: an address that is added later is used after its first good check.
    enum check_standing begins =
        own->is_answered && name->backend->health_count > 0 ? CHECK_NEW : CHECK_UP;
    own->is_answered = true;
    // New addresses are added before others are removed, so that a worker never sees a name without
    // addresses.
    size_t left_out = put_all(places, name, records, count, begins, changed);
    if (remove_old(places, name, records, count)) {
        // Some addresses now get the places of removed ones.
        left_out = put_all(places, name, records, count, begins, true);
    }
    return left_out;
}

static struct server_record read_record(const struct server_entry *entry) {
    struct server_record record = {.rank = entry->rank, .share = entry->share};
    (void)server_entry_address(entry, &record.address);
    return record;
}

size_t server_places_get(const struct server_table *table, const struct server_name *name,
                         struct server_record *records) {
    const struct server_entry *entries = server_table_entry(table, name->first);
    size_t count = 0;
    for (size_t i = 0; i < config_server_places(name->server); i++) {
        if (!is_absent(&entries[i])) {
            records[count++] = read_record(&entries[i]);
        }
    }
    return count;
}

bool server_name_is_answered(const struct server_table *table, const struct server_name *name) {
    return server_table_entry(table, name->first)->is_answered;
}

// --- New tables ---

static bool begin_name(const struct server_table *table, const struct server_name *name,
                       const struct server_table *former, const struct server_names *names) {
    for (size_t i = 0; i < config_server_places(name->server); i++) {
        struct server_entry *entry = server_table_entry(table, name->first + i);
        if (former == NULL || entry->former == 0) {
            return true;
        }
        const struct server_entry *before = server_table_entry(former, entry->former - 1);
        entry->is_answered = before->is_answered;
        if (!is_absent(before)) {
            const struct server_record record = read_record(before);
            if (!occupy(entry, name, &record, names)) {
                return false;
            }
        }
    }
    return true;
}

bool server_places_begin(const struct server_table *table, const struct config *config,
                         const struct server_table *former, const struct server_names *names) {
    struct server_name name = {.backend = NULL};
    while (server_name_next(config, &name)) {
        if (!begin_name(table, &name, former, names)) {
            return false;
        }
        settle(server_table_entry(table, name.backend_first), name.backend);
    }
    return true;
}
