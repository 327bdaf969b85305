// The listening sockets of `admin`: one for each address, TCP on loopback or unix. The master binds
// and holds them, and the monitor gets them. A unix socket's file is for the user and the group of
// the master (mode 0660).
//
// As with listeners.h, each generation owns descriptors of its own, which for addresses that stay
// are duplicates, and a socket that the monitor has shut down is bound again.
#ifndef RAVELIN_PROCESS_ADMIN_LISTENERS_H
#define RAVELIN_PROCESS_ADMIN_LISTENERS_H

#include "base/result.h"
#include "config/config.h"
#include "observe/log.h"
#include "process/handed.h"

#include <stddef.h>

struct admin_listeners {
    int fds[CONFIG_ADMINS_MAX]; // in the order of config.admins
    size_t count;               // of those that are open
    bool leaves_paths;          // another master uses the files of unix sockets, too
    const struct config *config;
};

// Opens what neither `kept` (NULL at the start) nor `handed` (handed.h) has and duplicates the
// rest. What a former master has handed, it uses, too, until the owner says otherwise
// (leaves_paths). `config` must outlive the listeners. On failure nothing is left open, no file is
// left, and `error` says file:line and why. The file of a unix socket on which nobody listens is
// replaced, no other file.
enum result admin_listeners_open(struct admin_listeners *listeners, const struct config *config,
                                 const struct admin_listeners *kept, struct handed *handed,
                                 char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
// Closes them, and removes the files of unix sockets that `remaining` (or NULL) does not have. Once
// more is fine.
void admin_listeners_close(struct admin_listeners *listeners,
                           const struct admin_listeners *remaining);
// Binds anew what does not listen any more, and returns how many. The first one's address is in
// `address`. *failed: how many could not be bound, errno says why.
size_t admin_listeners_renew(struct admin_listeners *listeners, char address[ADDRESS_TEXT_SIZE],
                             size_t *failed);
// Logs a line for each address.
void admin_listeners_announce(const struct config *config, struct log *log);

#endif
