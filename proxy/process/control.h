// The control socket: connects `ravelin reload`, `drain`, `stop`, `status`, `prove` and other
// orders to the running master.
//
// It is a unix SOCK_SEQPACKET socket, <hash>.sock in the folder of control_path.h. The hash is made
// of the path of the config file, so that a command finds the master that was started with the same
// -c FILE. The folder has mode 0700 and must be owned by the user. Both sides check
// SO_PEERCRED. The master accepts commands from root and from its own user. A client trusts root
// and its own user, and a client that is root also trusts the owner of the folder. If the master is
// not root, its workers have its user: it closes their connections unread.
//
// A connection has one request (an order: commands.h) and one reply (the exit code as a digit, then
// text), which may have descriptors. At most CONTROL_CLIENTS_MAX connections are open; others wait
// in the socket's queue. A client that sends no order within CONTROL_SILENCE_S is closed. The
// master never waits for a client: a reply that the socket does not accept at once is lost. While
// the master has no free descriptor, it tries to accept every CONTROL_PAUSE_S.
#ifndef RAVELIN_PROCESS_CONTROL_H
#define RAVELIN_PROCESS_CONTROL_H

#include "base/result.h"
#include "config/config.h"
#include "process/commands.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CONTROL_CLIENTS_MAX 16
#define CONTROL_ANSWER_MAX ((size_t)65536)
#define CONTROL_TIMEOUT_S 60
#define CONTROL_CONNECT_S 10 // seconds; longest wait for a place in the queue of a master
#define CONTROL_LOCK_S 60 // seconds; longest wait for another master that starts at the same time
#define CONTROL_SILENCE_S 5
#define CONTROL_PAUSE_S 1
#define CONTROL_FDS_MAX 2

struct control_server;
struct ev_loop;

struct control_handler {
    // Executes an order. Reply with control_answer(), now or later.
    void (*command)(void *context, uint64_t client, const struct order *order);
    // No connection can be accepted, with the errno. Called once until one can. May be NULL.
    void (*failed)(void *context, int error);
    // Whether this process may give no orders although its user is trusted: it is a child of the
    // master.
    bool (*refuses)(void *context, pid_t pid);
    void *context;
};

// Makes the folder and the socket. Replaces the socket of a dead master. NULL on failure, and
// `error` has the pid of a living master. `former`: the master that this one replaces and that
// still has the commands; 0: none. With a former master, the socket has another name until
// control_take_over().
struct control_server *control_open(const char *config_path, pid_t former,
                                    char error[CONFIG_ERROR_SIZE]);
// Gives the socket its final name: new commands reach this master, not the former one.
void control_take_over(struct control_server *server);
// Begins to accept commands.
void control_start(struct control_server *server, struct ev_loop *loop,
                   const struct control_handler *handler);
// Sends the reply, cut at CONTROL_ANSWER_MAX, and closes the connection. The client may be gone.
void control_answer(struct control_server *server, uint64_t client, int exit_code,
                    const char *text);
// The same with descriptors. The client gets duplicates.
void control_answer_with(struct control_server *server, uint64_t client, int exit_code,
                         const char *text, const int *fds, size_t fd_count);
// Closes everything and removes the socket's names, unless another master uses it. NULL is allowed.
void control_close(struct control_server *server);

// --- The client's side ---

struct control_reply {
    int exit_code;
    char *text; // NUL-terminated
    size_t size;
    int fds[CONTROL_FDS_MAX];
    size_t fd_count;
};

// Sends an order to the master of this config file. RESULT_OK: *reply must be freed. RESULT_EOF: no
// master runs with this file. RESULT_ERROR: `error` has the reason.
enum result control_ask(const char *config_path, struct slice order, struct control_reply *reply,
                        char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
void control_reply_free(struct control_reply *reply); // closes its descriptors

// Sends an order, prints the reply (to stderr if it is a failure) and returns the exit code.
int control_request(const char *config_path, const char *const *words, size_t count);

#endif
