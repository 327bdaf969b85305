#include "monitor/names.h"

#include "monitor/lookup.h"

#include <stdlib.h>
#include <string.h>

// A host with a port: of the name itself, or of an SRV record.
struct target {
    char host[HOST_TEXT_SIZE];
    uint16_t port, priority, weight;
    bool stays;
    struct lookup v4, v6;
};

struct name {
    struct names *names;
    struct lookup_rules rules;
    size_t index;
    const struct config_server *server;
    char *text;         // of the server
    struct lookup *srv; // NULL: the name has no SRV records
    struct target **targets;
    size_t target_count;
    ev_timer keep;                 // runs while the name is empty and its servers stay
    struct server_answer answer;   // published last; its records have room for all places
    struct server_record *scratch; // all addresses, before their number is limited
    size_t scratch_room;
    bool is_published;
};

struct names {
    struct names_options options;
    struct name **items; // NULL: moved to the next generation
    size_t count;
};

static bool on_ended(struct lookup *lookup, bool is_good);

static void begin_lookup(struct lookup *lookup, struct name *name, const char *host,
                         enum dns_type type) {
    lookup_init(lookup, &name->rules, host, type);
    lookup->ended = on_ended;
    lookup->owner = name;
}

// --- Targets ---

static void target_free(struct target *target) {
    lookup_end(&target->v4);
    lookup_end(&target->v6);
    free(target);
}

static struct target *find_target(const struct name *name, const char *host, uint16_t port) {
    for (size_t i = 0; i < name->target_count; i++) {
        if (name->targets[i]->port == port && strcmp(name->targets[i]->host, host) == 0) {
            return name->targets[i];
        }
    }
    return NULL;
}

// NULL: there is no room, or memory is short.
static struct target *add_target(struct name *name, const char *host, uint16_t port) {
    struct target *target =
        name->target_count < config_server_places(name->server) ? calloc(1, sizeof(*target)) : NULL;
    if (target != NULL) {
        strncpy(target->host, host, sizeof(target->host) - 1);
        target->port = port;
        begin_lookup(&target->v4, name, target->host, DNS_A);
        begin_lookup(&target->v6, name, target->host, DNS_AAAA);
        name->targets[name->target_count++] = target;
    }
    return target;
}

static void drop_targets(struct name *name) {
    size_t kept = 0;
    for (size_t i = 0; i < name->target_count; i++) {
        if (name->targets[i]->stays) {
            name->targets[kept++] = name->targets[i];
        } else {
            target_free(name->targets[i]);
        }
    }
    name->target_count = kept;
}

static int compare_services(const void *left, const void *right) {
    const struct dns_service *a = left;
    const struct dns_service *b = right;
    int order = (a->priority > b->priority) - (a->priority < b->priority);
    order = order != 0 ? order : strcmp(a->target, b->target);
    return order != 0 ? order : (a->port > b->port) - (a->port < b->port);
}

// Sets the targets from the SRV records, as many as fit. The same host and port twice is one
// target, with the better priority.
static void retarget(struct name *name) {
    struct lookup *srv = name->srv;
    qsort(srv->services, srv->count, sizeof(*srv->services), compare_services);
    size_t wanted = srv->count < config_server_places(name->server)
                        ? srv->count
                        : config_server_places(name->server);
    for (size_t i = 0; i < name->target_count; i++) {
        name->targets[i]->stays = false;
    }
    for (size_t i = 0; i < wanted; i++) {
        struct target *old = find_target(name, srv->services[i].target, srv->services[i].port);
        if (old != NULL) {
            old->stays = true;
        }
    }
    drop_targets(name);
    size_t before = name->target_count;
    for (size_t i = wanted; i-- > 0;) {
        const struct dns_service *service = &srv->services[i];
        struct target *target = find_target(name, service->target, service->port);
        target = target != NULL ? target : add_target(name, service->target, service->port);
        if (target != NULL) {
            target->priority = service->priority;
            target->weight = service->weight;
        }
    }
    for (size_t i = before; i < name->target_count; i++) {
        lookup_ask(&name->targets[i]->v4);
        lookup_ask(&name->targets[i]->v6);
    }
}

// --- Records ---

static struct address address_of(const struct dns_address *from, enum dns_type type,
                                 uint16_t port) {
    struct address address = {.size = 0};
    if (type == DNS_A) {
        address.as.v4.sin_family = AF_INET;
        address.as.v4.sin_port = htons(port);
        memcpy(&address.as.v4.sin_addr, from->bytes, sizeof(address.as.v4.sin_addr));
        address.size = sizeof(address.as.v4);
    } else {
        address.as.v6.sin6_family = AF_INET6;
        address.as.v6.sin6_port = htons(port);
        memcpy(&address.as.v6.sin6_addr, from->bytes, sizeof(address.as.v6.sin6_addr));
        address.size = sizeof(address.as.v6);
    }
    return address;
}

// The weight of each address of a target, before it is reduced. A weight of 0 is very small if
// other weights are not 0 (RFC 2782).
static uint32_t share_of(const struct target *target, size_t addresses) {
    enum { SCALE = 100 };
    uint32_t share = (uint32_t)target->weight * SCALE / (uint32_t)addresses;
    return share > 0 ? share : 1;
}

static void collect_lookup(struct name *name, const struct target *target,
                           const struct lookup *lookup, uint32_t share, size_t *count) {
    for (size_t i = 0; i < lookup->count; i++) {
        name->scratch[(*count)++] = (struct server_record){
            .address = address_of(&lookup->addresses[i], lookup->question.type, target->port),
            .rank = target->priority,
            .share = share,
        };
    }
}

static bool make_room(struct name *name) {
    size_t total = 0;
    for (size_t i = 0; i < name->target_count; i++) {
        total += name->targets[i]->v4.count + name->targets[i]->v6.count;
    }
    if (total > name->scratch_room) {
        struct server_record *grown = reallocarray(name->scratch, total, sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        name->scratch = grown;
        name->scratch_room = total;
    }
    return true;
}

static int compare_addresses(const struct server_record *a, const struct server_record *b) {
    int order = (a->address.size > b->address.size) - (a->address.size < b->address.size);
    return order != 0 ? order : memcmp(&a->address.as, &b->address.as, a->address.size);
}

static int compare_ranks(const struct server_record *a, const struct server_record *b) {
    return (a->rank > b->rank) - (a->rank < b->rank);
}

static int by_rank(const void *left, const void *right) {
    int order = compare_ranks(left, right);
    return order != 0 ? order : compare_addresses(left, right);
}

static int by_address(const void *left, const void *right) {
    int order = compare_addresses(left, right);
    return order != 0 ? order : compare_ranks(left, right);
}

// The greatest common divisor.
static uint32_t divisor_of(uint32_t a, uint32_t b) {
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

// An address that is there twice becomes one, of the better rank. Returns how many stay.
static size_t drop_repeats(struct server_record *records, size_t count) {
    size_t kept = 0;
    qsort(records, count, sizeof(*records), by_address);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || compare_addresses(&records[kept - 1], &records[i]) != 0) {
            records[kept++] = records[i];
        }
    }
    return kept;
}

// Priorities become ranks from 0, duplicate addresses become one, and shares become as small as
// possible. A DNS server can send more than 100,000 records, so they are sorted, and each one is
// compared only with its neighbour.
static size_t tidy(struct server_record *records, size_t count) {
    uint32_t divisor = 0;
    if (count == 0) {
        return 0;
    }
    size_t kept = drop_repeats(records, count);
    qsort(records, kept, sizeof(*records), by_rank);
    for (size_t i = 0; i < kept; i++) {
        divisor = divisor_of(divisor, records[i].share);
    }
    uint32_t rank = 0;
    for (size_t i = 0, priority = 0; i < kept; i++) {
        rank += i > 0 && records[i].rank != priority ? 1 : 0;
        priority = records[i].rank;
        records[i].rank = rank;
        records[i].share /= divisor == 0 ? 1 : divisor;
    }
    return kept;
}

// All addresses of the name into the scratch. Returns their number.
static size_t collect(struct name *name) {
    size_t count = 0;
    for (size_t i = 0; i < name->target_count; i++) {
        const struct target *target = name->targets[i];
        size_t addresses = target->v4.count + target->v6.count;
        uint32_t share = name->srv == NULL || addresses == 0 ? 1 : share_of(target, addresses);
        collect_lookup(name, target, &target->v4, share, &count);
        collect_lookup(name, target, &target->v6, share, &count);
    }
    return tidy(name->scratch, count);
}

// --- Publishing ---

struct summary {
    bool all_ended, all_known, any_silent, any_failed;
    int64_t oldest_us; // INT64_MAX: none
};

static void sum_up(struct summary *summary, const struct lookup *lookup) {
    summary->oldest_us =
        lookup->answered_us < summary->oldest_us ? lookup->answered_us : summary->oldest_us;
    summary->all_ended &= lookup->has_ended;
    summary->all_known &= lookup->is_known;
    summary->any_silent |= lookup->has_ended && lookup->outcome == DNS_SILENT;
    summary->any_failed |= lookup->has_ended && lookup->outcome == DNS_FAILED;
}

static struct summary summary_of(const struct name *name) {
    struct summary summary = {.all_ended = true, .all_known = true, .oldest_us = INT64_MAX};
    if (name->srv != NULL) {
        sum_up(&summary, name->srv);
    }
    for (size_t i = 0; i < name->target_count; i++) {
        sum_up(&summary, &name->targets[i]->v4);
        sum_up(&summary, &name->targets[i]->v6);
    }
    return summary;
}

static void publish(struct name *name) {
    const struct names_options *options = &name->names->options;
    name->is_published = true;
    options->publish(options->context, name->index, &name->answer);
}

static bool is_same(const struct server_answer *answer, const struct server_record *records,
                    size_t count, size_t found) {
    if (answer->count != count || answer->found != found || !answer->is_answered) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!address_equal(&answer->records[i].address, &records[i].address) ||
            answer->records[i].rank != records[i].rank ||
            answer->records[i].share != records[i].share) {
            return false;
        }
    }
    return true;
}

// True: that is a change.
static bool set_records(struct name *name, size_t found) {
    size_t places = config_server_places(name->server);
    size_t count = found < places ? found : places;
    ev_timer_stop(name->names->options.loop, &name->keep);
    if (is_same(&name->answer, name->scratch, count, found)) {
        return false;
    }
    if (count > 0) {
        memcpy(name->answer.records, name->scratch, count * sizeof(*name->scratch));
    }
    name->answer.count = count;
    name->answer.found = found;
    name->answer.is_answered = true;
    return true;
}

// The name has no address. True: publish this.
static bool set_empty(struct name *name) {
    const struct config *config = name->names->options.config;
    if (name->answer.count == 0 || config->resolve_keep_ms == 0) {
        return set_records(name, 0);
    }
    if (!ev_is_active(&name->keep)) {
        ev_timer_set(&name->keep, config->resolve_keep_ms / 1000., 0.);
        ev_timer_start(name->names->options.loop, &name->keep);
    }
    return false;
}

static void on_keep(struct ev_loop *loop, ev_timer *timer, int events) {
    struct name *name = timer->data;
    (void)loop;
    (void)events;
    if (set_records(name, 0)) {
        publish(name);
    }
}

static void update(struct name *name) {
    const struct summary summary = summary_of(name);
    if (!summary.all_ended || !make_room(name)) {
        return;
    }
    size_t found = collect(name);
    bool changed = found > 0           ? set_records(name, found)
                   : summary.all_known ? set_empty(name)
                                       : false;
    enum answer_state state = summary.any_silent   ? ANSWER_SILENT
                              : summary.any_failed ? ANSWER_FAILED
                              : found > 0          ? ANSWER_FOUND
                                                   : ANSWER_EMPTY;
    changed |= name->answer.state != state;
    name->answer.state = state;
    if (changed) {
        publish(name);
    }
}

static void count_lookup(const struct name *name, enum dns_outcome outcome) {
    static const enum metric counters[] = {[DNS_FOUND] = METRIC_lookups_found,
                                           [DNS_EMPTY] = METRIC_lookups_empty,
                                           [DNS_SILENT] = METRIC_lookups_silent,
                                           [DNS_FAILED] = METRIC_lookups_failed};
    metric_add(name->names->options.metrics, counters[outcome], 1);
}

static bool on_ended(struct lookup *lookup, bool is_good) {
    struct name *name = lookup->owner;
    count_lookup(name, lookup->outcome);
    if (is_good && lookup == name->srv) {
        retarget(name);
    }
    update(name);
    return name->answer.count == 0 || ev_is_active(&name->keep);
}

// --- Names ---

static void name_free(struct name *name) {
    if (name == NULL) {
        return;
    }
    if (name->srv != NULL) {
        lookup_end(name->srv);
        free(name->srv);
    }
    for (size_t i = 0; i < name->target_count; i++) {
        target_free(name->targets[i]);
    }
    ev_timer_stop(name->names->options.loop, &name->keep);
    free(name->targets);
    free(name->answer.records);
    free(name->scratch);
    free(name->text);
    free(name);
}

static bool fill(struct name *name) {
    const struct config_server *server = name->server;
    size_t places = config_server_places(server);
    name->text = strdup(server->text);
    name->targets = calloc(places, sizeof(struct target *));
    name->answer.records = calloc(places, sizeof(*name->answer.records));
    if (name->text == NULL || name->targets == NULL || name->answer.records == NULL) {
        return false;
    }
    if (server->port != 0) {
        return add_target(name, server->host, server->port) != NULL;
    }
    name->srv = calloc(1, sizeof(*name->srv));
    if (name->srv != NULL) {
        begin_lookup(name->srv, name, name->text + strlen("srv:"), DNS_SRV);
    }
    return name->srv != NULL;
}

static void set_rules(struct name *name) {
    const struct names_options *options = &name->names->options;
    name->rules = (struct lookup_rules){
        .loop = options->loop,
        .asker = options->asker,
        .ask = options->ask,
        .forget = options->forget,
        .min_ms = options->config->resolve_min_ms,
        .max_ms = options->config->resolve_max_ms,
    };
}

static struct name *name_new(struct names *names, const struct config_server *server,
                             size_t index) {
    struct name *name = calloc(1, sizeof(*name));
    if (name == NULL) {
        return NULL;
    }
    name->names = names;
    name->server = server;
    name->index = index;
    set_rules(name);
    ev_init(&name->keep, on_keep);
    name->keep.data = name;
    if (!fill(name)) {
        name_free(name);
        return NULL;
    }
    return name;
}

static void ask_all(struct name *name) {
    if (name->srv != NULL) {
        lookup_ask(name->srv);
    }
    for (size_t i = 0; i < name->target_count; i++) {
        lookup_ask(&name->targets[i]->v4);
        lookup_ask(&name->targets[i]->v6);
    }
}

void names_free(struct names *names) {
    for (size_t i = 0; names != NULL && names->items != NULL && i < names->count; i++) {
        name_free(names->items[i]);
    }
    if (names != NULL) {
        free(names->items);
        free(names);
    }
}

struct names *names_new(const struct names_options *options) {
    struct names *names = calloc(1, sizeof(*names));
    struct server_name at = {.backend = NULL};
    size_t count = 0;
    while (server_name_next(options->config, &at)) {
        count++;
    }
    if (names != NULL) {
        names->options = *options;
        names->items = calloc(count + 1, sizeof(struct name *));
    }
    if (names == NULL || names->items == NULL) {
        names_free(names);
        return NULL;
    }
    at = (struct server_name){.backend = NULL};
    while (server_name_next(options->config, &at)) {
        names->items[names->count] = name_new(names, at.server, names->count);
        if (names->items[names->count++] == NULL) {
            names_free(names);
            return NULL;
        }
    }
    return names;
}

// --- The next generation ---

// Allocates as many places as the name has now. False: memory is short.
static bool fit(struct name *name, size_t places) {
    size_t room = places > name->target_count ? places : name->target_count;
    struct target **targets = reallocarray(name->targets, room, sizeof(struct target *));
    if (targets != NULL) {
        name->targets = targets;
    }
    struct server_record *records =
        reallocarray(name->answer.records, places, sizeof(*name->answer.records));
    if (records != NULL) {
        name->answer.records = records;
    }
    bool fits = targets != NULL && records != NULL;
    if (fits && name->answer.count > places) {
        name->answer.count = places;
    }
    return fits;
}

// A name that stays usually has the same number.
static struct name **find_former(struct names *former, const struct name *name) {
    for (size_t i = 0; i < former->count; i++) {
        struct name **at = &former->items[(name->index + i) % former->count];
        if (*at != NULL && strcmp((*at)->text, name->text) == 0) {
            return at;
        }
    }
    return NULL;
}

// True: `names` has the former name in place of the new one.
static bool take_over(struct names *names, size_t index, struct names *former) {
    struct name *name = names->items[index];
    struct name **at = find_former(former, name);
    if (at == NULL || !fit(*at, config_server_places(name->server))) {
        return false;
    }
    (*at)->names = names;
    (*at)->server = name->server;
    (*at)->index = index;
    set_rules(*at);
    names->items[index] = *at;
    *at = NULL;
    name_free(name);
    return true;
}

void names_start(struct names *names, struct names *former, bool again) {
    for (size_t i = 0; i < names->count; i++) {
        bool taken = former != NULL && take_over(names, i, former);
        struct name *name = names->items[i];
        if (taken && name->is_published) {
            publish(name);
        }
        if (!taken || again) {
            ask_all(name);
        }
    }
}

int64_t names_answered_us(const struct names *names, size_t index) {
    const struct summary summary = summary_of(names->items[index]);
    return summary.all_known && summary.oldest_us != INT64_MAX ? summary.oldest_us : 0;
}
