// Listening sockets that another process made and handed to this one: a service manager, by socket
// activation (sd_listen_fds(3)), or a master that this one replaces.
//
// A service manager hands them as descriptors from 3 on, and says so in the environment: LISTEN_PID
// (for whom), LISTEN_FDS (how many) and LISTEN_FDNAMES. The variables are removed once read.
//
// A handed socket belongs to the listener with the same address (listeners.h). Who handed it may
// keep it open, too: what waits in its queue survives this process.
#ifndef RAVELIN_PROCESS_HANDED_H
#define RAVELIN_PROCESS_HANDED_H

#include "base/socket.h"
#include "observe/log.h"

#include <stdbool.h>
#include <stddef.h>

#define HANDED_MAX 16384 // 64 listeners with 256 workers
#define HANDED_NAME_SIZE 64

struct handed_socket {
    int fd; // -1: not taken
    struct address address;
    // Others can be bound to its address beside it: it has SO_REUSEPORT, and its maker was this
    // user.
    bool is_shareable;
    bool is_used;                // it belongs to a listener
    char name[HANDED_NAME_SIZE]; // printable; empty: none
    const char *why;             // static: why it is not taken
};

struct handed {
    struct handed_socket *sockets;
    size_t count;
    bool from_master; // the former master accepts connections on them, until this one begins
};

// Takes a descriptor, makes it close-on-exec and O_NONBLOCK, and reads its address. What is no
// listening TCP socket (or, from a master, unix socket) is closed, and named in the list all the
// same. False: memory is short or there are too many, and the descriptor is closed.
bool handed_add(struct handed *handed, int fd, const char *name);
// What a service manager has handed, none as a rule. Call it before the process makes children.
void handed_from_manager(struct handed *handed);
// Finds the next one of an address from index `from` on; handed->count: there is none.
size_t handed_find(const struct handed *handed, const struct address *address, size_t from);
// Warns of each one that no listener uses.
void handed_warn(const struct handed *handed, struct log *log);
void handed_free(struct handed *handed); // closes them all; zeroed or freed: nothing

#endif
