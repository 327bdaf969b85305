#include "monitor/metrics_text_internal.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// The part of a label set that the samples of one family use.
struct labels {
    const char *site, *backend, *server; // NULL: none
    uint32_t cell;                       // of the series
    const struct server_entry *entries;  // of a server: its places
    size_t places;
};

static void begin(struct exposition *out, const char *family, const struct labels *labels) {
    exposition_begin(out, family, "");
    if (labels->site != NULL) {
        exposition_label(out, "site", labels->site);
    } else {
        exposition_label(out, "backend", labels->backend);
        exposition_label(out, "server", labels->server);
    }
}

static void put_classes(struct exposition *out, const char *family, const struct labels *labels,
                        const struct monitor_options *options) {
    for (size_t i = 0; i < SERIES_CLASSES; i++) {
        begin(out, family, labels);
        exposition_label(out, "class", series_classes[i].name);
        exposition_end(out, series_sum(options->series, labels->cell, series_classes[i].counter));
    }
}

typedef void put_labels(struct exposition *out, const char *family, const struct labels *labels,
                        const struct monitor_options *options);

static void put_request_bytes(struct exposition *out, const char *family,
                              const struct labels *labels, const struct monitor_options *options) {
    begin(out, family, labels);
    exposition_end(out, series_sum(options->series, labels->cell, SERIES_REQUEST_BYTES));
}

static void put_response_bytes(struct exposition *out, const char *family,
                               const struct labels *labels, const struct monitor_options *options) {
    begin(out, family, labels);
    exposition_end(out, series_sum(options->series, labels->cell, SERIES_RESPONSE_BYTES));
}

static void put_failures(struct exposition *out, const char *family, const struct labels *labels,
                         const struct monitor_options *options) {
    begin(out, family, labels);
    exposition_end(out, series_sum(options->series, labels->cell, SERIES_FAILURES));
}

static void put_connections(struct exposition *out, const char *family, const struct labels *labels,
                            const struct monitor_options *options) {
    const struct server_counter counter = {options->servers, 0};
    uint64_t sum = 0;
    for (size_t i = 0; i < labels->places; i++) {
        sum += server_counter_total(&counter, labels->entries[i].cell);
    }
    begin(out, family, labels);
    exposition_end(out, sum);
}

// By checks and requests of workers. Orders of the operator do not count.
static void put_up(struct exposition *out, const char *family, const struct labels *labels,
                   const struct monitor_options *options) {
    uint64_t count = 0;
    for (size_t i = 0; i < labels->places; i++) {
        const struct server_entry *entry = &labels->entries[i];
        const struct check *check = &server_counts_checks(options->servers)[entry->cell];
        bool is_out = server_counts_summary(options->servers, entry->cell).workers_out > 0;
        bool is_there = server_entry_standing(entry) != SERVER_ABSENT;
        count += is_there && check_standing(check) == CHECK_UP && !is_out;
    }
    begin(out, family, labels);
    exposition_end(out, count);
}

// Number of workers that have the server out of use.
static void put_out(struct exposition *out, const char *family, const struct labels *labels,
                    const struct monitor_options *options) {
    uint64_t sum = 0;
    for (size_t i = 0; i < labels->places; i++) {
        const struct server_entry *entry = &labels->entries[i];
        bool is_there = server_entry_standing(entry) != SERVER_ABSENT;
        sum += is_there ? server_counts_summary(options->servers, entry->cell).workers_out : 0;
    }
    begin(out, family, labels);
    exposition_end(out, sum);
}

static void put_standing(struct exposition *out, const char *family, const struct labels *labels,
                         const struct monitor_options *options) {
    static const char *const names[] = {[SERVER_PRIMARY] = "primary",
                                        [SERVER_BACKUP] = "backup",
                                        [SERVER_DRAINING] = "draining",
                                        [SERVER_DOWN] = "down"};
    (void)options;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        uint64_t count = 0;
        for (size_t k = 0; k < labels->places; k++) {
            count += server_entry_standing(&labels->entries[k]) == i;
        }
        begin(out, family, labels);
        exposition_label(out, "standing", names[i]);
        exposition_end(out, count);
    }
}

struct family {
    const char *name, *type, *help;
    put_labels *put;
};

static const struct family site_families[] = {
    {"site_responses_total", "counter", "requests of a site, by class of status", put_classes},
    {"site_request_body_bytes_total", "counter", "bytes of request bodies of a site",
     put_request_bytes},
    {"site_response_body_bytes_total", "counter", "bytes of response bodies of a site",
     put_response_bytes},
};

static const struct family server_families[] = {
    {"server_responses_total", "counter", "requests that a server was asked last, by class",
     put_classes},
    {"server_failures_total", "counter", "attempts that failed at a server", put_failures},
    {"server_connections", "gauge", "connections to a server that requests use, in all workers",
     put_connections},
    {"server_up", "gauge", "1 if the server works, as checks and requests say", put_up},
    {"server_workers_out", "gauge", "workers that have the server out of use after failures",
     put_out},
    {"server_standing", "gauge", "1 for the standing that a server has; of a name, its addresses",
     put_standing},
};

static void put_site_family(struct exposition *out, const struct family *family,
                            const struct monitor_options *options, const struct watched *watched) {
    const struct config *config = watched->config;
    exposition_family(out, family->name, family->type, family->help);
    for (size_t i = 0; i < config->site_count; i++) {
        const struct labels labels = {.site = config->sites[i].name,
                                      .cell = watched->site_cells[i]};
        family->put(out, family->name, &labels, options);
    }
}

static void put_server_family(struct exposition *out, const struct family *family,
                              const struct monitor_options *options,
                              const struct watched *watched) {
    const struct config *config = watched->config;
    size_t index = 0;
    size_t place = 0;
    exposition_family(out, family->name, family->type, family->help);
    for (size_t i = 0; i < watched_backends(watched); i++) {
        for (size_t k = 0; k < config->backends[i].server_count; k++, index++) {
            const struct config_server *server = &config->backends[i].servers[k];
            const struct labels labels = {.backend = config->backends[i].name,
                                          .server = server->text,
                                          .cell = watched->server_cells[index],
                                          .entries = &watched->servers.entries[place],
                                          .places = config_server_places(server)};
            place += labels.places;
            family->put(out, family->name, &labels, options);
        }
    }
}

void metrics_put_labelled(struct exposition *out, const struct monitor_options *options,
                          const struct watched *watched) {
    for (size_t i = 0; watched->config->site_count > 0 && i < COUNT(site_families); i++) {
        put_site_family(out, &site_families[i], options, watched);
    }
    for (size_t i = 0; watched_backends(watched) > 0 && i < COUNT(server_families); i++) {
        put_server_family(out, &server_families[i], options, watched);
    }
}
