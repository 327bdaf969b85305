// The name of the control socket of a config file, and the trust in its other end: what master and
// client share.
//
// The folder of the socket belongs to the master's user alone:
//   root                           /run/ravelin
//   others, started by systemd     RUNTIME_DIRECTORY, which `RuntimeDirectory=ravelin` sets to
//                                  /run/ravelin, so that root's commands find the master there
//   others                         ravelin-UID in XDG_RUNTIME_DIR, or else in /tmp
#ifndef RAVELIN_PROCESS_CONTROL_PATH_H
#define RAVELIN_PROCESS_CONTROL_PATH_H

#include "base/result.h"
#include "config/config.h"

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

struct control_path {
    char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];
    struct sockaddr_un address;
};

enum result control_path_find(const char *config_path, struct control_path *path,
                              char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
// A connected socket, or -1 with errno: ENOENT or ECONNREFUSED when no master is there.
int control_connect(const struct control_path *path);
// For the master: whether the other end of a connection is root or our own user; *pid is its
// process.
bool control_peer_is_trusted(int fd, pid_t *pid);
// For the client: the same, or, if we are root, the owner of the folder. Only root can have given
// that user a folder in /run.
bool control_server_is_trusted(int fd, const struct control_path *path);

#endif
