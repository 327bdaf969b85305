// The name of the control socket of a config file, and the check of its other end, for master and
// client.
//
// Only the master's user owns the folder of the socket:
//   root                        /run/ravelin
//   others, started by systemd  RUNTIME_DIRECTORY, which `RuntimeDirectory=ravelin` sets to
//                               /run/ravelin, so that root's commands find the master there
//   others                      ravelin-UID in XDG_RUNTIME_DIR, or else in /tmp
#ifndef RAVELIN_PROCESS_CONTROL_PATH_H
#define RAVELIN_PROCESS_CONTROL_PATH_H

#include "base/result.h"
#include "config/config.h"

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

// A socket has two names, each made of a path of the config file: the real path, and the absolute
// path as it was given. So a command finds the master by any path to the same file, and by the path
// with which it was started, if a symbolic link in that path leads to another file by then or the
// file is gone.
struct control_path {
    char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];
    struct sockaddr_un address; // of the real path; the socket
    struct sockaddr_un given;   // of the path as given: a symbolic link to the socket
};

// RESULT_EOF: the file does not exist: `error` has the reason, and both addresses are `given`.
enum result control_path_find(const char *config_path, struct control_path *path,
                              char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
// Whether the socket needs no second name.
bool control_path_is_real(const struct control_path *path);
// Returns a connected socket. Tries the path as given first. -1 with errno: ENOENT or ECONNREFUSED
// if there is no master.
int control_connect(const struct control_path *path);
// For the master: whether the other end of a connection has the user root or the master's user.
// *pid: process of the other end.
bool control_peer_is_trusted(int fd, pid_t *pid);
// For the client: the same. If the client is root, it also trusts the owner of the folder, because
// only root can have given this user a folder in /run.
bool control_server_is_trusted(int fd, const struct control_path *path);

#endif
