// The challenge server: answers the http-01 challenges (RFC 8555 8.3) of an ACME client that runs
// beside Ravelin, with the files that the client puts into its webroot (`acme-challenge`).
//
// A worker can open no file, and must not learn to. The master opens none that a client of Ravelin
// names. So a process of its own does, without rights: it serves GET and HEAD for
// FOLDER/.well-known/acme-challenge/TOKEN and 404 for all else, one request a connection. It
// listens on a port of 127.0.0.1 that the system chooses, where workers reach it like any server
// (config/challenge.h). Other local users reach it too, and see what the whole world may see.
//
// Bounds. The token has 1 to 128 characters of [A-Za-z0-9_-]. The path is resolved beneath the
// folder (openat2(2)): no symbolic link leads out of it. The file is a regular one of at most
// CHALLENGE_FILE_MAX printable bytes. At most CHALLENGE_CONNECTIONS_MAX connections are open, each
// for at most CHALLENGE_TIMEOUT_MS; one more ends the oldest. The process can open files below the
// folder only, and no socket (sandbox.h, landlock.h).
//
// The master keeps the listening socket: while a challenge server is replaced, connections wait.
// One that finds its folder made, or made anew, ends and is replaced at once, because the fence
// around it belongs to the former folder. Generations with the same folder use the same challenge
// server. When none uses it any more, it finishes open requests and ends.
#ifndef RAVELIN_PROCESS_CHALLENGE_SERVER_H
#define RAVELIN_PROCESS_CHALLENGE_SERVER_H

#include "base/socket.h"
#include "observe/log.h"
#include "process/spawn.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CHALLENGE_FILE_MAX 1024
#define CHALLENGE_CONNECTIONS_MAX 64
#define CHALLENGE_TIMEOUT_MS 5000

// One in use, one of a generation that is to follow.
#define CHALLENGE_SERVER_COUNT 2

struct challenge_server {
    unsigned users; // 0: unused
    pid_t pid;      // 0: none runs
    int64_t started_ms;
    int listener; // the two descriptors are open while there are users
    int control;  // closed, it makes the process end
    struct address address;
    char *folder;
};

// Zeroed but for the first two, there are none.
struct challenge_servers {
    const struct privilege *privilege; // whom they become
    const struct title *title;
    struct challenge_server servers[CHALLENGE_SERVER_COUNT];
};

// Uses the one of this folder (absolute), and starts one if there is none. NULL, with errno.
struct challenge_server *challenge_server_open(struct challenge_servers *servers,
                                               const char *folder);
// One user less. NULL is fine.
void challenge_server_release(struct challenge_server *server);
// For the process that reaps all children. Logs that one was in use and ended by a fault.
void challenge_servers_note_death(struct challenge_servers *servers, pid_t pid, int status,
                                  struct log *log);
// Starts those that have died.
void challenge_servers_revive(struct challenge_servers *servers);

#endif
