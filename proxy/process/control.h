// The control socket: how `ravelin reload`, `drain`, `stop`, `status` and `prove` talk to the
// running master.
//
// A unix SOCK_SEQPACKET socket whose name comes from the real path of the config file, so that a
// command finds the master by the same -c FILE that started it: <hash>.sock in the folder that
// control_path.h names. The folder is made with mode 0700 and must be ours. Both sides look at
// SO_PEERCRED: the master takes commands from root and from its own user; the client believes root
// and its own user, and root's client the owner of the folder. Where the master is not root, its
// workers are of its user too: their connections are closed unread.
//
// One request (an order: commands.h) and one answer (the exit code as a digit, then text) per
// connection; descriptors may come with the answer. At most CONTROL_CLIENTS_MAX at a time; the next
// wait in the socket's queue. A client that asks nothing within CONTROL_SILENCE_S is dropped. The
// master waits for none of them: an answer that a client does not take at once is lost. While the
// master has no free descriptor it tries to accept every CONTROL_PAUSE_S.
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
#define CONTROL_CONNECT_S 10 // the longest wait for a place in the queue of a master
#define CONTROL_LOCK_S 60    // the longest wait for another master that starts at the same time
#define CONTROL_SILENCE_S 5
#define CONTROL_PAUSE_S 1
#define CONTROL_FDS_MAX 2

struct control_server;
struct ev_loop;

struct control_handler {
    // Answer with control_answer(), now or later.
    void (*command)(void *context, uint64_t client, const struct order *order);
    // No connection can be accepted, with the errno; once for as long as that lasts. May be NULL.
    void (*failed)(void *context, int error);
    // Whether this process, though of a trusted user, may give no commands: a child of the
    // master's.
    bool (*refuses)(void *context, pid_t pid);
    void *context;
};

// Makes the folder and the socket. A socket that a dead master left is replaced; when one is alive
// `error` names its pid. NULL on failure. `former`: the master that this one replaces and that
// still answers commands; 0: none. Then the socket has another name before control_take_over().
struct control_server *control_open(const char *config_path, pid_t former,
                                    char error[CONFIG_ERROR_SIZE]);
// From now on commands come here, and no more to the former master.
void control_take_over(struct control_server *server);
// From now on commands are taken.
void control_start(struct control_server *server, struct ev_loop *loop,
                   const struct control_handler *handler);
// Sends the answer, cut at CONTROL_ANSWER_MAX, and closes the connection. A client that is gone is
// fine.
void control_answer(struct control_server *server, uint64_t client, int exit_code,
                    const char *text);
// The same with descriptors, of which the client gets duplicates.
void control_answer_with(struct control_server *server, uint64_t client, int exit_code,
                         const char *text, const int *fds, size_t fd_count);
// Closes everything and removes the socket's name, unless another master has it; NULL is fine.
void control_close(struct control_server *server);

// --- The client's side ---

struct control_reply {
    int exit_code;
    char *text; // NUL-terminated
    size_t size;
    int fds[CONTROL_FDS_MAX];
    size_t fd_count;
};

// Asks the master of this config file. RESULT_OK: *reply is to be freed. RESULT_EOF: no master runs
// with this file. RESULT_ERROR: `error` says why there is no answer.
enum result control_ask(const char *config_path, struct slice order, struct control_reply *reply,
                        char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
void control_reply_free(struct control_reply *reply); // closes what came with it

// Asks with a command and its arguments, prints the answer (to stderr when it is a failure) and
// returns the exit code.
int control_request(const char *config_path, const char *const *words, size_t count);

#endif
