// The challenge server answers http-01 challenges (RFC 8555 8.3) of an ACME client on the same
// machine, with the files that the client writes into its webroot (`acme-challenge`).
//
// A worker must not open files, and the master opens no file that a client of Ravelin names. So
// this is a process of its own, without rights. It serves GET and HEAD for
// FOLDER/.well-known/acme-challenge/TOKEN and responds with 404 to all else, one request for each
// connection. It listens on a port of 127.0.0.1 that the system chooses. Workers connect to it like
// to any server (config/challenge.h). Other local users can connect to it, too, and see what the
// public sees.
//
// The server reads files because an ACME client writes its file and notifies the CA at once. A copy
// in memory, sent to the workers by messages or kept up to date by inotify(7), could be older than
// the CA's request, and the challenge would fail. A copy that is checked against the folder on
// each miss would be correct, but saves nothing, because a CA asks only a few times for each order.
//
// Bounds. The token has 1 to 128 characters of [A-Za-z0-9_-]. The path is resolved below the folder
// (openat2(2)): symbolic links out of the folder are refused. Without this call, which
// RestrictSUIDSGID= of systemd denies, all symbolic links below the folder are refused. The file
// must be regular, with at most CHALLENGE_FILE_MAX printable bytes. At most
// CHALLENGE_CONNECTIONS_MAX connections are open, each for at most CHALLENGE_TIMEOUT_MS; a further
// connection closes the oldest. The process can open only files below the folder, and no socket
// (sandbox.h, landlock.h).
//
// The master keeps the listening socket, so that connections wait while a challenge server is
// replaced. A server whose folder was created or replaced exits and is replaced at once, because
// its Landlock rules apply to the former folder. Generations with the same folder share a challenge
// server. When no generation uses it, it finishes open requests and exits.
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

// One in use, and one of a staged generation.
#define CHALLENGE_SERVER_COUNT 2

struct challenge_server {
    unsigned users; // generations that use it; 0: unused
    pid_t pid;      // 0: not running
    int64_t started_ms;
    unsigned stopped; // for pulse_is_stopped()
    int listener;     // this and `control` are open while there are users
    int control;      // the process exits when it is closed
    struct address address;
    char *folder;
};

// The owner sets the first two members and zeroes the others.
struct challenge_servers {
    const struct privilege *privilege; // user that the servers become
    const struct title *title;
    struct challenge_server servers[CHALLENGE_SERVER_COUNT];
};

// Returns the server of this folder (absolute path). Starts one if there is none. NULL with errno.
struct challenge_server *challenge_server_open(struct challenge_servers *servers,
                                               const char *folder);
// Ends one use. NULL is allowed.
void challenge_server_release(struct challenge_server *server);
// Call it when a child was reaped. Logs an error if it was a server in use that failed.
void challenge_servers_note_death(struct challenge_servers *servers, pid_t pid, int status,
                                  struct log *log);
// Starts the servers that have died.
void challenge_servers_revive(struct challenge_servers *servers);

#endif
