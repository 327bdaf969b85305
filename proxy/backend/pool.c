#include "backend/pool.h"

#include "backend/queue.h"
#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SPARE_LEASES_MAX = 1024 };
static const double RETRY_FIRST_S = 0.002;
static const double RETRY_MAX_S = 0.064;

// Usually the watcher is already in the wanted state, and libev is not called.
static void watch(struct lease *lease, int events) {
    struct ev_loop *loop = lease->pool->loop;
    if (lease_watched(lease) == events) {
        return;
    }
    ev_io_stop(loop, &lease->watcher);
    ev_io_modify(&lease->watcher, events);
    if (events != 0) {
        ev_io_start(loop, &lease->watcher);
    }
}

// What waits to be read on an idle connection: nothing, its end, or bytes.
enum found { FOUND_NOTHING, FOUND_END, FOUND_BYTES };

static enum found look_into(const struct lease *lease) {
    char bytes[12];
    ssize_t size =
        lease->pool->calls.recv(lease->fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
    if (size < 0) {
        return errno == EAGAIN ? FOUND_NOTHING : FOUND_END;
    }
    // Some servers send 408 before they close an idle connection (RFC 9110 15.5.9).
    bool is_timeout = size == (ssize_t)sizeof(bytes) && memcmp(bytes, "HTTP/1.", 7) == 0 &&
                      memcmp(bytes + 8, " 408", 4) == 0;
    return size == 0 || is_timeout ? FOUND_END : FOUND_BYTES;
}

// Server and Ravelin disagree about the end of messages, so no connection to the server is reused.
static void distrust(struct pool *pool, struct server *server) {
    server->distrusted_until_ms = clock_monotonic_us() / 1000 + POOL_DISTRUST_MS;
    metric_add(pool->metrics, METRIC_server_unasked, 1);
    pool_close_idle_of(server);
}

static void close_idle(struct lease *lease, enum found found) {
    struct pool *pool = lease->pool;
    struct server *server = lease->server;
    lease_close(lease);
    if (found == FOUND_BYTES) {
        distrust(pool, server);
    }
}

static void on_ready(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)loop;
    struct lease *lease = watcher->data;
    if (lease->owner == NULL) {
        close_idle(lease, look_into(lease));
        return;
    }
    lease->readable |= (events & EV_READ) != 0;
    if ((events & EV_WRITE) != 0) {
        lease->writable = true;
        lease_want_write(lease, false);
    }
    lease->owner->ready(lease->owner);
}

static void end_retry(struct lease *lease) {
    if (lease->retry != NULL) {
        ev_timer_stop(lease->pool->loop, &lease->retry->timer);
        free(lease->retry);
        lease->retry = NULL;
    }
}

// Timer callback: tries again after the server's queue was full.
static void on_retry(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)events;
    struct lease *lease = timer->data;
    enum connect_state state;
    struct address address;
    (void)server_address(lease->server, &address);
    if (socket_connect_again(lease->fd, &address, &state) != RESULT_OK) {
        lease->retry->error = errno;
        ev_timer_stop(loop, timer);
    } else if (state == CONNECT_QUEUE_FULL) {
        timer->repeat = 2 * timer->repeat < RETRY_MAX_S ? 2 * timer->repeat : RETRY_MAX_S;
        ev_timer_again(loop, timer);
        return;
    } else {
        end_retry(lease);
    }
    lease->writable = true; // a unix connection is complete at once
    lease->owner->ready(lease->owner);
}

// False: no memory.
static bool begin_retry(struct lease *lease) {
    struct lease_retry *retry = malloc(sizeof(*retry));
    lease->retry = retry;
    if (retry == NULL) {
        return false;
    }
    retry->error = 0;
    ev_timer_init(&retry->timer, on_retry, 0., RETRY_FIRST_S);
    retry->timer.data = lease;
    ev_timer_again(lease->pool->loop, &retry->timer);
    return true;
}

void pool_init(struct pool *pool, struct ev_loop *loop, struct metrics_slot *metrics) {
    pool->loop = loop;
    pool->metrics = metrics;
    pool->calls = (struct pool_calls){
        .connect = socket_connect,
        .recv = recv,
        .readv = readv,
        .send_parts = socket_send,
        .shutdown = shutdown,
        .error = socket_error,
        .close = close,
    };
    slab_init(&pool->leases, sizeof(struct lease), SPARE_LEASES_MAX);
    list_init(&pool->by_age);
    list_init(&pool->kept);
}

void pool_free(struct pool *pool) {
    while (!list_is_empty(&pool->by_age)) {
        lease_close(LIST_ENTRY(pool->by_age.next, struct lease, age_node));
    }
    slab_free(&pool->leases);
}

void pool_sweep(struct pool *pool, int64_t now_ms) {
    while (!list_is_empty(&pool->by_age)) {
        struct lease *oldest = LIST_ENTRY(pool->by_age.next, struct lease, age_node);
        if (now_ms - oldest->idle_since_ms < POOL_IDLE_MS) {
            return;
        }
        lease_close(oldest);
    }
}

void pool_close_idle_of(struct server *server) {
    while (!list_is_empty(&server->idle)) {
        lease_close(LIST_ENTRY(server->idle.next, struct lease, node));
    }
}

void pool_close_idle(struct pool *pool, struct backend_set *set) {
    (void)pool;
    for (size_t i = 0; i < set->count; i++) {
        for (size_t k = 0; k < set->backends[i].server_count; k++) {
            pool_close_idle_of(&set->backends[i].servers[k]);
        }
    }
}

static void close_left(struct server *server) {
    struct list_node *next;
    for (struct list_node *node = server->idle.next; node != &server->idle; node = next) {
        struct lease *lease = LIST_ENTRY(node, struct lease, node);
        next = node->next;
        if (!lease_is_current(lease)) {
            lease_close(lease);
        }
    }
}

void pool_close_left(struct backend_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        struct backend *backend = &set->backends[i];
        backend_take_notice(backend);
        for (size_t k = 0; backend->swept != backend->changes && k < backend->server_count; k++) {
            close_left(&backend->servers[k]);
        }
        backend->swept = backend->changes;
    }
}

static void leave_idle(struct lease *lease) {
    list_remove(&lease->node);
    list_remove(&lease->age_node);
    if (!lease->kept) {
        lease->server->idle_count--;
        metric_subtract(lease->pool->metrics, METRIC_pool_idle, 1);
    }
    lease->kept = false;
}

// NULL: no memory.
static struct lease *new_lease(struct pool *pool, struct server *server, int fd, bool connected) {
    struct lease *lease = slab_get(&pool->leases);
    if (lease == NULL) {
        return NULL;
    }
    *lease = (struct lease){
        .pool = pool, .server = server, .fd = fd, .connected = connected, .writable = connected};
    list_init(&lease->node);
    list_init(&lease->age_node);
    ev_io_init(&lease->watcher, on_ready, fd, 0);
    lease->watcher.data = lease;
    return lease;
}

static struct lease *open_lease(struct pool *pool, struct server *server) {
    enum connect_state state;
    struct address address;
    uint32_t version = server_address(server, &address);
    int fd = pool->calls.connect(&address, &state);
    if (fd < 0) {
        return NULL;
    }
    struct lease *lease = new_lease(pool, server, fd, state == CONNECT_DONE);
    if (lease == NULL || (state == CONNECT_QUEUE_FULL && !begin_retry(lease))) {
        slab_put(&pool->leases, lease);
        (void)pool->calls.close(fd);
        errno = ENOMEM;
        return NULL;
    }
    lease->version = version;
    lease_want_write(lease, !lease->connected);
    lease_want_read(lease, lease->connected);
    metric_add(pool->metrics, METRIC_server_connections, 1);
    return lease;
}

// Returns the connection that was used last. The loop polled before this turn began, so each
// connection is checked for bytes that have arrived since then.
static struct lease *take_idle(struct server *server) {
    while (!list_is_empty(&server->idle)) {
        struct lease *lease = LIST_ENTRY(server->idle.next, struct lease, node);
        enum found found = lease_is_current(lease) ? look_into(lease) : FOUND_END;
        if (found == FOUND_NOTHING) {
            return lease;
        }
        close_idle(lease, found);
    }
    return NULL;
}

static void own(struct lease *lease, struct lease_owner *owner) {
    lease->owner = owner;
    server_cell_add(lease->server->used, 1);
}

static void disown(struct lease *lease) {
    lease->owner = NULL;
    server_cell_add(lease->server->used, UINT32_MAX); // minus one
    if (lease->server->backend->queue != NULL) {
        queue_note_room(lease->server->backend->queue);
    }
}

static void own_reused(struct lease *lease, struct lease_owner *owner) {
    leave_idle(lease);
    lease->reused = true;
    own(lease, owner);
    metric_add(lease->pool->metrics, METRIC_server_reuses, 1);
}

// Counts a connection in use. False: none is left.
static bool reserve(const struct server *server) {
    server_cell_add(server->used, 1);
    const struct server_counter *counter = &server->backend->view.counter;
    if (server_counter_total(counter, server->entry->cell) <= server->entry->connections_max) {
        return true;
    }
    server_cell_add(server->used, UINT32_MAX);
    return false;
}

static struct lease *lease_any(struct pool *pool, struct server *server, bool fresh,
                               struct lease_owner *owner) {
    struct lease *lease = fresh ? NULL : take_idle(server);
    if (lease != NULL) {
        own_reused(lease, owner);
        return lease;
    }
    lease = open_lease(pool, server);
    if (lease != NULL) {
        own(lease, owner);
    }
    return lease;
}

struct lease *pool_lease(struct pool *pool, struct server *server, bool fresh,
                         struct lease_owner *owner) {
    if (server->entry->connections_max == 0) {
        return lease_any(pool, server, fresh, owner);
    }
    if (!reserve(server)) {
        errno = EBUSY;
        return NULL;
    }
    struct lease *lease = lease_any(pool, server, fresh, owner);
    server_cell_add(server->used, UINT32_MAX); // its owner counts now
    return lease;
}

int lease_finish_connect(struct lease *lease) {
    if (!lease->writable) {
        return EINPROGRESS;
    }
    int error = lease->retry != NULL ? lease->retry->error : lease->pool->calls.error(lease->fd);
    if (error == 0) {
        lease->connected = true;
        lease_want_read(lease, true);
    }
    return error;
}

static void become_idle(struct lease *lease) {
    disown(lease);
    watch(lease, EV_READ);
}

void lease_release(struct lease *lease, bool retired, int64_t now_ms) {
    struct server *server = lease->server;
    if (retired || lease->bound || lease->readable || server->idle_count >= POOL_IDLE_MAX ||
        now_ms < server->distrusted_until_ms || !lease_is_current(lease)) {
        lease_close(lease);
        return;
    }
    lease->idle_since_ms = now_ms;
    become_idle(lease);
    list_push_first(&server->idle, &lease->node);
    list_push_last(&lease->pool->by_age, &lease->age_node);
    server->idle_count++;
    metric_add(lease->pool->metrics, METRIC_pool_idle, 1);
}

void lease_close(struct lease *lease) {
    if (lease->owner == NULL) {
        leave_idle(lease);
    } else {
        disown(lease);
    }
    watch(lease, 0);
    end_retry(lease);
    (void)lease->pool->calls.close(lease->fd);
    slab_put(&lease->pool->leases, lease);
}

static struct lease *find_kept(struct list_node *keeper, const struct backend *backend) {
    for (struct list_node *node = keeper->next; node != keeper; node = node->next) {
        struct lease *lease = LIST_ENTRY(node, struct lease, node);
        if (lease->server->backend == backend) {
            return lease;
        }
    }
    return NULL;
}

// The server of this set with the address of the lease; NULL: none.
static struct server *find_same(const struct backend_set *set, const struct lease *lease) {
    return lease_is_current(lease) ? backend_set_find(set, lease->server) : NULL;
}

static void move_to(struct lease *lease, struct server *server) {
    lease->server = server;
    lease->version = server_entry_version(server->entry);
}

void lease_keep(struct lease *lease, struct list_node *keeper, const struct backend_set *set) {
    struct server *server = find_same(set, lease);
    if (server == NULL || lease->readable) {
        lease_close(lease);
        return;
    }
    struct lease *other = find_kept(keeper, server->backend);
    if (other != NULL) {
        lease_close(other);
    }
    become_idle(lease); // of the server of its own generation
    move_to(lease, server);
    lease->kept = true;
    list_push_first(keeper, &lease->node);
    list_push_last(&lease->pool->kept, &lease->age_node);
}

struct lease *pool_lease_kept(struct list_node *keeper, const struct backend *backend,
                              struct lease_owner *owner) {
    struct lease *lease = find_kept(keeper, backend);
    enum found found = lease == NULL             ? FOUND_NOTHING
                       : lease_is_current(lease) ? look_into(lease)
                                                 : FOUND_END;
    if (found != FOUND_NOTHING) {
        close_idle(lease, found);
        return NULL;
    }
    if (lease != NULL) {
        own_reused(lease, owner);
    }
    return lease;
}

void pool_close_kept(struct list_node *keeper) {
    while (!list_is_empty(keeper)) {
        lease_close(LIST_ENTRY(keeper->next, struct lease, node));
    }
}

void pool_move_kept(struct pool *pool, const struct backend_set *set) {
    struct list_node *next;
    for (struct list_node *node = pool->kept.next; node != &pool->kept; node = next) {
        next = node->next;
        struct lease *lease = LIST_ENTRY(node, struct lease, age_node);
        struct server *server = find_same(set, lease);
        if (server == NULL) {
            lease_close(lease);
        } else {
            move_to(lease, server);
        }
    }
}

static void want(struct lease *lease, int event, bool wanted) {
    watch(lease, wanted ? lease_watched(lease) | event : lease_watched(lease) & ~event);
}

void lease_want_read(struct lease *lease, bool wanted) {
    want(lease, EV_READ, wanted);
}

void lease_want_write(struct lease *lease, bool wanted) {
    // A socket that has not begun to connect is always writable.
    want(lease, EV_WRITE, wanted && lease->retry == NULL);
}
