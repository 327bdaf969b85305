// The listening sockets of `admin`: one for each address, TCP on loopback or unix. The master binds
// and holds them, and passes them to the monitor. The file of a unix socket has the user and the
// group of the master, with mode 0660.
//
// As in listeners.h, each generation owns its descriptors. For addresses that stay, they are
// duplicates. A socket that the monitor has shut down is bound again.
#ifndef RAVELIN_PROCESS_ADMIN_LISTENERS_H
#define RAVELIN_PROCESS_ADMIN_LISTENERS_H

#include "base/result.h"
#include "config/config.h"
#include "observe/log.h"
#include "process/handed.h"

#include <stddef.h>

struct admin_listeners {
    int fds[CONFIG_ADMINS_MAX]; // in the order of config.admins
    size_t count;               // number of open sockets
    bool leaves_paths;          // another master uses the files of unix sockets, too
    const struct config *config;
    // Unix sockets of the former master that are no longer in the configuration.
    struct address abandoned[CONFIG_ADMINS_MAX];
    size_t abandoned_count;
};

// Opens the sockets that neither `kept` (NULL at the start) nor `handed` (handed.h) has, and
// duplicates the others. Sockets of a former master are shared with it, until the owner calls
// admin_listeners_take_over(). `config` must outlive the listeners. Replaces the file of a unix
// socket on which no process listens, and no other file. On failure, no socket is open and no file
// is left, and `error` has file:line and the reason.
enum result admin_listeners_open(struct admin_listeners *listeners, const struct config *config,
                                 const struct admin_listeners *kept, struct handed *handed,
                                 char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
// Call it when the former master has exited. Removes the files of unix sockets that only it had,
// and owns the others.
void admin_listeners_take_over(struct admin_listeners *listeners);
// Closes the sockets, and removes the files of unix sockets that `remaining` (or NULL) does not
// have. May be called again.
void admin_listeners_close(struct admin_listeners *listeners,
                           const struct admin_listeners *remaining);
// Binds again the sockets that do not listen any more, and returns their number.
//   address  out: address of the first one
//   failed   out: sockets that could not be bound; errno has the reason
size_t admin_listeners_renew(struct admin_listeners *listeners, char address[ADDRESS_TEXT_SIZE],
                             size_t *failed);
// Logs a line for each address.
void admin_listeners_announce(const struct config *config, struct log *log);

#endif
