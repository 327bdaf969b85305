#include "process/names.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE = 1024 };

// --- The log ---

void names_watch_init(struct names_watch *watch, struct log *log) {
    *watch = (struct names_watch){
        .log = log, .lines = {.interval_ms = NAMES_LINES_INTERVAL_MS, .burst = NAMES_LINES_BURST}};
}

__attribute__((format(printf, 3, 4))) static void
say(struct names_watch *watch, enum log_severity severity, const char *format, ...) {
    char line[LINE_SIZE];
    va_list arguments;
    if (!rate_take(&watch->lines, clock_monotonic_us() / 1000)) {
        return;
    }
    if (watch->lines.left_out > 0) {
        log_warning(watch->log, "%" PRIu64 " more lines about names of servers were left out",
                    watch->lines.left_out);
        watch->lines.left_out = 0;
    }
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    log_write(watch->log, severity, "%s", line);
}

static void on_changed(void *context, const struct server_name *name, const struct address *address,
                       bool came) {
    char text[ADDRESS_TEXT_SIZE];
    address_format(address, text);
    say(context, SEVERITY_INFO, "server %s/%s: %s, because %s %s this address", name->backend->name,
        text, came ? "added" : "removed", name->server->text, came ? "has" : "has no longer");
}

static void say_state(struct names_watch *watch, const struct server_name *name,
                      const struct server_answer *answer, size_t used) {
    const char *backend = name->backend->name;
    const char *text = name->server->text;
    switch (answer->state) {
    case ANSWER_SILENT:
    case ANSWER_FAILED:
        say(watch, SEVERITY_WARNING, "server %s/%s: %s; %zu addresses stay in use", backend, text,
            answer->state == ANSWER_SILENT ? "no DNS server replies"
                                           : "a DNS server reports an error",
            used);
        break;
    case ANSWER_EMPTY:
        say(watch, SEVERITY_WARNING, "server %s/%s: the DNS has no address for this name; %zu %s",
            backend, text, used, used > 0 ? "stay for resolve-keep" : "are in use");
        break;
    default:
        say(watch, SEVERITY_INFO, "server %s/%s: the DNS has addresses for this name again",
            backend, text);
    }
}

static void say_left_out(struct names_watch *watch, const struct server_name *name,
                         const struct server_answer *answer) {
    say(watch, SEVERITY_WARNING,
        "server %s/%s: %zu addresses, of which the first %zu are used; raise 'addresses'",
        name->backend->name, name->server->text, answer->found, config_server_places(name->server));
}

// --- Addresses of this machine ---

static bool is_wildcard(const struct address *address) {
    static const struct in6_addr any = IN6ADDR_ANY_INIT;
    return address->as.any.sa_family == AF_INET
               ? address->as.v4.sin_addr.s_addr == htonl(INADDR_ANY)
               : memcmp(&address->as.v6.sin6_addr, &any, sizeof(any)) == 0;
}

// Whether packets to the address stay on this machine: the kernel then uses it as source address,
// too.
static bool is_local(const struct address *address) {
    struct address own = {.size = sizeof(own.as)};
    int fd = socket(address->as.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return true; // unknown
    }
    bool found = connect(fd, &address->as.any, address->size) == 0 &&
                 getsockname(fd, &own.as.any, &own.size) == 0;
    (void)close(fd);
    if (!found) {
        return false; // it cannot be reached
    }
    if (address->as.any.sa_family == AF_INET) {
        return ntohl(address->as.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET ||
               address->as.v4.sin_addr.s_addr == own.as.v4.sin_addr.s_addr;
    }
    return memcmp(&address->as.v6.sin6_addr, &own.as.v6.sin6_addr, sizeof(struct in6_addr)) == 0;
}

static bool is_listener(const struct config_listen *listeners, size_t count,
                        const struct address *address) {
    for (size_t i = 0; i < count; i++) {
        const struct address *own = &listeners[i].address;
        if (own->as.any.sa_family == address->as.any.sa_family &&
            address_port(own) == address_port(address) &&
            (address_equal(own, address) || (is_wildcard(own) && is_local(address)))) {
            return true;
        }
    }
    return false;
}

static void drop_own(const struct config *config, struct server_answer *answer) {
    size_t kept = 0;
    for (size_t i = 0; i < answer->count; i++) {
        const struct address *address = &answer->records[i].address;
        if (is_listener(config->listeners, config->listener_count, address) ||
            is_listener(config->admins, config->admin_count, address)) {
            answer->first_refused = answer->refused++ == 0 ? *address : answer->first_refused;
        } else {
            answer->records[kept++] = answer->records[i];
        }
    }
    answer->count = kept;
}

static void say_refused(struct names_watch *watch, const struct server_name *name,
                        const struct server_answer *answer) {
    char text[ADDRESS_TEXT_SIZE];
    address_format(&answer->first_refused, text);
    say(watch, SEVERITY_WARNING,
        "server %s/%s: %zu addresses are not used; %s is link-local, multicast, unspecified or one "
        "that Ravelin listens on",
        name->backend->name, name->server->text, answer->refused, text);
}

// --- Names ---

static void take(struct names_watch *watch, struct source *current, const struct shares *shares,
                 const struct server_name *name, size_t index, struct server_answer *answer) {
    struct answer_place *place = &current->answers.places[index];
    if (server_answers_read(&current->answers, index, answer) != RESULT_OK) {
        return;
    }
    drop_own(current->config, answer);
    const struct server_places places = {.table = &current->servers,
                                         .names = shares->names,
                                         .counts = shares->servers,
                                         .changed = on_changed,
                                         .context = watch};
    if (answer->is_answered) {
        (void)server_places_set(&places, name, answer->records, answer->count);
    }
    size_t used = server_places_get(&current->servers, name, answer->records);
    bool is_news = place->state != answer->state;
    if (is_news && !(place->state == ANSWER_NONE && answer->state == ANSWER_FOUND)) {
        say_state(watch, name, answer, used);
    }
    if (answer->found > place->places && place->found <= place->places) {
        say_left_out(watch, name, answer);
    }
    if (answer->refused > 0 && answer->refused != place->refused) {
        say_refused(watch, name, answer);
    }
    place->state = answer->state;
    place->found = answer->found;
    place->refused = answer->refused;
}

// Allocates memory for the addresses of any name. NULL: memory is short, or there is no name.
static struct server_record *make_room(const struct config *config) {
    struct server_name name = {.backend = NULL};
    size_t most = 0;
    while (server_name_next(config, &name)) {
        size_t places = config_server_places(name.server);
        most = places > most ? places : most;
    }
    return most == 0 ? NULL : calloc(most, sizeof(struct server_record));
}

void names_take(struct names_watch *watch, struct source *current, const struct shares *shares) {
    struct server_record *records = make_room(current->config);
    struct server_answer answer = {.records = records};
    struct server_name name = {.backend = NULL};
    for (size_t i = 0; records != NULL && server_name_next(current->config, &name); i++) {
        take(watch, current, shares, &name, i, &answer);
    }
    free(records);
}

static void ignore(void *context, const struct server_name *name, const struct address *address,
                   bool came) {
    (void)context;
    (void)name;
    (void)address;
    (void)came;
}

// The same name in the former configuration. False: there is none.
static bool find_former(const struct source *former, const struct server_name *wanted,
                        struct server_name *name) {
    *name = (struct server_name){.backend = NULL};
    while (server_name_next(former->config, name)) {
        if (strcmp(name->server->text, wanted->server->text) == 0 &&
            strcmp(name->backend->name, wanted->backend->name) == 0) {
            return true;
        }
    }
    return false;
}

void names_hand_on(const struct source *next, const struct source *former,
                   const struct shares *shares) {
    const struct server_places places = {.table = &next->servers,
                                         .names = shares->names,
                                         .counts = shares->servers,
                                         .changed = ignore};
    struct server_record *records = make_room(former->config);
    struct server_name name = {.backend = NULL};
    struct server_name before;
    while (records != NULL && server_name_next(next->config, &name)) {
        if (find_former(former, &name, &before) &&
            server_name_is_answered(&former->servers, &before)) {
            size_t count = server_places_get(&former->servers, &before, records);
            (void)server_places_set(&places, &name, records, count);
        }
    }
    free(records);
}

// --- Another master ---

static void write_name(const struct server_name *name, char text[SERVERS_TEXT_SIZE]) {
    (void)snprintf(text, SERVERS_TEXT_SIZE, "%s/%s", name->backend->name, name->server->text);
}

bool names_next_record(const struct source *source, size_t *at, struct names_record *record) {
    struct server_record *records = make_room(source->config);
    struct server_name name = {.backend = NULL};
    bool found = false;
    size_t before = 0;
    while (records != NULL && !found && server_name_next(source->config, &name)) {
        size_t count = server_places_get(&source->servers, &name, records);
        found = *at < before + count;
        if (found) {
            record->record = records[*at - before];
            write_name(&name, record->name);
            (*at)++;
        }
        before += count;
    }
    free(records);
    return found;
}

static bool is_usable(const struct server_record *record) {
    sa_family_t family = record->address.as.any.sa_family;
    return record->address.size <= sizeof(record->address.as) && record->share >= 1 &&
           record->share <= SERVER_SHARE_MAX && (family == AF_INET || family == AF_INET6);
}

void names_take_records(const struct source *source, const struct shares *shares,
                        const struct names_record *records, size_t count) {
    const struct server_places places = {.table = &source->servers,
                                         .names = shares->names,
                                         .counts = shares->servers,
                                         .changed = ignore};
    struct server_record *own = make_room(source->config);
    struct server_name name = {.backend = NULL};
    while (own != NULL && server_name_next(source->config, &name)) {
        char text[SERVERS_TEXT_SIZE];
        size_t used = 0;
        write_name(&name, text);
        for (size_t i = 0; i < count && used < config_server_places(name.server); i++) {
            if (strcmp(records[i].name, text) == 0 && is_usable(&records[i].record)) {
                own[used++] = records[i].record;
            }
        }
        if (used > 0) {
            (void)server_places_set(&places, &name, own, used);
        }
    }
    free(own);
}
