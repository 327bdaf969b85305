#include "monitor/metrics_text.h"

#include "monitor/admin.h"

#include <stdio.h>
#include <string.h>

// Samples of counters in the slots that have a family of another name, or share one. Rows of one
// family are adjacent; the first one has its help. Any other counter is a family by itself, with
// its own name and help. A family whose name ends in "_total" is a counter, any other a gauge.
struct series {
    const char *family;
    const char *help; // NULL: the family goes on
    const char *key;  // of the label; NULL: no label
    const char *value;
    enum metric metric;
};

#define NAMED(family, metric)                                                                      \
    { family, "", NULL, NULL, METRIC_##metric }
#define FIRST(family, help, key, value, metric)                                                    \
    { family, help, key, value, METRIC_##metric }
#define ALSO(family, key, value, metric)                                                           \
    { family, NULL, key, value, METRIC_##metric }
#define REFUSED(reason) ALSO("handshakes_refused_total", "reason", #reason, refused_##reason)

static const struct series series[] = {
    NAMED("connections_accepted_total", sessions_accepted),
    NAMED("connections_refused_total", sessions_refused),
    NAMED("connections", sessions_open),
    NAMED("connections_idle", sessions_idle),
    NAMED("connections_http2", sessions_http2),
    FIRST("handshakes_total", "TLS handshakes completed", "resumed", "no", handshakes_full),
    ALSO("handshakes_total", "resumed", "yes", handshakes_resumed),
    FIRST("handshakes_suite_total", "TLS handshakes completed, by cipher suite", "suite",
          "TLS_AES_128_GCM_SHA256", suite_aes_128_gcm_sha256),
    ALSO("handshakes_suite_total", "suite", "TLS_AES_256_GCM_SHA384", suite_aes_256_gcm_sha384),
    ALSO("handshakes_suite_total", "suite", "TLS_CHACHA20_POLY1305_SHA256",
         suite_chacha20_poly1305_sha256),
    FIRST("handshakes_group_total", "full TLS handshakes completed, by key exchange group", "group",
          "X25519MLKEM768", group_x25519mlkem768),
    ALSO("handshakes_group_total", "group", "SecP256r1MLKEM768", group_secp256r1mlkem768),
    ALSO("handshakes_group_total", "group", "X25519", group_x25519),
    ALSO("handshakes_group_total", "group", "P-256", group_p256),
    ALSO("handshakes_group_total", "group", "P-384", group_p384),
    FIRST("handshakes_refused_total", "TLS handshakes refused or ended early, by reason", "reason",
          "plain_http", refused_plain_http),
    REFUSED(not_tls),
    REFUSED(old_version),
    REFUSED(no_suite),
    REFUSED(no_group),
    REFUSED(no_post_quantum),
    REFUSED(no_signature),
    REFUSED(no_protocol),
    REFUSED(unknown_name),
    REFUSED(no_parameters),
    REFUSED(missing_extension),
    REFUSED(malformed),
    REFUSED(illegal),
    REFUSED(unexpected),
    REFUSED(oversized),
    REFUSED(bad_record),
    REFUSED(bad_proof),
    REFUSED(bad_certificate),
    REFUSED(client_alert),
    REFUSED(client_left),
    REFUSED(timeout),
    REFUSED(signer),
    REFUSED(library),
    REFUSED(internal),
    FIRST("responses_total", "responses sent, by class of status", "class", "1xx", responses_1xx),
    ALSO("responses_total", "class", "2xx", responses_2xx),
    ALSO("responses_total", "class", "3xx", responses_3xx),
    ALSO("responses_total", "class", "4xx", responses_4xx),
    ALSO("responses_total", "class", "5xx", responses_5xx),
    NAMED("pool_misses_total", server_connections),
    NAMED("pool_hits_total", server_reuses),
    NAMED("pool_idle_connections", pool_idle),
    NAMED("retries_total", server_retries),
    NAMED("server_connections_failed_total", server_failures),
};

static const char *type_of(const char *family) {
    size_t size = strlen(family);
    return size > 6 && strcmp(family + size - 6, "_total") == 0 ? "counter" : "gauge";
}

static uint64_t sum(const struct monitor_options *options, enum metric metric) {
    return metrics_sum(options->all_metrics, options->metric_slots, metric);
}

static void put_row(struct exposition *out, const struct monitor_options *options,
                    const struct series *row) {
    if (row->help != NULL) {
        exposition_family(out, row->family, type_of(row->family),
                          row->help[0] != '\0' ? row->help : metric_help(row->metric));
    }
    exposition_begin(out, row->family, "");
    if (row->key != NULL) {
        exposition_label(out, row->key, row->value);
    }
    exposition_end(out, sum(options, row->metric));
}

static void put_by_name(struct exposition *out, const struct monitor_options *options,
                        enum metric metric) {
    char family[64];
    (void)snprintf(family, sizeof(family), "%s%s", metric_name(metric),
                   metric_is_counter(metric) ? "_total" : "");
    exposition_family(out, family, type_of(family), metric_help(metric));
    exposition_begin(out, family, "");
    exposition_end(out, sum(options, metric));
}

static void put_counters(struct exposition *out, const struct monitor_options *options) {
    bool is_put[METRIC_COUNT] = {false};
    for (size_t i = 0; i < sizeof(series) / sizeof(series[0]); i++) {
        put_row(out, options, &series[i]);
        is_put[series[i].metric] = true;
    }
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        if (!is_put[i]) {
            put_by_name(out, options, (enum metric)i);
        }
    }
}

// --- Times ---

static const struct {
    const char *family;
    const char *help;
} times[TIME_COUNT] = {
    [TIME_HANDSHAKE] = {"handshake_seconds",
                        "time from accepting a connection to the end of its TLS handshake"},
    [TIME_REQUEST] = {"request_seconds",
                      "time from a whole request head to the end of the response"},
    [TIME_CONNECT] = {"connect_seconds", "time to make a new connection to a server"},
    [TIME_QUEUE] = {"queue_seconds", "time that requests waited for a connection to a server"},
};

static void put_bucket(struct exposition *out, const char *family, const char *end,
                       uint64_t count) {
    exposition_begin(out, family, "_bucket");
    exposition_label(out, "le", end);
    exposition_end(out, count);
}

// One sample for each power of two.
static void put_times(struct exposition *out, const struct monitor_options *options,
                      enum metric_time time) {
    const char *family = times[time].family;
    struct time_sums sums;
    uint64_t count = 0;
    metrics_sum_times(options->all_metrics, options->metric_slots, time, &sums);
    exposition_family(out, family, "histogram", times[time].help);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        int64_t end_us = histogram_end_us(i);
        count += sums.buckets[i];
        if (end_us == INT64_MAX) {
            put_bucket(out, family, "+Inf", count);
        } else if ((end_us & (end_us - 1)) == 0) {
            char end[32];
            (void)snprintf(end, sizeof(end), "%.6f", (double)end_us / 1e6);
            put_bucket(out, family, end, count);
        }
    }
    exposition_begin(out, family, "_sum");
    exposition_end_seconds(out, (double)sums.sum_us / 1e6);
    exposition_begin(out, family, "_count");
    exposition_end(out, count);
}

// --- Sites and servers ---

static const struct {
    const char *class;
    enum series_counter counter;
} classes[] = {{"2xx", SERIES_2XX},
               {"3xx", SERIES_3XX},
               {"4xx", SERIES_4XX},
               {"5xx", SERIES_5XX},
               {"none", SERIES_NO_STATUS}};

enum { CLASS_COUNT = sizeof(classes) / sizeof(classes[0]) };

// What the samples of one family have of a label set.
struct labels {
    const char *site, *backend, *server; // NULL: none
    uint32_t cell;                       // of the series
    const struct server_entry *entry;    // of a server
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
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        begin(out, family, labels);
        exposition_label(out, "class", classes[i].class);
        exposition_end(out, series_sum(options->series, labels->cell, classes[i].counter));
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
    begin(out, family, labels);
    exposition_end(out, server_counter_total(&counter, labels->entry->cell));
}

static void put_standing(struct exposition *out, const char *family, const struct labels *labels,
                         const struct monitor_options *options) {
    static const char *const names[] = {[SERVER_PRIMARY] = "primary",
                                        [SERVER_BACKUP] = "backup",
                                        [SERVER_DRAINING] = "draining",
                                        [SERVER_DOWN] = "down"};
    enum server_standing standing = server_entry_standing(labels->entry);
    (void)options;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        begin(out, family, labels);
        exposition_label(out, "standing", names[i]);
        exposition_end(out, standing == i);
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
    {"server_standing", "gauge", "1 for the standing that a server has", put_standing},
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
    exposition_family(out, family->name, family->type, family->help);
    for (size_t i = 0; i < watched_backends(watched); i++) {
        for (size_t k = 0; k < config->backends[i].server_count; k++, index++) {
            const struct labels labels = {.backend = config->backends[i].name,
                                          .server = config->backends[i].servers[k].text,
                                          .cell = watched->server_cells[index],
                                          .entry = &watched->servers.entries[index]};
            family->put(out, family->name, &labels, options);
        }
    }
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void put_labelled(struct exposition *out, const struct monitor_options *options,
                         const struct watched *watched) {
    for (size_t i = 0; watched->config->site_count > 0 && i < COUNT(site_families); i++) {
        put_site_family(out, &site_families[i], options, watched);
    }
    for (size_t i = 0; watched_backends(watched) > 0 && i < COUNT(server_families); i++) {
        put_server_family(out, &server_families[i], options, watched);
    }
}

bool metrics_text_write(struct buffer *output, const struct monitor_options *options,
                        const struct watched *watched) {
    struct exposition out = {.output = output, .limit = ADMIN_BODY_MAX};
    put_counters(&out, options);
    for (size_t i = 0; i < TIME_COUNT; i++) {
        put_times(&out, options, (enum metric_time)i);
    }
    put_labelled(&out, options, watched);
    return !out.failed;
}
