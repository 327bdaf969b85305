#include "backend/prober.h"

#include "base/clock.h"
#include "http/proxy_protocol.h"

#include <errno.h>
#include <stdlib.h>

struct probe {
    struct list_node node;
    struct lease_owner owner;
    struct prober *prober;
    struct server *server;
    struct lease *lease;
    int64_t begun_ms;
};

static int64_t now_ms(void) {
    return clock_monotonic_us() / 1000;
}

static void forget(struct probe *probe) {
    list_remove(&probe->node);
    probe->prober->probe_count--;
    free(probe);
}

static struct server_outcome outcome_of(const struct probe *probe) {
    return (struct server_outcome){probe->begun_ms, now_ms(), .tries = true};
}

static void fail(struct probe *probe, enum fault fault, int error) {
    const struct server_outcome outcome = outcome_of(probe);
    bool is_current = probe->lease == NULL || lease_is_current(probe->lease);
    if (probe->lease != NULL) {
        lease_close(probe->lease);
    }
    if (is_current &&
        health_is_held(probe->server->health)) { // no request has brought it back meanwhile
        (void)server_failed(probe->server, &outcome, fault, (uint32_t)error);
    }
    forget(probe);
}

// A server that requires a PROXY header gets one.
static void greet(const struct probe *probe) {
    enum proxy_version version =
        (enum proxy_version)probe->server->backend->config->send_proxy_protocol;
    uint8_t header[PROXY_HEADER_WRITE_MAX];
    struct address local = {.size = 0};
    struct iovec part = {header, proxy_header_write(version, NULL, &local, header)};
    (void)probe->prober->pool->calls.send_parts(probe->lease->fd, &part, 1);
}

static void succeed(struct probe *probe) {
    const struct server_outcome outcome = outcome_of(probe);
    struct server *server = probe->server;
    // Otherwise the connection was to a former address.
    bool is_current = lease_is_current(probe->lease);
    if (server->backend->config->send_proxy_protocol == PROXY_PROTOCOL_OFF) {
        lease_release(probe->lease, false, outcome.now_ms);
    } else {
        greet(probe);
        lease_close(probe->lease);
    }
    if (is_current) {
        server_worked(server, &outcome);
    }
    forget(probe);
}

static void on_ready(struct lease_owner *owner) {
    struct probe *probe = LIST_ENTRY(owner, struct probe, owner);
    int error = lease_finish_connect(probe->lease);
    if (error == 0) {
        succeed(probe);
    } else if (error != EINPROGRESS) {
        fail(probe, FAULT_CONNECT, error);
    }
}

// A shortage of this process or host, or all connections that the server may have are in use.
static bool is_shortage(int error) {
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS ||
           error == EADDRNOTAVAIL || error == EBUSY;
}

static void begin(struct prober *prober, struct server *server, int64_t time_ms) {
    struct probe *probe = calloc(1, sizeof(*probe));
    if (probe == NULL) {
        return; // the next tick
    }
    *probe = (struct probe){
        .owner = {on_ready}, .prober = prober, .server = server, .begun_ms = time_ms};
    list_push_last(&prober->probes, &probe->node);
    prober->probe_count++;
    server->health->due_ms =
        time_ms + server->backend->config->connect_timeout_ms + PROBER_TICK_MS; // after its end
    probe->lease = pool_lease(prober->pool, server, true, &probe->owner);
    if (probe->lease == NULL && is_shortage(errno)) {
        forget(probe);
    } else if (probe->lease == NULL) {
        fail(probe, FAULT_CONNECT, errno);
    } else if (probe->lease->connected) {
        succeed(probe);
    }
}

static void end_late(struct prober *prober, int64_t time_ms) {
    struct list_node *next;
    for (struct list_node *node = prober->probes.next; node != &prober->probes; node = next) {
        struct probe *probe = LIST_ENTRY(node, struct probe, node);
        next = node->next;
        if (time_ms - probe->begun_ms >= probe->server->backend->config->connect_timeout_ms) {
            fail(probe, FAULT_CONNECT_TIMEOUT, 0);
        }
    }
}

// Whether the prober can bring the server back.
static bool is_concern(const struct server *server) {
    return server_entry_standing(server->entry) != SERVER_ABSENT && health_is_out(server->health) &&
           (health_is_held(server->health) || server->backend->view.checks != NULL);
}

// False: the prober has nothing more to do for the server.
static bool look_at(struct prober *prober, struct server *server, int64_t time_ms) {
    if (!is_concern(server)) {
        return false;
    }
    server_take_check(server, time_ms);
    if (health_is_held(server->health) && server->health->due_ms <= time_ms &&
        server_entry_standing(server->entry) != SERVER_DOWN &&
        prober->probe_count < PROBER_PROBES_MAX) {
        begin(prober, server, time_ms);
    }
    return true;
}

// False: no server is out of use.
static bool look(struct prober *prober, int64_t time_ms) {
    bool any = false;
    for (size_t i = 0; i < prober->set->count; i++) {
        struct backend *backend = &prober->set->backends[i];
        for (size_t k = 0; k < backend->server_count; k++) {
            any |= look_at(prober, &backend->servers[k], time_ms);
        }
    }
    return any;
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events) {
    struct prober *prober = timer->data;
    int64_t time_ms = now_ms();
    (void)events;
    end_late(prober, time_ms);
    bool any = prober->set != NULL && look(prober, time_ms);
    if (!any && prober->probe_count == 0) {
        ev_timer_stop(loop, timer);
    }
}

void prober_init(struct prober *prober, struct pool *pool) {
    *prober = (struct prober){.pool = pool};
    list_init(&prober->probes);
    ev_timer_init(&prober->tick, on_tick, PROBER_TICK_MS / 1000., PROBER_TICK_MS / 1000.);
    prober->tick.data = prober;
}

static void end_all(struct prober *prober) {
    while (!list_is_empty(&prober->probes)) {
        struct probe *probe = LIST_ENTRY(prober->probes.next, struct probe, node);
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): forget() takes it out of the list
        probe->server->health->due_ms = 0; // the next set begins again
        lease_close(probe->lease);
        forget(probe);
    }
}

void prober_free(struct prober *prober) {
    end_all(prober);
    ev_timer_stop(prober->pool->loop, &prober->tick);
}

void prober_use(struct prober *prober, struct backend_set *set) {
    end_all(prober);
    prober->set = set;
    prober_wake(prober); // a tick stops it if no server is out of use
}

void prober_wake(struct prober *prober) {
    if (!ev_is_active(&prober->tick)) {
        ev_timer_again(prober->pool->loop, &prober->tick);
    }
}
