// An exchange between a stream and servers made of memory: no socket, no loop that runs.
//
// The pool gets system calls that lead to struct memory_connection. Readiness comes about as with a
// loop: only a watcher that the exchange has set running is told, and only if there is something to
// do. So an exchange that waits for the wrong side is found.
#ifndef RAVELIN_TESTS_EXCHANGE_BENCH_H
#define RAVELIN_TESTS_EXCHANGE_BENCH_H

#include "exchange/exchange_internal.h"
#include "http/websocket.h"
#include "memory_stream.h"
#include "server_tables.h"
#include "tls/handshake/context_internal.h"

#include <errno.h>

enum { CONNECTIONS_MAX = 16, FIRST_FD = 500, RECEIVED_MAX = 1 << 18, TURNS_MAX = 1000000 };
enum { BENCH_NOW = 1000000, BENCH_SCRATCH = 300 * 1024 };

enum reply_when { AFTER_REQUEST, AFTER_HEAD, AT_ONCE };

// What the server does on a connection, in this order.
struct script {        // NOLINT(clang-analyzer-optin.performance.Padding)
    int connect_error; // of connect()
    bool pending;      // connect() is not complete at once
    bool hangs;        // and never will be
    int late_error;    // and fails then
    const char *reply;
    size_t reply_size; // 0: of the text
    enum reply_when when;
    size_t early;       // so many bytes of the reply come after the head
    bool repeats;       // the reply, to another request
    bool closes;        // after the reply
    int read_error;     // after the reply
    size_t write_max;   // it reads no more than so many bytes; 0: all
    int write_error;    // then, instead of waiting
    const char *before; // at an idle connection: what waits there
    bool ended_before;
    char *accept; // in the reply: where Sec-WebSocket-Accept is to be written
};

struct memory_connection {
    struct script script;
    bool open, shut;
    uint32_t closed;
    size_t replied;
    size_t gives, takes; // at the present readiness
    bool drained, full;  // a read or a write was short: no other before it is ready again
    char *received;
    size_t received_size;
};

struct bench {
    struct shared shared;
    struct log log;
    struct ev_loop *loop;
    struct metrics_slot *metrics;
    struct generation generation;
    struct tls_site *tls_sites;
    struct http_field items[HTTP_FIELDS_MAX];
    char *scratch;
    struct faults faults;
    struct memory_stream memory;
    struct memory_connection connections[CONNECTIONS_MAX];
    size_t connection_count;
    const struct script *scripts;
    size_t script_count;
    uint32_t calls;
    uint32_t turn;
    struct exchange *exchange;
    struct exchange *(*exchange_of)(int fd); // where there are several; NULL: there is one
    struct account account;                  // of the last exchange
    uint32_t readables;                      // how often it was told that the server can be read
    uint32_t kept;                           // connections that are bound to a client
    bool is_done;
};

static struct bench bench;

// --- the servers' system calls ---

static inline struct memory_connection *connection_of(int fd) {
    struct memory_connection *connection = &bench.connections[fd - FIRST_FD];
    assert_true(connection->open);
    return connection;
}

static inline bool is_interrupted(void) {
    errno = EINTR;
    return bench.faults.interrupts > 0 && ++bench.calls % bench.faults.interrupts == 0;
}

static inline int memory_connect(const struct address *address, enum connect_state *state) {
    (void)address;
    size_t index = bench.connection_count;
    assert_true(index < CONNECTIONS_MAX);
    const struct script *script =
        &bench.scripts[index < bench.script_count ? index : bench.script_count - 1];
    struct memory_connection *connection = &bench.connections[bench.connection_count++];
    char *received = connection->received;
    *connection = (struct memory_connection){.script = *script, .received = received};
    if (script->connect_error != 0) {
        errno = script->connect_error;
        return -1;
    }
    if (connection->received == NULL) {
        connection->received = bench_malloc(RECEIVED_MAX);
    }
    connection->open = true;
    connection->gives = SIZE_MAX;
    connection->takes = bench.faults.server_takes == 0 ? SIZE_MAX : bench.faults.server_takes;
    *state = script->pending ? CONNECT_PENDING : CONNECT_DONE;
    return FIRST_FD + (int)index;
}

static inline bool has_head(const struct memory_connection *connection) {
    return memmem(connection->received, connection->received_size, "\r\n\r\n", 4) != NULL;
}

// All of the reply may be read.
static inline bool reply_is_due(const struct memory_connection *connection) {
    int fd = FIRST_FD + (int)(connection - bench.connections);
    const struct exchange *exchange =
        bench.exchange_of == NULL ? bench.exchange : bench.exchange_of(fd);
    switch (connection->script.when) {
    case AT_ONCE:
        return true;
    case AFTER_HEAD:
        return has_head(connection);
    default:
        return exchange != NULL && has_head(connection) &&
               (exchange->request_state == REQUEST_DONE ||
                exchange->request_state == REQUEST_TUNNEL ||
                connection->replied > connection->script.early);
    }
}

static inline size_t reply_left(const struct memory_connection *connection) {
    const struct script *script = &connection->script;
    size_t early = has_head(connection) ? script->early : 0;
    size_t visible = reply_is_due(connection) ? script->reply_size : early;
    return visible > connection->replied ? visible - connection->replied : 0;
}

// Something would be read: bytes, an end or an error.
static inline bool has_to_say(const struct memory_connection *connection) {
    bool ends = connection->script.closes || connection->script.read_error != 0;
    return reply_left(connection) > 0 || (ends && reply_is_due(connection));
}

// Answers to the key of the request.
static inline void write_accept(struct memory_connection *connection) {
    const struct slice received = {connection->received, connection->received_size};
    char accept[WEBSOCKET_ACCEPT_SIZE];
    websocket_write_accept(http_head_field(received, SLICE("Sec-WebSocket-Key")), accept);
    memcpy(connection->script.accept, accept, sizeof accept);
}

static inline ssize_t memory_read(struct memory_connection *connection, void *data, size_t size) {
    size_t left = reply_left(connection);
    if (left == 0 && has_to_say(connection)) {
        errno = connection->script.read_error;
        return errno != 0 ? -1 : 0;
    }
    size = size < left ? size : left;
    size = size < connection->gives ? size : connection->gives;
    if (size == 0) {
        errno = EAGAIN;
        return -1;
    }
    if (connection->script.accept != NULL) {
        write_accept(connection);
    }
    memcpy(data, connection->script.reply + connection->replied, size);
    connection->replied += size;
    connection->gives -= size;
    return (ssize_t)size;
}

// Nothing is read or written only to make sure.
static inline ssize_t note_read(struct memory_connection *connection, ssize_t size, size_t asked) {
    assert_false(connection->drained);
    connection->drained = size < (ssize_t)asked;
    return size;
}

static inline ssize_t memory_recv(int fd, void *data, size_t size, int flags) {
    struct memory_connection *connection = connection_of(fd);
    const char *before = connection->script.before;
    if ((flags & MSG_PEEK) == 0) {
        return is_interrupted() ? -1
                                : note_read(connection, memory_read(connection, data, size), size);
    }
    if (before == NULL || *before == '\0') {
        errno = EAGAIN;
        return connection->script.ended_before ? 0 : -1;
    }
    size = size < strlen(before) ? size : strlen(before);
    memcpy(data, before, size);
    return (ssize_t)size;
}

static inline ssize_t memory_readv(int fd, const struct iovec *parts, int count) {
    struct memory_connection *connection = connection_of(fd);
    size_t total = 0, asked = 0;
    ssize_t size = 0;
    if (is_interrupted()) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        if (parts[i].iov_len > 0 && total == asked) {
            size = memory_read(connection, parts[i].iov_base, parts[i].iov_len);
            total += size > 0 ? (size_t)size : 0;
        }
        asked += parts[i].iov_len;
    }
    return note_read(connection, total > 0 ? (ssize_t)total : size, asked);
}

// How much the server takes now.
static inline size_t takes_now(const struct memory_connection *connection) {
    size_t most = connection->script.write_max;
    size_t left = most == 0 ? SIZE_MAX : most - connection->received_size;
    return left < connection->takes ? left : connection->takes;
}

static inline bool is_short(const struct iovec *parts, size_t count, size_t taken) {
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += parts[i].iov_len;
    }
    return taken < size;
}

static inline ssize_t memory_send_parts(int fd, struct iovec *parts, size_t count) {
    struct memory_connection *connection = connection_of(fd);
    size_t left = takes_now(connection), total = 0;
    assert_true(count > 0 && !connection->shut && !connection->full);
    if (is_interrupted()) {
        return -1;
    }
    if (connection->script.repeats && connection->replied == connection->script.reply_size) {
        connection->replied = connection->received_size = 0;
    }
    for (size_t i = 0; i < count && left > 0; i++) {
        size_t size = parts[i].iov_len < left ? parts[i].iov_len : left;
        assert_true(connection->received_size + size <= RECEIVED_MAX);
        memcpy(connection->received + connection->received_size, parts[i].iov_base, size);
        connection->received_size += size;
        left -= size;
        total += size;
    }
    connection->takes -= connection->takes == SIZE_MAX ? 0 : total;
    connection->full =
        left == 0 && connection->script.write_error == 0 && is_short(parts, count, total);
    if (total > 0) {
        return (ssize_t)total;
    }
    connection->drained &= connection->script.write_error == 0; // its last words are read
    errno = connection->script.write_error != 0 ? connection->script.write_error : EAGAIN;
    return -1;
}

static inline int memory_shutdown(int fd, int how) {
    struct memory_connection *connection = connection_of(fd);
    assert_true(how == SHUT_WR && !connection->shut);
    connection->shut = true;
    return 0;
}

static inline int memory_error(int fd) {
    return connection_of(fd)->script.late_error;
}

static inline int memory_close(int fd) {
    struct memory_connection *connection = connection_of(fd);
    connection->open = false;
    connection->closed++;
    return 0;
}

// --- setting up ---

#define BENCH_SITE(backend)                                                                        \
    "listen 127.0.0.1:8443 {}\n"                                                                   \
    "site a.test {\n hsts = 0\n certificate a.pem { key = a.key }\n"                               \
    " route / { backend = web }\n"                                                                 \
    " route /small/ { backend = web\n body-size = 5 }\n"                                           \
    " route /gone/ { return = 410 }\n}\n"                                                          \
    "backend web { " backend " }\n"

static inline void bench_start(const char *text) {
    char error[CONFIG_ERROR_SIZE] = "";
    struct shared *shared = &bench.shared;
    memset(&bench, 0, sizeof(bench));
    struct config *config = config_load("/bench.conf", text, strlen(text), error);
    assert_string_equal(error, "");
    log_init(&bench.log, -1, false, SEVERITY_ERROR, "worker 0");
    bench.loop = ev_loop_new(EVFLAG_AUTO);
    bench.metrics = metrics_map(1);
    bench.scratch = malloc(BENCH_SCRATCH);
    bench.tls_sites = calloc(config->site_count, sizeof(*bench.tls_sites));
    static struct tls_contexts contexts;
    contexts = (struct tls_contexts){
        .config = config, .sites = bench.tls_sites, .site_count = config->site_count};
    bench.generation = (struct generation){
        .references = 1,
        .config = config,
        .contexts = &contexts,
        .router = router_new(config),
        .backends = new_backend_set(config),
        .https_port = 8443,
        .metrics = bench.metrics,
    };
    const struct generation_shares shares = {.counter = *sole_counter(), .series = sole_series()};
    assert_true(generation_find_cells(&bench.generation, &shares));
    *shared = (struct shared){
        .log = &bench.log,
        .metrics = bench.metrics,
        .clients = client_table_map(1),
        .current = &bench.generation,
        .turn_us = (int64_t)BENCH_NOW * 1000,
        .now_ms = BENCH_NOW,
        .fields = {bench.items, 0, HTTP_FIELDS_MAX},
        .scratch = bench.scratch,
        .scratch_size = BENCH_SCRATCH,
    };
    client_table_lend(shared->clients, 0);
    complaints_init(&shared->complaints, shared->log, &shared->now_ms);
    queues_init(&shared->queues, bench.loop, bench.metrics);
    pool_init(&shared->pool, bench.loop, bench.metrics);
    prober_init(&shared->prober, &shared->pool);
    exchange_slabs_init(shared);
    assert_true(access_log_init(&shared->access_log, -1, false, ACCESS_FORMAT_JSON, &bench.log));
    shared->pool.calls = (struct pool_calls){
        .connect = memory_connect,
        .recv = memory_recv,
        .readv = memory_readv,
        .send_parts = memory_send_parts,
        .shutdown = memory_shutdown,
        .error = memory_error,
        .close = memory_close,
    };
}

static inline int set_up(void **state) {
    (void)state;
    bench_start(BENCH_SITE("server 127.0.0.1:9000 {}\n retries = 1"));
    return 0;
}

static inline struct server *bench_server(size_t index) {
    return &bench.generation.backends->backends[0].servers[index];
}

// Every connection was closed once or waits in the pool.
static inline void assert_nothing_is_held(void) {
    uint32_t open = 0, idle = 0;
    const struct backend *backend = &bench.generation.backends->backends[0];
    for (size_t i = 0; i < backend->server_count; i++) {
        idle += backend->servers[i].idle_count;
        assert_int_equal(*backend->servers[i].used, 0);
    }
    for (size_t i = 0; i < bench.connection_count; i++) {
        open += bench.connections[i].open;
        assert_in_range(bench.connections[i].closed, 0, 1);
    }
    assert_int_equal(open, idle + bench.kept);
    assert_int_equal(bench.generation.references, 1);
}

// No server is blamed for what it did.
static inline void bench_forget_servers(void) {
    bench_server(0)->backend->few_retries.full_ms = 0;
    *bench_server(0)->health = (struct health){.until_ms = 0};
    bench_server(0)->distrusted_until_ms = 0;
}

// Connections of the pool are closed, and the next exchange begins with the first script.
static inline void bench_forget_connections(void) {
    pool_close_idle(&bench.shared.pool, bench.generation.backends);
    assert_nothing_is_held();
    bench.connection_count = 0;
    bench_forget_servers();
}

static inline int tear_down(void **state) {
    (void)state;
    if (bench.exchange != NULL) { // the test has failed in the middle of it
        return 0;
    }
    bench_forget_connections();
    pool_free(&bench.shared.pool);
    exchange_slabs_free(&bench.shared);
    access_log_free(&bench.shared.access_log);
    client_table_unmap(bench.shared.clients);
    backend_set_free(bench.generation.backends);
    router_free(bench.generation.router);
    free(bench.generation.site_series);
    config_free(bench.generation.config);
    metrics_unmap(bench.metrics, 1);
    ev_loop_destroy(bench.loop);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        free(bench.connections[i].received);
    }
    free(bench.memory.pieces);
    free(bench.memory.record);
    free(bench.tls_sites);
    free(bench.scratch);
    return 0;
}

// --- running ---

static inline void bench_use(const struct script *scripts, size_t count) {
    static struct script kept[CONNECTIONS_MAX];
    assert_in_range(count, 1, CONNECTIONS_MAX);
    for (size_t i = 0; i < count; i++) {
        kept[i] = scripts[i];
        if (kept[i].reply != NULL && kept[i].reply_size == 0) {
            kept[i].reply_size = strlen(kept[i].reply);
        }
    }
    bench.scripts = kept;
    bench.script_count = count;
}

// Begins an exchange with this head. The stream is set up already.
static inline void bench_begin(const char *head) {
    struct http_request request;
    struct http_refusal refusal;
    struct slice text = slice_from(head);
    if (http_parse_request(text, shared_fields(&bench.shared, 100), &request, &refusal) !=
        RESULT_OK) {
        fail_msg("%s: %s", head, refusal.why);
    }
    bench.is_done = false;
    bench.shared.turn_us = bench.shared.now_ms * 1000;
    bench.exchange = exchange_new(&bench.memory.stream, &bench.shared, &request, text.size, 0);
}

// What the server has sent and the exchange has not used is as it was sent.
static inline void check_unread(void) {
    const struct room *room = bench.exchange->room;
    const struct lease *lease = bench.exchange->attempt.lease;
    if (room == NULL || room_unread(room) == 0) {
        return;
    }
    assert_non_null(lease);
    const struct memory_connection *connection = connection_of(lease->fd);
    const char *at = connection->script.reply + connection->replied - room_unread(room);
    for (size_t i = 0; i < ROOM_PARTS; i++) {
        const struct room_part *part = &room->parts[i];
        assert_true(part->begin <= part->end && part->end <= part->capacity);
        assert_memory_equal(at, part->data + part->begin, room_part_unread(part));
        at += room_part_unread(part);
    }
}

// The loop would tell again and again of what is not done then.
static inline void check_watchers(void) {
    const struct lease *lease = bench.exchange->attempt.lease;
    if (lease != NULL) {
        bool reads = lease_watched(lease) & EV_READ, writes = lease_watched(lease) & EV_WRITE;
        assert_false(reads && (bench.exchange->stream->unsent || lease->readable));
        assert_false(writes &&
                     (lease->writable || (lease->connected && bench.exchange->write == NULL)));
    }
}

static inline bool server_becomes_readable(void) {
    struct lease *lease = bench.exchange->attempt.lease;
    if (lease == NULL || !(lease_watched(lease) & EV_READ)) {
        return false;
    }
    struct memory_connection *connection = connection_of(lease->fd);
    connection->gives = bench.faults.server_gives == 0 ? SIZE_MAX : bench.faults.server_gives;
    if (!has_to_say(connection)) {
        return false;
    }
    connection->drained = false;
    bench.readables++;
    lease->readable = true;
    lease->owner->ready(lease->owner);
    return true;
}

static inline bool server_becomes_writable(void) {
    struct lease *lease = bench.exchange->attempt.lease;
    if (lease == NULL || !(lease_watched(lease) & EV_WRITE)) {
        return false;
    }
    struct memory_connection *connection = connection_of(lease->fd);
    connection->takes = bench.faults.server_takes == 0 ? SIZE_MAX : bench.faults.server_takes;
    if ((!lease->connected && connection->script.hangs) ||
        (takes_now(connection) == 0 && connection->script.write_error == 0)) {
        return false;
    }
    connection->full = false;
    lease->writable = true;
    lease_want_write(lease, false);
    lease->owner->ready(lease->owner);
    return true;
}

static inline bool bench_event(uint32_t which) {
    switch (which % 4) {
    case 0:
        return server_becomes_readable();
    case 1:
        return memory_client_sends(&bench.memory);
    case 2:
        return server_becomes_writable();
    default:
        return memory_client_takes(&bench.memory);
    }
}

// What can happen now happens: all of it, or one event. False: nothing can.
static inline bool bench_events(void) {
    bool any = false;
    for (uint32_t i = 0; i < 4 && !(any && bench.faults.alone); i++) {
        any |= bench_event(bench.faults.first_event + bench.turn + i);
    }
    bench.turn++;
    return any;
}

// Runs until the exchange is complete, must be cut, or waits for what does not come.
static inline enum result bench_advance(void) {
    struct memory_stream *memory = &bench.memory;
    for (uint32_t turn = 0; turn < TURNS_MAX; turn++) {
        memory->steps_left = bench.faults.steps == 0 ? 4 : bench.faults.steps;
        enum result result = exchange_advance(bench.exchange);
        check_unread();
        if (result != RESULT_AGAIN) {
            bench.is_done = result == RESULT_OK;
            return result;
        }
        if (memory->first_piece == memory->piece_count) {
            memory_take_room_back(memory);
        }
        exchange_arm(bench.exchange);
        check_watchers();
        bool more = bench_events();
        if (memory->steps_left > 0 && !more) {
            return RESULT_AGAIN;
        }
    }
    fail_msg("the exchange never ends: request state %d, response state %d",
             bench.exchange->request_state, bench.exchange->response_state);
    return RESULT_ERROR;
}

// Ends the exchange, and keeps its account.
static inline void bench_finish(void) {
    bench.account = bench.exchange->account;
    bench.account.texts = NULL;
    exchange_finish(bench.exchange);
    bench.exchange = NULL;
    memory_stream_finish(&bench.memory);
    assert_nothing_is_held();
}

static inline void bench_pass_time(int64_t ms) {
    bench.shared.now_ms += ms;
}

#define BENCH_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#endif
