#include "monitor/admin.h"

#include "monitor/admin_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const ev_tstamp PAUSE_S = 0.1;
static const ev_tstamp ANSWER_MAX_S = 1.; // the next one waits no longer, whatever this one took

// --- Sockets ---

void admin_sockets_fill(struct admin_sockets *sockets, const int *fds, size_t count) {
    sockets->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (i < CONFIG_ADMINS_MAX) {
            sockets->fds[sockets->count++] = fds[i];
        } else {
            (void)close(fds[i]);
        }
    }
}

void admin_sockets_close(struct admin_sockets *sockets) {
    for (size_t i = 0; i < sockets->count; i++) {
        (void)close(sockets->fds[i]);
    }
    sockets->count = 0;
}

// --- Accepting ---

static void pause_accepting(struct admin *admin, bool pauses) {
    for (size_t i = 0; i < CONFIG_ADMINS_MAX; i++) {
        ev_io *watcher = &admin->listeners[i].watcher;
        if (pauses) {
            ev_io_stop(admin->options.loop, watcher);
        } else if (watcher->fd >= 0) {
            ev_io_start(admin->options.loop, watcher);
        }
    }
}

static void on_pause_over(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)events;
    pause_accepting(timer->data, false);
}

// Tries again soon.
static void wait_to_accept(struct admin *admin) {
    pause_accepting(admin, true);
    ev_timer_set(&admin->pause, PAUSE_S, 0.);
    ev_timer_start(admin->options.loop, &admin->pause);
}

// Closes the connection that has been idle for the longest time. False: none is idle.
static bool close_idle(struct admin *admin) {
    for (struct list_node *node = admin->clients.next; node != &admin->clients; node = node->next) {
        struct admin_client *client = LIST_ENTRY(node, struct admin_client, node);
        if (admin_client_is_idle(client)) {
            admin_client_close(client);
            return true;
        }
    }
    return false;
}

static bool is_tcp(int fd) {
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof(address);
    return getsockname(fd, (struct sockaddr *)&address, &size) != 0 || address.ss_family != AF_UNIX;
}

static void on_connection(struct ev_loop *loop, ev_io *watcher, int events) {
    struct admin *admin = ((struct admin_listener *)watcher->data)->admin;
    (void)loop;
    (void)events;
    if (admin->client_count >= ADMIN_CLIENTS_MAX && !close_idle(admin)) {
        wait_to_accept(admin);
        return;
    }
    int fd = accept4(watcher->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        if (!admin_client_start(admin, fd, is_tcp(watcher->fd))) {
            (void)close(fd);
        }
    } else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED && !close_idle(admin)) {
        wait_to_accept(admin); // no descriptor or memory: the connection waits, too
    }
}

// --- Answers ---

static void on_turn(struct ev_loop *loop, ev_timer *timer, int events) {
    struct admin *admin = timer->data;
    (void)events;
    if (list_is_empty(&admin->due)) {
        return;
    }
    ev_tstamp before = ev_time();
    admin_client_answer(LIST_ENTRY(admin->due.next, struct admin_client, node));
    if (!list_is_empty(&admin->due)) {
        ev_tstamp taken = ev_time() - before;
        taken = taken < 0. ? 0. : taken; // the clock was set
        ev_now_update(loop);
        ev_timer_set(timer, taken < ANSWER_MAX_S ? taken : ANSWER_MAX_S, 0.);
        ev_timer_start(loop, timer);
    }
}

void admin_add_due(struct admin *admin, struct admin_client *client) {
    list_remove(&client->node);
    list_push_last(&admin->due, &client->node);
    if (!ev_is_active(&admin->turn)) {
        ev_timer_set(&admin->turn, 0., 0.);
        ev_timer_start(admin->options.loop, &admin->turn);
    }
}

// --- Life ---

static void close_listeners(struct admin *admin) {
    ev_timer_stop(admin->options.loop, &admin->pause);
    pause_accepting(admin, true);
    for (size_t i = 0; i < CONFIG_ADMINS_MAX; i++) {
        ev_io *watcher = &admin->listeners[i].watcher;
        if (watcher->fd >= 0) {
            (void)close(watcher->fd);
            ev_io_set(watcher, -1, EV_READ);
        }
    }
}

void admin_listen(struct admin *admin, struct admin_sockets *sockets) {
    close_listeners(admin);
    for (size_t i = 0; i < sockets->count; i++) {
        ev_io_set(&admin->listeners[i].watcher, sockets->fds[i], EV_READ);
    }
    sockets->count = 0;
    pause_accepting(admin, false);
}

void admin_init(struct admin *admin, const struct admin_options *options) {
    *admin = (struct admin){.options = *options};
    list_init(&admin->clients);
    list_init(&admin->due);
    ev_timer_init(&admin->turn, on_turn, 0., 0.);
    ev_set_priority(&admin->turn, EV_MINPRI);
    admin->turn.data = admin;
    ev_timer_init(&admin->pause, on_pause_over, PAUSE_S, 0.);
    admin->pause.data = admin;
    for (size_t i = 0; i < CONFIG_ADMINS_MAX; i++) {
        struct admin_listener *listener = &admin->listeners[i];
        listener->admin = admin;
        ev_io_init(&listener->watcher, on_connection, -1, EV_READ);
        listener->watcher.data = listener;
    }
}

static void close_all(struct list_node *clients) {
    while (!list_is_empty(clients)) {
        admin_client_close(LIST_ENTRY(clients->next, struct admin_client, node));
    }
}

void admin_free(struct admin *admin) {
    close_listeners(admin);
    close_all(&admin->clients);
    close_all(&admin->due);
    ev_timer_stop(admin->options.loop, &admin->turn);
}
