// The control socket: how `ravelin reload`, `drain`, `stop` and `status` talk to the running
// master.
//
// A unix SOCK_SEQPACKET socket whose name comes from the real path of the config file, so that a
// command finds the master by the same -c FILE that started it: /run/ravelin/<hash>.sock for root,
// else <hash>.sock in ${XDG_RUNTIME_DIR:-/tmp}/ravelin-<uid>/. The folder is made with mode 0700
// and must be ours. Both sides look at SO_PEERCRED: the master takes commands from root and from
// its own user; the client believes root and its own user.
//
// One request (a word) and one answer (the exit code as a digit, then text) per connection. At most
// CONTROL_CLIENTS_MAX at a time; the next wait in the socket's queue.
#ifndef RAVELIN_PROCESS_CONTROL_H
#define RAVELIN_PROCESS_CONTROL_H

#include "base/result.h"
#include "config/config.h"

#include <stddef.h>
#include <stdint.h>

#define CONTROL_CLIENTS_MAX 16
#define CONTROL_ANSWER_MAX ((size_t)65536)
#define CONTROL_TIMEOUT_S 60

enum control_command {
    CONTROL_RELOAD,
    CONTROL_DRAIN,
    CONTROL_STOP,
    CONTROL_STATUS,
    CONTROL_COMMAND_COUNT
};

struct control_server;
struct ev_loop;

struct control_handler {
    // Answer with control_answer(), now or later.
    void (*command)(void *context, uint64_t client, enum control_command command);
    void *context;
};

// Makes the folder and the socket. A socket that a dead master left is replaced; when one is alive
// `error` names its pid. NULL on failure.
struct control_server *control_open(const char *config_path, char error[CONFIG_ERROR_SIZE]);
// From now on commands are taken.
void control_start(struct control_server *server, struct ev_loop *loop,
                   const struct control_handler *handler);
// Sends the answer, cut at CONTROL_ANSWER_MAX, and closes the connection. A client that is gone is
// fine.
void control_answer(struct control_server *server, uint64_t client, int exit_code,
                    const char *text);
// Closes everything and removes the socket's name; NULL is fine.
void control_close(struct control_server *server);

// The client's side: asks the master of this config file, prints its answer (to stderr when it is a
// failure) and returns the exit code.
int control_request(const char *config_path, const char *command);

#endif
