#include "monitor/metrics_text.h"

#include "base/saturate.h"
#include "monitor/admin.h"
#include "monitor/metrics_text_internal.h"

#include <stdio.h>
#include <string.h>

// Samples of counters in the slots that have a family of another name, or share one. Rows of one
// family are adjacent; the first one has its help. Any other counter is a family by itself, with
// its own name and help. A family whose name ends in "_total" is a counter, any other a gauge.
struct series {
    const char *family;
    const char *help; // NULL: same family as the row before
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
    FIRST("dns_lookups_total", "DNS lookups of names of servers, by outcome", "outcome", "found",
          lookups_found),
    ALSO("dns_lookups_total", "outcome", "empty", lookups_empty),
    ALSO("dns_lookups_total", "outcome", "silent", lookups_silent),
    ALSO("dns_lookups_total", "outcome", "failed", lookups_failed),
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
    [TIME_CONNECT] = {"connect_seconds",
                      "time until a new connection to a server was made or failed"},
    [TIME_QUEUE] = {"queue_seconds",
                    "time that requests waited for a connection to a server, in vain or not"},
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
        count = add_saturated(count, sums.buckets[i]);
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

// --- All of it ---

bool metrics_text_write(struct buffer *output, const struct monitor_options *options,
                        const struct watched *watched, const struct names *names) {
    struct exposition out = {.output = output, .limit = ADMIN_BODY_MAX};
    put_counters(&out, options);
    for (size_t i = 0; i < TIME_COUNT; i++) {
        put_times(&out, options, (enum metric_time)i);
    }
    metrics_put_labelled(&out, options, watched);
    metrics_put_names(&out, watched, names);
    metrics_put_facts(&out, options, watched);
    return !out.failed;
}
