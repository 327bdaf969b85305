// The HTTP/1.1 server of `admin`, for local programs and users: GET and HEAD, no bodies.
//
// Every client may be hostile. At most ADMIN_CLIENTS_MAX connections are open. If all are in use, a
// new connection replaces the one that was idle for the longest time; if none is idle, new ones
// wait. A connection has one request at a time, with at most ADMIN_HEAD_MAX bytes. Time limits:
// ADMIN_HEAD_S for a request head, ADMIN_RESPONSE_S for taking a response, ADMIN_IDLE_S between
// requests.
//
// A web page must not read these responses through a host name that resolves to this machine (DNS
// rebinding). So over TCP the host of a request must be an IP address or "localhost"; any other
// host gets 421. /ready accepts any host.
//
// Clients must not block the rest of the monitor. So each turn of the loop makes at most one
// response, after all other events. The next response waits as long as this one took: responses
// take at most half of the monitor's time. Waiting clients are served in the order of their
// requests.
#ifndef RAVELIN_MONITOR_ADMIN_H
#define RAVELIN_MONITOR_ADMIN_H

#include "base/buffer.h"
#include "base/list.h"
#include "base/slice.h"
#include "config/config.h"
#include "observe/log.h"

#include <stdbool.h>
#include <stddef.h>

#include <ev.h>

#define ADMIN_CLIENTS_MAX 32
#define ADMIN_HEAD_MAX 8192
#define ADMIN_FIELDS_MAX 100
#define ADMIN_HEAD_S 5.
#define ADMIN_RESPONSE_S 10.
#define ADMIN_IDLE_S 75.
#define ADMIN_BODY_MAX ((size_t)64 << 20) // bytes of one response

struct admin_answer {
    unsigned status;
    const char *type;   // Content-Type
    const char *fields; // further header fields, each with its CRLF
    struct buffer body; // bounded by ADMIN_BODY_MAX
};

// Sets the whole body. If memory is short, the response becomes a failure.
void admin_answer_text(struct admin_answer *answer, const char *text);
// Makes the response an error page of this status.
void admin_answer_failure(struct admin_answer *answer, unsigned status);

struct admin_options {
    struct ev_loop *loop;
    struct log *log;
    // Fills the response, which is an empty page with status 200. `path` has no query.
    void (*request)(void *context, struct slice path, struct admin_answer *answer);
    void *context;
};

// Listening sockets that are not in use yet.
struct admin_sockets {
    int fds[CONFIG_ADMINS_MAX];
    size_t count;
};

// Owns the descriptors; closes those beyond CONFIG_ADMINS_MAX.
void admin_sockets_fill(struct admin_sockets *sockets, const int *fds, size_t count);
void admin_sockets_close(struct admin_sockets *sockets);

struct admin;

struct admin_listener {
    struct admin *admin;
    ev_io watcher; // fd -1: none
};

struct admin {
    struct admin_options options;
    struct admin_listener listeners[CONFIG_ADMINS_MAX];
    struct list_node clients; // sorted by the time of the last activity, the latest last
    size_t client_count;
    ev_timer pause;       // runs while no connection can be accepted
    struct list_node due; // clients with a complete request, the oldest request first
    ev_timer turn;        // runs while `due` has clients
};

void admin_init(struct admin *admin, const struct admin_options *options);
// Accepts connections on these sockets in place of the former ones. Open connections stay.
void admin_listen(struct admin *admin, struct admin_sockets *sockets);
void admin_free(struct admin *admin); // closes all connections

#endif
