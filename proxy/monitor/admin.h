// The HTTP/1.1 server of `admin`, for programs and people of this machine: GET and HEAD, no bodies.
//
// Every client is taken for hostile. There are at most ADMIN_CLIENTS_MAX connections; while all are
// in use, the one that has been idle longest is closed for a new one, and if none is idle, new ones
// wait. A connection has one request at a time and at most ADMIN_HEAD_MAX bytes of it, ADMIN_HEAD_S
// seconds for a request head, ADMIN_RESPONSE_S for taking a response and ADMIN_IDLE_S between
// requests.
//
// A page of another origin must not read what is served here by a name of its own that resolves to
// this machine (DNS rebinding). So over TCP the host of a request must be an IP address or
// "localhost"; any other gets 421.
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

// Sets the whole body. Too little memory: the answer is a failure.
void admin_answer_text(struct admin_answer *answer, const char *text);
// Makes it an error page of this status.
void admin_answer_failure(struct admin_answer *answer, unsigned status);

struct admin_options {
    struct ev_loop *loop;
    struct log *log;
    // Fills the answer, which is an empty page with status 200. `path`: without a query.
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
    struct list_node clients; // the one that was active last comes last
    size_t client_count;
    ev_timer pause; // while no connection can be accepted
};

void admin_init(struct admin *admin, const struct admin_options *options);
// Accepts from these sockets instead of the former ones. Connections stay.
void admin_listen(struct admin *admin, struct admin_sockets *sockets);
void admin_free(struct admin *admin); // closes all

#endif
