#include "process/challenge_server.h"

#include "base/clock.h"
#include "config/challenge.h"
#include "process/landlock.h"
#include "process/pulse.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { QUEUE_LENGTH = 256, CALM_MS = 1000, LINE_MAX_SIZE = 256, READ_SIZE = 4096 };

// --- In the challenge server: a request and its response ---

struct connection {
    int fd; // -1: free
    int64_t since_ms;
    size_t line_size; // bytes of the request line so far; a longer line is not a challenge
    size_t end_seen;  // how many bytes of the empty line at the end of the head
    char line[LINE_MAX_SIZE];
};

struct server {
    int listener;
    int control;
    const char *folder_path;
    int folder; // -1: it does not exist
    bool is_leaving;
    struct connection connections[CHALLENGE_CONNECTIONS_MAX];
};

// The content of a file, of which `size` bytes are valid.
struct content {
    size_t size;
    char bytes[CHALLENGE_FILE_MAX + 1];
};

static bool is_printable(const char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if ((bytes[i] < ' ' || bytes[i] > '~') && strchr("\r\n\t", bytes[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static const char NOT_FOUND[] = "there is no such challenge\n";

enum { FILE_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

// Opens the path part by part, without following links. No part is "..".
static int open_parts(int folder, char *path) {
    int place = folder;
    for (char *slash = strchr(path, '/'); place >= 0 && slash != NULL; slash = strchr(path, '/')) {
        *slash = '\0';
        int next = openat(place, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (place != folder) {
            (void)close(place);
        }
        place = next;
        path = slash + 1;
    }
    int fd = place < 0 ? -1 : openat(place, path, FILE_FLAGS | O_NOFOLLOW);
    if (place >= 0 && place != folder) {
        (void)close(place);
    }
    return fd;
}

// Opens a path below the folder. Invariant: the path cannot lead out of the folder, whatever the
// folder contains. Modifies `path`.
static int open_beneath(int folder, char *path) {
    struct open_how how = {
        .flags = FILE_FLAGS,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    int fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));
    return fd < 0 && errno == ENOSYS ? open_parts(folder, path) : fd;
}

// NULL: the file was read. Otherwise the reason, for operators who test with curl.
static const char *read_file(int folder, struct slice token, struct content *content) {
    char path[sizeof(CHALLENGE_PREFIX) + CHALLENGE_TOKEN_MAX];
    struct stat status;
    if (folder < 0) {
        return "the folder of acme-challenge cannot be opened\n";
    }
    (void)snprintf(path, sizeof(path), "%s%.*s", &CHALLENGE_PREFIX[1], (int)token.size, token.data);
    int fd = open_beneath(folder, path);
    if (fd < 0) {
        return errno == EACCES ? "the file of the challenge may not be read\n" : NOT_FOUND;
    }
    bool ok = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    ssize_t size = ok ? read(fd, content->bytes, sizeof(content->bytes)) : -1;
    (void)close(fd);
    content->size = size < 0 ? 0 : (size_t)size;
    bool is_fit =
        size > 0 && size <= CHALLENGE_FILE_MAX && is_printable(content->bytes, content->size);
    return is_fit ? NULL : "the file of the challenge does not look like one\n";
}

// Returns the token of a request line, as workers write it. Empty: not a request for a challenge.
static struct slice find_token(struct slice line, bool *is_head) {
    static const char ending[] = " HTTP/1.1";
    const size_t ending_size = sizeof(ending) - 1;
    *is_head = line.size > 5 && memcmp(line.data, "HEAD ", 5) == 0;
    bool is_get = line.size > 4 && memcmp(line.data, "GET ", 4) == 0;
    size_t skip = *is_head ? 5 : 4;
    if ((!*is_head && !is_get) || line.size < skip + ending_size ||
        memcmp(line.data + line.size - ending_size, ending, ending_size) != 0) {
        return SLICE("");
    }
    return challenge_token((struct slice){line.data + skip, line.size - skip - ending_size});
}

static void respond(const struct server *server, const struct connection *connection) {
    const struct slice line = {connection->line, connection->line_size};
    char response[512 + CHALLENGE_FILE_MAX];
    struct content content;
    bool is_head;
    struct slice token = find_token(line, &is_head);
    const char *why = token.size == 0 ? NOT_FOUND : read_file(server->folder, token, &content);
    if (why != NULL) {
        content.size = (size_t)snprintf(content.bytes, sizeof(content.bytes), "%s", why);
    }
    int size = snprintf(response, sizeof(response),
                        "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
                        "Connection: close\r\n\r\n%.*s",
                        why == NULL ? "200 OK" : "404 Not Found", content.size,
                        is_head ? 0 : (int)content.size, content.bytes);
    // The response fits in the buffer of a new socket.
    (void)!send(connection->fd, response, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// --- In the challenge server: connections ---

static void close_connection(struct connection *connection) {
    (void)close(connection->fd);
    connection->fd = -1;
}

// True: the head is complete. It has fields of a client, which are ignored.
static bool take_bytes(struct connection *connection, const char *bytes, size_t size) {
    static const char end[] = "\r\n\r\n";
    for (size_t i = 0; i < size; i++) {
        bool fits = bytes[i] == end[connection->end_seen];
        connection->end_seen = fits ? connection->end_seen + 1 : bytes[i] == '\r';
        if (connection->end_seen == sizeof(end) - 1) {
            return true;
        }
        // Reads up to the first line feed, which is dropped.
        if (connection->line_size < LINE_MAX_SIZE) {
            connection->line[connection->line_size++] = bytes[i];
        }
    }
    return false;
}

static void cut_line(struct connection *connection) {
    const char *end = memchr(connection->line, '\r', connection->line_size);
    connection->line_size = end == NULL ? 0 : (size_t)(end - connection->line);
}

static void read_connection(const struct server *server, struct connection *connection) {
    char bytes[READ_SIZE];
    ssize_t size = recv(connection->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (size > 0 && !take_bytes(connection, bytes, (size_t)size)) {
        return;
    }
    if (size > 0) {
        cut_line(connection);
        respond(server, connection);
    }
    close_connection(connection);
}

// Returns a free place. Without one, closes the oldest connection.
static struct connection *find_place(struct server *server) {
    struct connection *oldest = &server->connections[0];
    for (size_t i = 0; i < CHALLENGE_CONNECTIONS_MAX; i++) {
        struct connection *connection = &server->connections[i];
        if (connection->fd < 0) {
            return connection;
        }
        oldest = connection->since_ms < oldest->since_ms ? connection : oldest;
    }
    close_connection(oldest);
    return oldest;
}

// False: no connection waits.
static bool accept_one(struct server *server, int64_t now_ms) {
    int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
        struct connection *connection = find_place(server);
        *connection = (struct connection){.fd = fd, .since_ms = now_ms};
    }
    return fd >= 0;
}

// --- In the challenge server: its life ---

static int64_t monotonic_ms(void) {
    return clock_monotonic_us() / 1000;
}

static bool is_same_file(int a, int b) {
    struct stat left;
    struct stat right;
    return fstat(a, &left) == 0 && fstat(b, &right) == 0 && left.st_dev == right.st_dev &&
           left.st_ino == right.st_ino;
}

// Whether the folder is another one than at the start, so that Landlock denies access.
static bool folder_has_changed(const struct server *server) {
    int fd = openat(AT_FDCWD, server->folder_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return server->folder >= 0;
    }
    bool changed = server->folder < 0 || !is_same_file(fd, server->folder);
    (void)close(fd);
    return changed;
}

// Closes connections that have exceeded their time. Returns the number of open ones.
static size_t sweep(struct server *server, int64_t now_ms) {
    size_t open = 0;
    for (size_t i = 0; i < CHALLENGE_CONNECTIONS_MAX; i++) {
        struct connection *connection = &server->connections[i];
        if (connection->fd >= 0 && now_ms - connection->since_ms >= CHALLENGE_TIMEOUT_MS) {
            close_connection(connection);
        }
        open += connection->fd >= 0;
    }
    return open;
}

static void serve_connections(struct server *server, const struct pollfd *polled) {
    for (size_t i = 0; i < CHALLENGE_CONNECTIONS_MAX; i++) {
        struct connection *connection = &server->connections[i];
        if (connection->fd >= 0 && connection->fd == polled[i].fd && polled[i].revents != 0) {
            read_connection(server, connection);
        }
    }
}

// The connections that still wait are the last ones.
static void begin_to_leave(struct server *server, int64_t now_ms) {
    size_t accepted = 0;
    while (accepted < CHALLENGE_CONNECTIONS_MAX && accept_one(server, now_ms)) {
        accepted++;
    }
    server->is_leaving = true;
}

static void fill_polled(const struct server *server, struct pollfd *polled) {
    polled[0] = (struct pollfd){server->is_leaving ? -1 : server->control, POLLIN, 0};
    polled[1] = (struct pollfd){server->is_leaving ? -1 : server->listener, POLLIN, 0};
    for (size_t i = 0; i < CHALLENGE_CONNECTIONS_MAX; i++) {
        polled[2 + i] = (struct pollfd){server->connections[i].fd, POLLIN, 0};
    }
}

// Runs until the master closes the control socket, or until the folder is another one.
static int run_server(void *argument) {
    struct server *server = argument;
    struct pollfd polled[2 + CHALLENGE_CONNECTIONS_MAX];
    size_t open = 0;
    do {
        fill_polled(server, polled);
        if (poll(polled, sizeof(polled) / sizeof(polled[0]), open > 0 ? 1000 : -1) < 0) {
            if (errno != EINTR) {
                return 1;
            }
            continue;
        }
        int64_t now_ms = monotonic_ms();
        serve_connections(server, polled + 2);
        if (polled[1].revents != 0) {
            if (folder_has_changed(server)) {
                return 0; // the next server accepts the connection
            }
            (void)accept_one(server, now_ms);
        }
        if (polled[0].revents != 0) {
            begin_to_leave(server, now_ms);
        }
        open = sweep(server, now_ms);
    } while (!server->is_leaving || open > 0);
    return 0;
}

// Opens the folder, and limits the process to it with Landlock.
static void *prepare_server(void *argument) {
    struct server *server = argument;
    spawn_mute();
    server->folder = open(server->folder_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < CHALLENGE_CONNECTIONS_MAX; i++) {
        server->connections[i].fd = -1;
    }
#ifndef RAVELIN_SANITIZE // a sanitizer reads /proc
    (void)landlock_enter_reading(server->folder);
#endif
    return server;
}

// --- In the master ---

static void start(const struct challenge_servers *servers, struct challenge_server *server) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) {
        return;
    }
    struct server child = {
        .listener = server->listener, .control = fds[0], .folder_path = server->folder};
    const struct spawn spawn = {
        .name = "rav-challenge",
        .title = "ravelin: challenge server",
        .privilege = servers->privilege,
        .keep = {server->listener, fds[0]},
        .keep_count = 2,
        .argument = &child,
        .prepare = prepare_server,
        .sandbox = SANDBOX_FILES,
        .run = run_server,
    };
    pid_t pid = spawn_process(&spawn, servers->title);
    (void)close(fds[0]);
    if (pid < 0) {
        (void)close(fds[1]);
        return;
    }
    if (server->control >= 0) {
        (void)close(server->control);
    }
    server->control = fds[1];
    server->pid = pid;
    server->started_ms = monotonic_ms();
    server->stopped = 0;
}

static void note_death(struct challenge_servers *servers, struct challenge_server *server,
                       int status, struct log *log) {
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        log_warning(log, "the challenge server (pid %ld) died", (long)server->pid);
    }
    server->pid = 0;
    if (monotonic_ms() - server->started_ms >= CALM_MS) {
        start(servers, server); // if this fails, challenge_servers_revive() tries again
    }
}

void challenge_servers_note_death(struct challenge_servers *servers, pid_t pid, int status,
                                  struct log *log) {
    for (size_t i = 0; i < CHALLENGE_SERVER_COUNT; i++) {
        struct challenge_server *server = &servers->servers[i];
        if (server->users > 0 && server->pid == pid) {
            note_death(servers, server, status, log);
        }
    }
}

void challenge_servers_revive(struct challenge_servers *servers) {
    for (size_t i = 0; i < CHALLENGE_SERVER_COUNT; i++) {
        struct challenge_server *server = &servers->servers[i];
        if (server->users > 0 && server->pid == 0) {
            start(servers, server);
        } else if (server->users > 0 && pulse_is_stopped(server->pid, &server->stopped)) {
            (void)kill(server->pid, SIGKILL);
        }
    }
}

// Listens on a port of 127.0.0.1 that the system chooses.
static bool listen_locally(struct challenge_server *server) {
    const char *why;
    struct address *address = &server->address;
    if (address_parse(SLICE("127.0.0.1:0"), address, &why) != RESULT_OK) {
        errno = EINVAL;
        return false;
    }
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return server->listener >= 0 && bind(server->listener, &address->as.any, address->size) == 0 &&
           listen(server->listener, QUEUE_LENGTH) == 0 &&
           getsockname(server->listener, &address->as.any, &address->size) == 0;
}

static void close_server(struct challenge_server *server) {
    if (server->listener >= 0) {
        (void)close(server->listener);
    }
    if (server->control >= 0) {
        (void)close(server->control);
    }
    free(server->folder);
    *server = (struct challenge_server){.users = 0, .listener = -1, .control = -1};
}

static bool make(const struct challenge_servers *servers, struct challenge_server *server,
                 const char *folder) {
    *server = (struct challenge_server){.users = 1, .listener = -1, .control = -1};
    server->folder = strdup(folder);
    if (server->folder != NULL && listen_locally(server)) {
        start(servers, server);
    }
    if (server->pid == 0) {
        int saved = errno;
        close_server(server);
        errno = saved;
        return false;
    }
    return true;
}

struct challenge_server *challenge_server_open(struct challenge_servers *servers,
                                               const char *folder) {
    struct challenge_server *unused = NULL;
    for (size_t i = 0; i < CHALLENGE_SERVER_COUNT; i++) {
        struct challenge_server *server = &servers->servers[i];
        if (server->users > 0 && strcmp(server->folder, folder) == 0) {
            server->users++;
            return server;
        }
        unused = server->users == 0 ? server : unused;
    }
    if (unused == NULL) { // cannot be: a generation in use, and one that is to follow
        errno = EMFILE;
        return NULL;
    }
    return make(servers, unused, folder) ? unused : NULL;
}

void challenge_server_release(struct challenge_server *server) {
    if (server != NULL && --server->users == 0) {
        close_server(server);
    }
}
