#include "process/control.h"
#include "process/control_path.h"
#include "process/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <ev.h>

enum { LOCK_PAUSE_MS = 50, LOCK_ATTEMPTS = CONTROL_LOCK_S * 1000 / LOCK_PAUSE_MS };

enum client_state {
    CLIENT_FREE,
    CLIENT_SILENT, // has asked nothing yet
    CLIENT_ASKED,  // and waits for its answer
};

struct client {
    enum client_state state;
    uint64_t id; // of no other client, as long as the server lives
    ev_io watcher;
    ev_timer silence;
    struct control_server *server;
};

struct control_server {
    int fd;
    struct control_path path;
    char name[sizeof(((struct sockaddr_un *)0)->sun_path)]; // path to which it is bound
    ino_t inode;                                            // of that name
    struct ev_loop *loop;                                   // NULL before control_start()
    ev_io accepts;
    ev_timer pause; // of accepts
    bool has_failed;
    struct control_handler handler;
    uint64_t last_id;
    struct client clients[CONTROL_CLIENTS_MAX];
};

// Another master that starts at the same time has the lock for some milliseconds.
static bool lock(int fd) {
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * 1000000L};
    for (int i = 0; i < LOCK_ATTEMPTS; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            return true;
        }
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return false;
        }
        (void)nanosleep(&pause, NULL);
    }
    return false;
}

// Opens the folder, which must belong to this user only, and locks it against another master that
// starts now. -1 with `error`.
static int lock_folder(const struct control_path *path, char error[CONFIG_ERROR_SIZE]) {
    struct stat status;
    if (mkdir(path->folder, 0700) != 0 && errno != EEXIST) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "cannot make %s: %s", path->folder,
                       strerror(errno));
        return -1;
    }
    int fd = open(path->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "cannot open %s: %s", path->folder,
                       strerror(errno));
    } else if (status.st_uid != geteuid()) {
        (void)snprintf(error, CONFIG_ERROR_SIZE,
                       "%s belongs to another user: no control socket can be made there",
                       path->folder);
    } else if (fchmod(fd, 0700) != 0 || !lock(fd)) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "cannot lock %s: %s", path->folder,
                       errno == EWOULDBLOCK ? "another ravelin that starts holds it"
                                            : strerror(errno));
    } else {
        return fd;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return -1;
}

static enum result refuse_second(const char *config_path, const struct control_path *path,
                                 pid_t former, char error[CONFIG_ERROR_SIZE]) {
    int fd = control_connect(path);
    pid_t pid = 0;
    if (fd < 0 && errno == EAGAIN) { // its queue is full: the master does not run its loop
        (void)snprintf(error, CONFIG_ERROR_SIZE,
                       "%s: ravelin already runs with this file and does not answer", config_path);
        return RESULT_ERROR;
    }
    if (fd < 0) {
        return RESULT_OK;
    }
    (void)control_peer_is_trusted(fd, &pid);
    (void)close(fd);
    if (former != 0 && pid == former) {
        return RESULT_OK;
    }
    (void)snprintf(error, CONFIG_ERROR_SIZE, "%s: ravelin already runs with this file (pid %ld)",
                   config_path, (long)pid);
    return RESULT_ERROR;
}

static int bind_socket(const char *name, char error[CONFIG_ERROR_SIZE]) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, name, strlen(name) + 1);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t mask = umask(0177);
    (void)unlink(name);
    bool ok = fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
              listen(fd, CONTROL_CLIENTS_MAX) == 0;
    int saved = errno;
    (void)umask(mask);
    if (!ok) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "cannot make the control socket %s: %s", name,
                       strerror(saved));
        if (fd >= 0) {
            (void)close(fd);
        }
        return -1;
    }
    return fd;
}

// While a former master exists, the socket has another name: "next" in place of "sock".
static void bind_name(struct control_server *server, pid_t former, char error[CONFIG_ERROR_SIZE]) {
    const char *name = server->path.address.sun_path;
    size_t size = strlen(name) + 1 - sizeof("sock");
    struct stat status;
    (void)snprintf(server->name, sizeof(server->name), "%.*s%s", (int)size, name,
                   former == 0 ? "sock" : "next");
    server->fd = bind_socket(server->name, error);
    server->inode = lstat(server->name, &status) == 0 ? status.st_ino : 0;
}

// The content of the second name.
static const char *link_target(const struct control_server *server) {
    return strrchr(server->path.address.sun_path, '/') + 1;
}

// Without the second name, commands find this master by the real path only.
static void put_link(const struct control_server *server) {
    char draft[sizeof(server->name) + sizeof(".new")];
    if (control_path_is_real(&server->path)) {
        return;
    }
    (void)snprintf(draft, sizeof(draft), "%s.new", server->path.given.sun_path);
    (void)unlink(draft);
    if (symlink(link_target(server), draft) == 0) {
        (void)rename(draft, server->path.given.sun_path);
    }
}

// Another master may have put its own.
static void remove_link(const struct control_server *server) {
    char target[sizeof(server->name)];
    ssize_t size = readlink(server->path.given.sun_path, target, sizeof(target) - 1);
    target[size < 0 ? 0 : size] = '\0';
    if (strcmp(target, link_target(server)) == 0) {
        (void)unlink(server->path.given.sun_path);
    }
}

struct control_server *control_open(const char *config_path, pid_t former,
                                    char error[CONFIG_ERROR_SIZE]) {
    struct control_server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "out of memory");
        return NULL;
    }
    server->fd = -1;
    int lock = -1;
    if (control_path_find(config_path, &server->path, error) == RESULT_OK) {
        lock = lock_folder(&server->path, error);
    }
    if (lock >= 0) {
        if (refuse_second(config_path, &server->path, former, error) == RESULT_OK) {
            bind_name(server, former, error);
        }
        (void)close(lock);
    }
    if (server->fd < 0) {
        free(server);
        return NULL;
    }
    if (former == 0) {
        put_link(server);
    }
    return server;
}

void control_take_over(struct control_server *server) {
    if (rename(server->name, server->path.address.sun_path) == 0) {
        memcpy(server->name, server->path.address.sun_path, sizeof(server->name));
        put_link(server);
    }
}

static void drop_client(struct client *client) {
    struct control_server *server = client->server;
    ev_io_stop(server->loop, &client->watcher);
    ev_timer_stop(server->loop, &client->silence);
    (void)close(client->watcher.fd);
    client->state = CLIENT_FREE;
    ev_io_start(server->loop, &server->accepts); // there is room again
}

static void on_request(struct ev_loop *loop, ev_io *watcher, int events) {
    struct client *client = watcher->data;
    struct control_server *server = client->server;
    char data[ORDER_SIZE_MAX + 1];
    struct order order;
    (void)loop;
    (void)events;
    ssize_t size = recv(watcher->fd, data, ORDER_SIZE_MAX, MSG_DONTWAIT | MSG_TRUNC);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (size <= 0 || client->state == CLIENT_ASKED) {
        drop_client(client);
        return;
    }
    client->state = CLIENT_ASKED;
    ev_timer_stop(server->loop, &client->silence);
    data[size <= ORDER_SIZE_MAX ? size : 0] = '\0';
    if (order_parse(commands, data, (size_t)size, &order)) {
        server->handler.command(server->handler.context, client->id, &order);
    } else {
        control_answer(server, client->id, 2, "unknown command");
    }
}

static struct client *free_client(struct control_server *server) {
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (server->clients[i].state == CLIENT_FREE) {
            return &server->clients[i];
        }
    }
    return NULL;
}

static void on_silence(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)events;
    drop_client(timer->data);
}

static void on_pause_over(struct ev_loop *loop, ev_timer *timer, int events) {
    struct control_server *server = timer->data;
    (void)events;
    ev_io_start(loop, &server->accepts);
}

// The connection stays in the queue, so the socket stays readable. Without a pause the loop would
// call this again at once.
static void pause_accepts(struct control_server *server, int error) {
    ev_io_stop(server->loop, &server->accepts);
    ev_timer_set(&server->pause, CONTROL_PAUSE_S, 0.);
    ev_timer_start(server->loop, &server->pause);
    if (!server->has_failed) {
        server->has_failed = true;
        if (server->handler.failed != NULL) {
            server->handler.failed(server->handler.context, error);
        }
    }
}

static void on_connection(struct ev_loop *loop, ev_io *watcher, int events) {
    struct control_server *server = watcher->data;
    struct client *client = free_client(server);
    pid_t pid;
    (void)events;
    if (client == NULL) {
        ev_io_stop(loop, watcher);
        return;
    }
    int fd = accept4(watcher->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
            pause_accepts(server, errno);
        }
        return;
    }
    server->has_failed = false;
    const struct control_handler *handler = &server->handler;
    if (!control_peer_is_trusted(fd, &pid) ||
        (handler->refuses != NULL && handler->refuses(handler->context, pid))) {
        (void)close(fd);
        return;
    }
    *client = (struct client){.state = CLIENT_SILENT, .id = ++server->last_id, .server = server};
    ev_io_init(&client->watcher, on_request, fd, EV_READ);
    client->watcher.data = client;
    ev_io_start(loop, &client->watcher);
    ev_timer_init(&client->silence, on_silence, CONTROL_SILENCE_S, 0.);
    client->silence.data = client;
    ev_timer_start(loop, &client->silence);
}

void control_start(struct control_server *server, struct ev_loop *loop,
                   const struct control_handler *handler) {
    server->loop = loop;
    server->handler = *handler;
    ev_io_init(&server->accepts, on_connection, server->fd, EV_READ);
    ev_init(&server->pause, on_pause_over);
    server->accepts.data = server->pause.data = server;
    ev_io_start(loop, &server->accepts);
}

static struct client *find_client(struct control_server *server, uint64_t id) {
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (server->clients[i].state != CLIENT_FREE && server->clients[i].id == id) {
            return &server->clients[i];
        }
    }
    return NULL;
}

void control_answer_with(struct control_server *server, uint64_t id, int exit_code,
                         const char *text, const int *fds, size_t fd_count) {
    struct client *client = find_client(server, id);
    if (client == NULL) {
        return;
    }
    char code = (char)('0' + exit_code);
    struct iovec parts[] = {
        {&code, 1},
        {(void *)(uintptr_t)text, strnlen(text, CONTROL_ANSWER_MAX - 1)},
    };
    union ipc_room room;
    struct msghdr answer = {.msg_iov = parts, .msg_iovlen = 2};
    ipc_attach_fds(&answer, &room, fds, fd_count);
    (void)sendmsg(client->watcher.fd, &answer, MSG_NOSIGNAL | MSG_DONTWAIT);
    drop_client(client);
}

void control_answer(struct control_server *server, uint64_t id, int exit_code, const char *text) {
    control_answer_with(server, id, exit_code, text, NULL, 0);
}

void control_close(struct control_server *server) {
    struct stat status;
    if (server == NULL) {
        return;
    }
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (server->clients[i].state != CLIENT_FREE) {
            drop_client(&server->clients[i]);
        }
    }
    if (server->loop != NULL) {
        ev_io_stop(server->loop, &server->accepts);
        ev_timer_stop(server->loop, &server->pause);
    }
    if (lstat(server->name, &status) == 0 && status.st_ino == server->inode) {
        (void)unlink(server->name);
        remove_link(server);
    }
    (void)close(server->fd);
    free(server);
}
