#include "config/options.h"

#include "config/config.h"

#include <assert.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define KIB UINT64_C(1024)

#define OPTIONAL .most = 1
#define REQUIRED .least = 1, .most = 1
#define FROM_TO(low, high) .least = (low), .most = (high)
#define RANGE(low, high) .minimum = (low), .maximum = (high)
#define INSIDE(section) .inside = (section)
#define WORDS(list) .words = (list)
#define ZERO(word) .zero_word = (word)
#define INITIAL(text) .initial = (text)
#define UNIQUE(noun) .unique = (noun)
#define AT(type, member) .offset = offsetof(struct type, member)
#define LINE_AT(type, member) .line_offset = offsetof(struct type, member)
#define COUNTED_AT(type, member) .count_offset = offsetof(struct type, member)

// Each list is in the order of its enum.
static const char *const log_words[] = {"off", "stdout", "stderr", "syslog", NULL};
static const char *const level_words[] = {"error", "warning", "info", "debug", NULL};
static const char *const format_words[] = {"json", "combined", NULL};
static const char *const protocol_words[] = {"https", "redirect", NULL};
static const char *const balance_words[] = {"round-robin", NULL};

static const struct option top_options[] = {
    {"workers", "Worker processes; auto is one per processor core.", KIND_NUMBER, OPTIONAL,
     RANGE(1, CONFIG_WORKERS_MAX), ZERO("auto"), INITIAL("auto"), AT(config, workers)},
    {"user", "The user to become after binding the listeners, when started as root.", KIND_NAME,
     OPTIONAL, AT(config, user)},
    {"log", "Where the error log goes.", KIND_LOG, OPTIONAL, WORDS(log_words),
     RANGE(LOG_TARGET_STDERR, LOG_TARGET_FILE), INITIAL("stderr"), AT(config, log)},
    {"log-level", "The least important kind of message that is still logged.", KIND_WORD, OPTIONAL,
     WORDS(level_words), INITIAL("info"), AT(config, log_level)},
    {"access-log", "Where the access log goes: one line per request.", KIND_LOG, OPTIONAL,
     WORDS(log_words), RANGE(LOG_TARGET_OFF, LOG_TARGET_FILE), INITIAL("off"),
     AT(config, access_log)},
    {"access-log-format", "One JSON object per line, or the combined format of Apache and nginx.",
     KIND_WORD, OPTIONAL, WORDS(format_words), INITIAL("json"), AT(config, access_log_format)},
    {"tls",
     "What all listeners ask of a TLS client. TLS 1.3 is not an option: there is nothing less.",
     KIND_SECTION, INSIDE(SECTION_TLS), OPTIONAL, AT(config, tls)},
    {"limits", "How much a client may ask for.", KIND_SECTION, INSIDE(SECTION_LIMITS), OPTIONAL,
     AT(config, limits)},
    {"listen", "An address to accept clients on.", KIND_SECTION, INSIDE(SECTION_LISTEN),
     FROM_TO(1, CONFIG_LISTENERS_MAX), AT(config, listeners), COUNTED_AT(config, listener_count)},
    {"site", "Host names with their certificates and routes. The first site is the default.",
     KIND_SECTION, INSIDE(SECTION_SITE), FROM_TO(1, 10000), AT(config, sites),
     COUNTED_AT(config, site_count)},
    {"backend", "A named group of servers that do the same work.", KIND_SECTION,
     INSIDE(SECTION_BACKEND), FROM_TO(0, 10000), AT(config, backends),
     COUNTED_AT(config, backend_count)},
};

static const struct option tls_options[] = {
    {"require-post-quantum",
     "Refuse clients that offer no post-quantum group. It is preferred either way.", KIND_YES_NO,
     OPTIONAL, INITIAL("no"), AT(config_tls, require_post_quantum)},
    {"ticket-lifetime", "How long a session ticket resumes a session; 0 issues no tickets.",
     KIND_SECONDS, OPTIONAL, RANGE(MINUTE, DAY), ZERO("0"), INITIAL("1h"),
     AT(config_tls, ticket_lifetime_s)},
};

static const struct option limits_options[] = {
    {"handshake-timeout", "From accepting a client to the end of its TLS handshake.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), INITIAL("5s"),
     AT(config_limits, handshake_timeout_ms)},
    {"header-timeout", "From the first byte of a request to the end of its head.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), INITIAL("10s"),
     AT(config_limits, header_timeout_ms)},
    {"idle-timeout", "How long a connection may be silent, between requests or inside one.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), INITIAL("60s"),
     AT(config_limits, idle_timeout_ms)},
    {"header-size", "The largest request head, all its lines together.", KIND_SIZE, OPTIONAL,
     RANGE(KIB, 64 * KIB), INITIAL("16k"), AT(config_limits, header_size)},
    {"header-count", "The most header fields in one request.", KIND_NUMBER, OPTIONAL,
     RANGE(1, 1000), INITIAL("100"), AT(config_limits, header_count)},
    {"connections", "The most client connections at a time, in all workers together.", KIND_NUMBER,
     OPTIONAL, RANGE(1, 10000000), INITIAL("100000"), AT(config_limits, connections)},
};

static const struct option listen_options[] = {
    {"protocol",
     "What it speaks; redirect is plain HTTP that answers 308 to https and nothing else.",
     KIND_WORD, OPTIONAL, WORDS(protocol_words), INITIAL("https"), AT(config_listen, protocol)},
};

static const struct option site_options[] = {
    {"aliases",
     "More names, as in {\"*.example.com\", example.org}. \"*\" is every host no site names.",
     KIND_HOST_PATTERN, FROM_TO(0, 1000), AT(config_site, aliases),
     COUNTED_AT(config_site, alias_count), UNIQUE("host name")},
    {"certificate",
     "A PEM file: the certificate, then its chain. Several serve clients of several abilities.",
     KIND_SECTION, INSIDE(SECTION_CERTIFICATE), FROM_TO(1, 16), AT(config_site, certificates),
     COUNTED_AT(config_site, certificate_count)},
    {"route", "Where requests go whose path begins so. The longest prefix wins.", KIND_SECTION,
     INSIDE(SECTION_ROUTE), FROM_TO(1, 1000), AT(config_site, routes),
     COUNTED_AT(config_site, route_count)},
};

static const struct option certificate_options[] = {
    {"key", "The PEM file with its private key. It must not be readable by everyone.", KIND_FILE,
     REQUIRED, AT(config_certificate, key_path), LINE_AT(config_certificate, key_line)},
};

static const struct option route_options[] = {
    {"backend", "The backend that answers, by name.", KIND_NAME, REQUIRED,
     AT(config_route, backend_name), LINE_AT(config_route, backend_line)},
};

static const struct option backend_options[] = {
    {"balance", "How the next server is chosen.", KIND_WORD, OPTIONAL, WORDS(balance_words),
     INITIAL("round-robin"), AT(config_backend, balance)},
    {"connect-timeout", "For connecting to a server.", KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY),
     INITIAL("2s"), AT(config_backend, connect_timeout_ms)},
    {"response-timeout",
     "From the request sent to the head of the response, and between parts of its body.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), INITIAL("60s"),
     AT(config_backend, response_timeout_ms)},
    {"retries",
     "How often a request that can be repeated is tried again after a failed connection.",
     KIND_NUMBER, OPTIONAL, RANGE(0, 10), INITIAL("1"), AT(config_backend, retries)},
    {"server", "One server of the group.", KIND_SECTION, INSIDE(SECTION_SERVER), FROM_TO(1, 1000),
     AT(config_backend, servers), COUNTED_AT(config_backend, server_count)},
};

static const struct option server_options[] = {
    {"weight", "Its share of the requests, in proportion to the others'.", KIND_NUMBER, OPTIONAL,
     RANGE(1, 256), INITIAL("1"), AT(config_server, weight)},
};

#define PLAIN(label, type, table)                                                                  \
    {                                                                                              \
        .name = (label), .size = sizeof(struct type), .options = (table),                          \
        .option_count = COUNT(table)                                                               \
    }
#define TITLED(label, type, table, title_kind, noun, member)                                       \
    {                                                                                              \
        .name = (label), .size = sizeof(struct type), .options = (table),                          \
        .option_count = COUNT(table), .title = {                                                   \
            .name = (label),                                                                       \
            .kind = (title_kind),                                                                  \
            UNIQUE(noun),                                                                          \
            AT(type, member),                                                                      \
            LINE_AT(type, line)                                                                    \
        }                                                                                          \
    }

static const struct section sections[SECTION_COUNT] = {
    [SECTION_TOP] = PLAIN("", config, top_options),
    [SECTION_TLS] = PLAIN("tls", config_tls, tls_options),
    [SECTION_LIMITS] = PLAIN("limits", config_limits, limits_options),
    [SECTION_LISTEN] =
        TITLED("listen", config_listen, listen_options, KIND_LISTEN, "listen address", address),
    [SECTION_SITE] = TITLED("site", config_site, site_options, KIND_HOST, "host name", name),
    [SECTION_CERTIFICATE] = TITLED("certificate", config_certificate, certificate_options,
                                   KIND_FILE, "certificate", certificate_path),
    [SECTION_ROUTE] = TITLED("route", config_route, route_options, KIND_PREFIX, "route", prefix),
    [SECTION_BACKEND] =
        TITLED("backend", config_backend, backend_options, KIND_NAME, "backend", name),
    [SECTION_SERVER] =
        TITLED("server", config_server, server_options, KIND_SERVER, "server", address),
};

static_assert(COUNT(top_options) <= SECTION_OPTIONS_MAX, "the largest section");

const struct section *section_at(enum section_id id) {
    return &sections[id];
}

const struct option *option_find(enum section_id id, const char *name) {
    for (size_t i = 0; i < sections[id].option_count; i++) {
        if (strcmp(sections[id].options[i].name, name) == 0) {
            return &sections[id].options[i];
        }
    }
    return NULL;
}

const struct section *option_home(const char *name) {
    for (size_t i = SECTION_COUNT; i-- > 0;) {
        if (option_find((enum section_id)i, name) != NULL) {
            return &sections[i];
        }
    }
    return NULL;
}
