// One worker's service in the fuzzer's own process: a client on a socket pair, servers on a unix
// socket, and a few configurations to reload. Nothing waits: every socket is non-blocking, and the
// loop is only ever asked for what is ready.
#ifndef RAVELIN_TESTS_EXCHANGE_LAB_H
#define RAVELIN_TESTS_EXCHANGE_LAB_H

#include "../unit/server_tables.h"
#include "config/bundle.h"
#include "exchange/exchange.h"
#include "http_strict.h"
#include "session/records.h"
#include "session/service_internal.h"
#include "session/session.h"
#include "tls/record/aead.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { SERVERS_MAX = 16, STREAM_MAX = 1 << 20, CONFIGS = 4 };
enum { FILLER_UNIT = 1024, FILLER_MAX = 256 * FILLER_UNIT };

// Bytes in one direction, in the order they went. What exceeds STREAM_MAX is not kept.
struct stream_bytes {
    char *data;
    size_t size;
};

struct fake_server {
    int fd; // -1: closed
    struct stream_bytes received;
    bool said_101;
};

struct lab {
    char folder[40];
    struct ev_loop *loop;
    struct log log;
    struct metrics_slot *metrics;
    struct client_table *clients;
    struct service *service;
    struct bundle_pair bundles[CONFIGS];
    uint64_t generation;
    unsigned config; // of bundles[], the current one
    int accepting;   // where the servers' connections come in
    // of one input
    struct session *session;
    int client;
    bool secure;
    bool client_closed;
    bool ended; // the client saw close_notify or the end of the connection
    struct record_layer records;
    struct record_engine *engine;
    struct stream_bytes sent;     // by the client, plaintext
    struct stream_bytes arrived;  // at the client, not opened yet
    struct stream_bytes received; // by the client, plaintext
    struct fake_server servers[SERVERS_MAX];
    size_t server_count;
};

static inline void keep_bytes(struct stream_bytes *bytes, const void *data, size_t size) {
    if (size > 0 && bytes->size + size <= STREAM_MAX) {
        memcpy(bytes->data + bytes->size, data, size);
        bytes->size += size;
    }
}

// --- set-up, once ---

static inline void lab_write_config(struct lab *lab, int number, const char *limits,
                                    const char *routes) {
    char text[2000], path[64], error[CONFIG_ERROR_SIZE];
    (void)snprintf(path, sizeof(path), "%s/r.conf", lab->folder);
    int size = snprintf(text, sizeof(text),
                        "access-log = \"/dev/null\"\ntrusted-proxies = 192.0.2.1\n"
                        "limits { %s }\nlisten 127.0.0.1:8443 {}\n"
                        "site a.test {\n aliases = \"*\"\n certificate a.pem { key = a.key }\n"
                        " %s\n}\n"
                        "backend web { server unix:%s/server {}\n retries = 2 sticky = id }\n",
                        limits, routes, lab->folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && write(fd, text, (size_t)size) == size && close(fd) == 0);
    struct config *config;
    if (bundle_read(path, &lab->bundles[number], &config, error) != RESULT_OK) {
        fprintf(stderr, "%s\n", error);
        abort();
    }
    config_free(config);
}

static inline void lab_make_files(struct lab *lab) {
    char command[400];
    strcpy(lab->folder, "/tmp/ravelin-fuzz-XXXXXX");
    CHECK(mkdtemp(lab->folder) != NULL);
    (void)snprintf(command, sizeof(command),
                   "cd %s && openssl req -x509 -nodes -days 3 -newkey ec -pkeyopt "
                   "ec_paramgen_curve:P-256 -subj /CN=a.test -addext subjectAltName=DNS:a.test "
                   "-keyout a.key -out a.pem 2>log && chmod 600 a.key",
                   lab->folder);
    CHECK(system(command) == 0); // NOLINT(cert-env33-c): a fixed command, in a folder of its own
    lab_write_config(lab, 0, "", "route / { backend = web }");
    lab_write_config(lab, 1, "header-size = 1k target-size = 100 header-count = 8 body-size = 1k",
                     "route / { backend = web }\n route /a { return = 410 }");
    lab_write_config(lab, 2, "header-size = 64k header-count = 1000 requests-per-connection = 2",
                     "route /a/ { backend = web\n strip-prefix = yes }\n"
                     " route / { redirect = \"https://b.test/\" }");
    lab_write_config(
        lab, 3, "idle-timeout = 1s body-rate = 0 connections-per-client = 1",
        "route / { backend = web\n rate = 1 burst = 3\n request { set-header = \"X-A: b\" } }");
}

static inline void lab_remove_files(const struct lab *lab) {
    static const char *const names[] = {"a.key", "a.pem", "log", "r.conf", "server"};
    int folder = open(lab->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)unlinkat(folder, names[i], 0);
    }
    (void)close(folder);
    (void)rmdir(lab->folder);
}

static inline void lab_listen(struct lab *lab) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/server", lab->folder);
    lab->accepting = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(lab->accepting >= 0);
    CHECK(bind(lab->accepting, (struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(listen(lab->accepting, SERVERS_MAX) == 0);
}

// The server table for this configuration, as the master makes it.
static inline struct server_fds lab_server_fds(const struct lab *lab, unsigned number) {
    char error[CONFIG_ERROR_SIZE];
    struct bundle bundle;
    const struct generation *current = lab->service->sessions.shared.current;
    int fd = fcntl(lab->bundles[number].files.fd, F_DUPFD_CLOEXEC, 0);
    CHECK(fd >= 0 && bundle_open(fd, &bundle) == RESULT_OK);
    struct config *config = bundle_config(&bundle, NULL, error);
    CHECK(config != NULL);
    struct server_table table;
    struct server_table_former former = {.table = &table};
    struct server_names *names = server_names_new();
    if (current != NULL && server_table_make(&table, current->config, 1, names, NULL)) {
        former.config = current->config;
        former.number = current->number;
    }
    server_names_free(names);
    struct server_fds fds = new_server_fds(config, former.config == NULL ? NULL : &former);
    if (former.config != NULL) {
        server_table_close(&table);
    }
    config_free(config);
    bundle_close(&bundle);
    return fds;
}

// Another configuration, between two rounds of the loop.
static inline void lab_reload(struct lab *lab, unsigned number) {
    char error[CONFIG_ERROR_SIZE];
    int listener = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); // never readable: nobody connects
    int bundle = fcntl(lab->bundles[number].files.fd, F_DUPFD_CLOEXEC, 0);
    int access_log = open("/dev/null", O_WRONLY | O_CLOEXEC);
    CHECK(listener >= 0 && bundle >= 0 && access_log >= 0);
    const struct service_load load = {
        .number = ++lab->generation,
        .bundle_fd = bundle,
        .servers = lab_server_fds(lab, number),
        .listener_fds = &listener,
        .listener_count = 1,
        .access_log_fd = access_log,
    };
    CHECK(service_stage(lab->service, &load, error) == RESULT_OK);
    service_commit(lab->service);
    lab->config = number;
}

static inline void lab_start(struct lab *lab) {
    memset(lab, 0, sizeof(*lab));
    lab_make_files(lab);
    lab_listen(lab);
    lab->loop = ev_default_loop(EVFLAG_AUTO);
    lab->metrics = metrics_map(1);
    lab->clients = client_table_map(1);
    lab->engine = record_engine_new();
    log_init(&lab->log, open("/dev/null", O_WRONLY | O_CLOEXEC), SINK_NO_DAEMON, SEVERITY_DEBUG,
             "fuzzer");
    struct service_options options = {.loop = lab->loop,
                                      .log = &lab->log,
                                      .metrics = lab->metrics,
                                      .all_metrics = lab->metrics,
                                      .slot_count = 1,
                                      .clients = lab->clients,
                                      .servers = sole_counter()->counts,
                                      .series = sole_series()};
    lab->service = service_new(&options);
    lab->sent.data = malloc(STREAM_MAX);
    lab->arrived.data = malloc(STREAM_MAX);
    lab->received.data = malloc(STREAM_MAX);
    for (size_t i = 0; i < SERVERS_MAX; i++) {
        lab->servers[i].received.data = malloc(STREAM_MAX);
    }
    CHECK(lab->loop != NULL && lab->metrics != NULL && lab->clients != NULL &&
          lab->engine != NULL && lab->service != NULL);
    lab_reload(lab, 0);
}

// --- one input ---

static inline void lab_secrets(uint8_t client[RECORD_SECRET_MAX],
                               uint8_t server[RECORD_SECRET_MAX]) {
    memset(client, 1, RECORD_SECRET_MAX);
    memset(server, 2, RECORD_SECRET_MAX);
}

// A client whose handshake is over; or, not `secure`, one that never had any.
static inline void lab_connect(struct lab *lab, bool secure) {
    int pair[2];
    struct sockaddr_storage peer = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&peer;
    v4->sin_family = AF_INET;
    v4->sin_addr.s_addr = htonl(secure ? 0xc0000201 : 0xc0000202); // 192.0.2.1 is trusted
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    const struct listener listener = {.sessions = &lab->service->sessions,
                                      .protocol = LISTEN_REDIRECT};
    listener_start_session(&listener, pair[0], (struct sockaddr *)&peer);
    CHECK(!list_is_empty(&lab->service->sessions.open));
    lab->session = LIST_ENTRY(lab->service->sessions.open.next, struct session, node);
    lab->session->client.redirect = false;
    lab->client = pair[1];
    lab->secure = secure;
    lab->client_closed = lab->ended = false;
    lab->server_count = 0;
    lab->sent.size = lab->arrived.size = lab->received.size = 0;
    if (secure) {
        uint8_t client[RECORD_SECRET_MAX], server[RECORD_SECRET_MAX];
        lab_secrets(client, server);
        struct record_layer layer;
        CHECK(record_layer_init(&layer, SUITE_AES_128_GCM_SHA256, client, server, 0, 0, 0) ==
              RESULT_OK);
        records_commit(&lab->session->transport, &layer);
        CHECK(record_layer_init(&lab->records, SUITE_AES_128_GCM_SHA256, server, client, 0, 0, 0) ==
              RESULT_OK);
        client_set_tls(&lab->session->client, SLICE("X25519"), SLICE("TLS_AES_128_GCM_SHA256"));
    }
}

static inline bool lab_is_open(const struct lab *lab) {
    return !list_is_empty(&lab->service->sessions.open);
}

static inline void lab_open_records(struct lab *lab) {
    size_t at = 0;
    while (!lab->ended) {
        uint8_t *record = (uint8_t *)lab->arrived.data + at, *payload;
        size_t size, payload_size;
        enum record_event event;
        CHECK(record_measure(&lab->records, record, lab->arrived.size - at, &size) == RESULT_OK);
        if (size == 0 || size > lab->arrived.size - at) {
            break;
        }
        CHECK(record_open(&lab->records, lab->engine, record, size, &event, &payload,
                          &payload_size) == RESULT_OK);
        if (event == RECORD_EVENT_DATA) {
            keep_bytes(&lab->received, payload, payload_size);
        }
        lab->ended |= event == RECORD_EVENT_CLOSED || event == RECORD_EVENT_ALERT;
        at += size;
    }
    lab->arrived.size -= at;
    memmove(lab->arrived.data, lab->arrived.data + at, lab->arrived.size);
    CHECK(!lab->ended || lab->arrived.size == 0); // nothing follows an end
}

// The client reads what is there, at most `most` bytes of it.
static inline void lab_client_reads(struct lab *lab, size_t most) {
    static uint8_t data[1 << 16];
    while (most > 0 && !lab->client_closed) {
        ssize_t size = recv(lab->client, data, most < sizeof(data) ? most : sizeof(data), 0);
        if (size <= 0) {
            break;
        }
        most -= (size_t)size;
        keep_bytes(lab->secure ? &lab->arrived : &lab->received, data, (size_t)size);
        CHECK(lab->arrived.size < STREAM_MAX - sizeof(data));
        if (lab->secure) {
            lab_open_records(lab);
        }
    }
}

static inline void lab_servers_read(struct lab *lab) {
    static uint8_t data[1 << 16];
    for (size_t i = 0; i < lab->server_count; i++) {
        struct fake_server *server = &lab->servers[i];
        ssize_t size = 0;
        while (server->fd >= 0 && (size = recv(server->fd, data, sizeof(data), 0)) > 0) {
            keep_bytes(&server->received, data, (size_t)size);
        }
    }
}

static inline void lab_servers_accept(struct lab *lab) {
    int fd;
    while ((fd = accept4(lab->accepting, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (lab->server_count == SERVERS_MAX) {
            (void)close(fd);
            continue;
        }
        struct fake_server *server = &lab->servers[lab->server_count++];
        server->fd = fd;
        server->received.size = 0;
        server->said_101 = false;
    }
}

static inline void lab_turn(struct lab *lab) {
    (void)ev_run(lab->loop, EVRUN_NOWAIT);
    lab_servers_accept(lab);
    lab_servers_read(lab);
}

static inline void lab_client_sends(struct lab *lab, const uint8_t *data, size_t size) {
    static uint8_t record[RECORD_SIZE_MAX + 64];
    while (size > 0 && !lab->client_closed) {
        size_t part = size < RECORD_PAYLOAD_MAX ? size : RECORD_PAYLOAD_MAX;
        const uint8_t *bytes = data;
        size_t bytes_size = part;
        if (lab->secure) {
            uint8_t *payload = record + RECORD_HEADER_SIZE;
            memcpy(payload, data, part);
            if (record_seal(&lab->records, lab->engine, RECORD_APPLICATION_DATA, payload, part,
                            record, payload + part + 1) != RESULT_OK) {
                return;
            }
            bytes = record;
            bytes_size = part + RECORD_OVERHEAD;
        }
        while (bytes_size > 0) { // a record that went in half must go in whole
            ssize_t went = send(lab->client, bytes, bytes_size, MSG_NOSIGNAL);
            if (went <= 0) {
                lab->client_closed |= bytes != record && bytes != data;
                return;
            }
            bytes += went;
            bytes_size -= (size_t)went;
        }
        keep_bytes(&lab->sent, data, part);
        data += part;
        size -= part;
    }
}

static inline struct fake_server *lab_server(struct lab *lab) {
    for (size_t i = lab->server_count; i > 0; i--) {
        if (lab->servers[i - 1].fd >= 0) {
            return &lab->servers[i - 1];
        }
    }
    return NULL;
}

static inline void lab_server_sends(struct lab *lab, const uint8_t *data, size_t size) {
    struct fake_server *server = lab_server(lab);
    if (server != NULL && size > 0) {
        server->said_101 |= memmem(data, size, " 101", 4) != NULL;
        (void)!send(server->fd, data, size, MSG_NOSIGNAL);
    }
}

static inline void lab_server_closes(struct lab *lab, bool half) {
    struct fake_server *server = lab_server(lab);
    if (server == NULL) {
        return;
    }
    if (half) {
        (void)shutdown(server->fd, SHUT_WR);
        return;
    }
    lab_servers_read(lab);
    (void)close(server->fd);
    server->fd = -1;
}

// Whatever was waited for has not come in time.
static inline void lab_time_out(struct lab *lab) {
    if (lab_is_open(lab)) {
        lab->session->deadline_ms = 1;
        lab->session->due.due(&lab->session->due);
    }
}

// What both fuzzers of sessions do to servers, to the client's end and to time. The seeds depend on
// the order.
enum lab_act {
    LAB_SERVER_FILLS,
    LAB_SERVER_CLOSES,
    LAB_SERVER_HALF_CLOSES,
    LAB_CLIENT_ENDS,
    LAB_CLIENT_READS,
    LAB_TURNS,
    LAB_RELOADS,
    LAB_TIMES_OUT,
    LAB_ACT_COUNT,
};

// FILLER_MAX letters.
static inline const uint8_t *lab_filler(void) {
    static uint8_t filler[FILLER_MAX];
    if (filler[0] == 0) {
        memset(filler, 'f', sizeof(filler));
    }
    return filler;
}

//   number  0 to 255: how much, how often or which, see there
static inline void lab_act(struct lab *lab, enum lab_act act, unsigned number) {
    switch (act) {
    case LAB_SERVER_FILLS:
        lab_server_sends(lab, lab_filler(), (size_t)number * FILLER_UNIT / 2);
        break;
    case LAB_SERVER_CLOSES:
    case LAB_SERVER_HALF_CLOSES:
        lab_server_closes(lab, act == LAB_SERVER_HALF_CLOSES);
        break;
    case LAB_CLIENT_ENDS:
        (void)shutdown(lab->client, SHUT_WR);
        lab->client_closed = number == 255;
        break;
    case LAB_CLIENT_READS:
        lab_client_reads(lab, number == 0 ? STREAM_MAX : (size_t)number * 64);
        break;
    case LAB_TURNS:
        for (unsigned i = 0; i < 1 + number % 4; i++) {
            lab_turn(lab);
        }
        break;
    case LAB_RELOADS:
        lab_reload(lab, number % CONFIGS);
        break;
    case LAB_TIMES_OUT:
        lab_time_out(lab);
        break;
    case LAB_ACT_COUNT:
    default:
        break;
    }
}

// --- what must be true afterwards ---

// The size of the head at the beginning of these bytes, 0 when its end is not there.
static inline size_t head_end(const char *text, size_t size) {
    const char *end = memmem(text, size, "\r\n\r\n", 4);
    return end == NULL ? 0 : (size_t)(end - text) + 4;
}

// How a fuzzer reads its input: acts, a byte each, with a number in a byte; the first `with_data`
// of them with a size in two bytes, `size_mask` of it, and so many bytes.
struct lab_acts {
    unsigned count, with_data, reload; // `reload` is the act LAB_RELOADS
    unsigned acts_max, reloads_max;
    size_t size_mask;
    void (*act)(unsigned act, const uint8_t *data, size_t size, unsigned number);
};

static inline void lab_run(const struct lab_acts *acts, const uint8_t *data, size_t size) {
    unsigned reloads = 0;
    for (unsigned i = 0; i < acts->acts_max && size > 0; i++) {
        unsigned act = data[0] % acts->count;
        bool has_data = act < acts->with_data;
        size_t needed = has_data ? 3 : 2;
        if (size < needed) {
            return;
        }
        unsigned number = data[1];
        size_t length = has_data ? ((size_t)data[1] << 8 | data[2]) & acts->size_mask : 0;
        data += needed;
        size -= needed;
        length = length < size ? length : size;
        if (act != acts->reload || ++reloads <= acts->reloads_max) {
            acts->act(act, data, length, number);
        }
        data += length;
        size -= length;
    }
}

// Everybody leaves. Afterwards the service holds nothing of this input.
static inline void lab_finish(struct lab *lab) {
    for (int i = 0; i < 3; i++) {
        lab_turn(lab);
        lab_client_reads(lab, STREAM_MAX);
    }
    (void)close(lab->client);
    if (lab_is_open(lab)) {
        session_close(lab->session);
    }
    while (lab_server(lab) != NULL) {
        lab_server_closes(lab, false);
    }
    for (int i = 0; i < 2; i++) {
        lab_turn(lab);
    }
    while (lab_server(lab) != NULL) {
        lab_server_closes(lab, false);
    }
    lab_turn(lab);
    static const enum metric gauges[] = {METRIC_sessions_open,   METRIC_sessions_idle,
                                         METRIC_handshakes_open, METRIC_pool_idle,
                                         METRIC_receive_buffers, METRIC_send_buffers};
    for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++) {
        CHECK(metrics_sum(lab->metrics, 1, gauges[i]) == 0);
    }
    CHECK(metrics_sum(lab->metrics, 1, METRIC_generations_held) == 1);
}

#endif
