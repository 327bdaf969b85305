// Listening sockets that another process made and gave to this one: a service manager, by socket
// activation (sd_listen_fds(3)), or a master that this one replaces.
//
// A service manager passes them as descriptors from 3 on, and describes them in the environment:
// LISTEN_PID (the receiver), LISTEN_FDS (their number) and LISTEN_FDNAMES. The variables are
// removed after reading.
//
// A handed socket is used for the listener with the same address (listeners.h). The process that
// handed it may keep it open, too. Connections in its queue then survive the exit of this process.
#ifndef RAVELIN_PROCESS_HANDED_H
#define RAVELIN_PROCESS_HANDED_H

#include "base/socket.h"
#include "observe/log.h"

#include <stdbool.h>
#include <stddef.h>

#define HANDED_MAX 16384 // 64 listeners with 256 workers
#define HANDED_NAME_SIZE 64
// Name of the sockets that a former Ravelin stored (socket_store.h).
#define HANDED_STORED_NAME "ravelin"

struct handed_socket {
    int fd; // -1: not accepted
    struct address address;
    // Further sockets can be bound to its address: it has SO_REUSEPORT, and this user made it.
    bool is_shareable;
    bool is_used;                // a listener uses it
    bool is_stored;              // a former Ravelin stored it at the service manager
    char name[HANDED_NAME_SIZE]; // printable; empty: none
    const char *why;             // static; why it is not accepted
};

struct handed {
    struct handed_socket *sockets;
    size_t count;
    bool from_master; // the former master accepts connections on them until this master does
};

// Adds a descriptor, makes it close-on-exec and O_NONBLOCK, and reads its address. Closes a
// descriptor that is not a listening TCP socket (or, from a master, unix socket), and adds it to
// the list with the reason. False: memory is short or there are too many; the descriptor is closed.
bool handed_add(struct handed *handed, int fd, const char *name);
// Adds the descriptors of a service manager, usually none. Call it before the process makes
// children.
void handed_from_manager(struct handed *handed);
// Finds the next socket of an address, from index `from` on. handed->count: none.
size_t handed_find(const struct handed *handed, const struct address *address, size_t from);
// Shuts down the sockets that a former Ravelin stored at the service manager and that no listener
// uses, so that they do not listen any more.
void handed_end_unused(const struct handed *handed);
// Logs a warning for each other socket that no listener uses.
void handed_warn(const struct handed *handed, struct log *log);
void handed_free(struct handed *handed); // closes all; zeroed or freed is allowed

#endif
