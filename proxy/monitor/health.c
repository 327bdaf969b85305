#include "monitor/health.h"

#include "base/clock.h"
#include "base/hash.h"
#include "http/proxy_protocol.h"
#include "monitor/check_response.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

// FIRST_MS: a new server is checked within this time. WAIT_MS: pause if no connection is left.
// ABSENT_MS: how often a place without an address is checked for one.
enum { FIRST_MS = 50, WAIT_MS = 50, ABSENT_MS = 500, REQUEST_MAX = 2048 };

struct server_check {
    struct health_checks *checks;
    const struct config_backend *backend;
    const struct config_health *health;
    const struct server_entry *entry;
    uint32_t version; // of the address that is checked
    ev_timer timer;   // until the next check begins, or this one must have ended
    ev_io io;
    int fd;         // -1: no check is under way
    bool connected; // and the request was sent
    char *response; // [CHECK_RESPONSE_MAX], while one is read
    size_t size;
    uint32_t contrary; // results in a row that contradict the standing
};

static const struct check *check_of(const struct server_check *check) {
    return &server_counts_checks(check->checks->options->servers)[check->entry->cell];
}

static uint32_t draw(struct health_checks *checks, uint32_t most) {
    checks->random += UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(hash_mix(checks->random) % (most + 1));
}

static void set_timer(struct server_check *check, uint32_t time_ms) {
    ev_timer_stop(check->checks->options->loop, &check->timer);
    ev_timer_set(&check->timer, time_ms / 1000., 0.);
    ev_timer_start(check->checks->options->loop, &check->timer);
}

static void wait_for_next(struct server_check *check) {
    uint32_t interval_ms = check->health->interval_ms;
    set_timer(check, interval_ms - interval_ms / 20 + draw(check->checks, interval_ms / 10));
}

static void close_connection(struct server_check *check) {
    if (check->fd >= 0) {
        ev_io_stop(check->checks->options->loop, &check->io);
        (void)close(check->fd);
        check->fd = -1;
        check->checks->open--;
    }
    free(check->response);
    check->response = NULL;
}

// --- Outcomes ---

// Sets the new standing of the server.
static enum check_standing decide(struct server_check *check, bool good) {
    enum check_standing before = check_standing(check_of(check));
    enum check_standing wanted = good ? CHECK_UP : CHECK_DOWN;
    bool is_first = before == CHECK_NEW || check->contrary == UINT32_MAX;
    if (before == wanted || is_first) {
        check->contrary = 0;
        return wanted;
    }
    if (++check->contrary < (good ? check->health->rise : check->health->fall)) {
        return before;
    }
    check->contrary = 0;
    return wanted;
}

static bool is_absent(const struct server_check *check) {
    return server_entry_standing(check->entry) == SERVER_ABSENT;
}

static void end(struct server_check *check, enum check_fault fault, uint32_t detail) {
    const struct monitor_options *options = check->checks->options;
    close_connection(check);
    if (is_absent(check) || server_entry_version(check->entry) != check->version) {
        set_timer(check, FIRST_MS); // its name has lost the address
        return;
    }
    metric_add(options->metrics, METRIC_checks, 1);
    metric_add(options->metrics, METRIC_checks_failed, fault == CHECK_GOOD ? 0 : 1);
    server_counts_set_check(options->servers, check->entry->cell,
                            decide(check, fault == CHECK_GOOD), fault, detail,
                            clock_monotonic_us() / 1000);
    wait_for_next(check);
}

// --- One check ---

// The PROXY header, if there is one, and the request.
static size_t write_request(const struct server_check *check, char output[REQUEST_MAX]) {
    const struct config_health *health = check->health;
    uint8_t header[PROXY_HEADER_WRITE_MAX];
    const struct address local = {.size = 0};
    size_t size = proxy_header_write((enum proxy_version)check->backend->send_proxy_protocol, NULL,
                                     &local, header);
    memcpy(output, header, size);
    if (config_health_is_http(health)) {
        int written = snprintf(output + size, REQUEST_MAX - size,
                               "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: ravelin-health\r\n"
                               "Accept: */*\r\nConnection: close\r\n\r\n",
                               health->path, health->host == NULL ? "localhost" : health->host);
        size += written > 0 ? (size_t)written : 0;
    }
    return size;
}

// The connection was made.
static void go_on(struct server_check *check) {
    char request[REQUEST_MAX];
    size_t size = write_request(check, request);
    if (size > 0 && send(check->fd, request, size, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)size) {
        end(check, CHECK_CLOSED, 0);
        return;
    }
    if (!config_health_is_http(check->health)) {
        end(check, CHECK_GOOD, 0);
        return;
    }
    check->response = malloc(CHECK_RESPONSE_MAX);
    if (check->response == NULL) { // not the server's fault
        close_connection(check);
        wait_for_next(check);
        return;
    }
    check->connected = true;
    check->size = 0;
    ev_io_stop(check->checks->options->loop, &check->io);
    ev_io_set(&check->io, check->fd, EV_READ);
    ev_io_start(check->checks->options->loop, &check->io);
}

static void read_response(struct server_check *check) {
    ssize_t got = recv(check->fd, check->response + check->size, CHECK_RESPONSE_MAX - check->size,
                       MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    check->size += got > 0 ? (size_t)got : 0;
    const struct check_verdict verdict =
        check_response(check->health, check->response, check->size, got <= 0);
    if (verdict.ended) {
        end(check, verdict.fault, verdict.detail);
    }
}

static void on_io(struct ev_loop *loop, ev_io *watcher, int events) {
    struct server_check *check = watcher->data;
    (void)loop, (void)events;
    if (check->connected) {
        read_response(check);
        return;
    }
    int error = socket_error(check->fd);
    if (error == 0) {
        go_on(check);
    } else {
        end(check, CHECK_CONNECT, (uint32_t)error);
    }
}

static void begin(struct server_check *check) {
    struct health_checks *checks = check->checks;
    struct address address;
    enum connect_state state;
    if (checks->open >= HEALTH_CHECKS_MAX) {
        set_timer(check, WAIT_MS + draw(checks, WAIT_MS));
        return;
    }
    if (is_absent(check)) {
        set_timer(check, ABSENT_MS / 2 + draw(checks, ABSENT_MS));
        return;
    }
    uint32_t version = server_entry_address(check->entry, &address);
    if (version != check->version) { // another address: the first check decides
        check->version = version;
        check->contrary = UINT32_MAX;
    }
    int fd = socket_connect(&address, &state);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
        wait_for_next(check); // not the server's fault
        return;
    }
    if (fd < 0) {
        end(check, CHECK_CONNECT, (uint32_t)errno);
        return;
    }
    check->fd = fd;
    check->connected = false;
    checks->open++;
    ev_io_set(&check->io, fd, EV_WRITE);
    set_timer(check, check->health->timeout_ms);
    if (state == CONNECT_QUEUE_FULL) {
        end(check, CHECK_CONNECT, EAGAIN);
    } else if (state == CONNECT_DONE) {
        go_on(check);
    } else {
        ev_io_start(checks->options->loop, &check->io);
    }
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events) {
    struct server_check *check = timer->data;
    (void)loop, (void)events;
    if (check->fd < 0) {
        begin(check);
    } else if (check->size > 0 && check->connected && check->health->expect != NULL) {
        end(check, CHECK_UNEXPECTED, 0);
    } else {
        end(check, check->connected ? CHECK_TIMEOUT : CHECK_CONNECT_TIMEOUT, 0);
    }
}

// --- All of them ---

void health_checks_init(struct health_checks *checks, const struct monitor_options *options) {
    *checks = (struct health_checks){
        .options = options,
        .random = (uint64_t)clock_monotonic_us() ^ (uint64_t)getpid() << 32,
    };
}

void health_checks_free(struct health_checks *checks) {
    for (size_t i = 0; i < checks->count; i++) {
        close_connection(&checks->items[i]);
        ev_timer_stop(checks->options->loop, &checks->items[i].timer);
    }
    free(checks->items);
    checks->items = NULL;
    checks->count = 0;
}

static void add(struct health_checks *checks, const struct config_backend *backend,
                const struct server_entry *entry) {
    struct server_check *check = &checks->items[checks->count++];
    *check = (struct server_check){
        .checks = checks, .backend = backend, .health = backend->health, .entry = entry, .fd = -1};
    ev_init(&check->io, on_io);
    ev_init(&check->timer, on_timer);
    check->io.data = check->timer.data = check;
    check->version = server_entry_version(entry);
    bool is_new = entry->former == 0 && check_since(check_of(check)) == 0;
    check->contrary = is_new ? UINT32_MAX : 0; // the first check decides
    set_timer(check, draw(checks, is_new ? FIRST_MS : check->health->interval_ms));
}

static size_t count_checked(const struct config *config) {
    size_t count = 0;
    for (size_t i = 0; i < config->backend_count; i++) {
        count +=
            config->backends[i].health_count > 0 ? config_backend_places(&config->backends[i]) : 0;
    }
    return count;
}

bool health_checks_use(struct health_checks *checks, const struct watched *watched) {
    size_t index = 0;
    health_checks_free(checks);
    checks->items = calloc(count_checked(watched->config) + 1, sizeof(*checks->items));
    for (size_t i = 0; checks->items != NULL && i < watched->config->backend_count; i++) {
        const struct config_backend *backend = &watched->config->backends[i];
        for (size_t left = config_backend_places(backend); left > 0; left--, index++) {
            if (backend->health_count > 0) {
                add(checks, backend, &watched->servers.entries[index]);
            }
        }
    }
    return checks->items != NULL;
}
