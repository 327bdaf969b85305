// Stores the listening sockets at the service manager (FileDescriptorStoreMax= of systemd). During
// a restart of Ravelin, connections wait in their queues, and the next process gets the sockets
// (handed.h). Without a store, a restart closes the sockets, and connections are refused.
//
// The manager stores them under one name. After each change, the stored sockets are removed and all
// present ones are sent. The manager itself removes a socket that is shut down. Sockets that the
// manager has made (without SO_REUSEPORT) are not sent.
//
// Used only if FDSTORE is in the environment, with the number of sockets that the manager stores.
// systemd sets it since version 254; the unit sets it for older versions. Sockets beyond this
// number are closed at a restart.
#ifndef RAVELIN_PROCESS_SOCKET_STORE_H
#define RAVELIN_PROCESS_SOCKET_STORE_H

#include "process/listeners.h"

#include <stdbool.h>

// Zero it at the start.
struct socket_store {
    bool is_stale; // the manager does not have all present sockets
};

// Sends the present sockets. Never waits. If the manager accepts nothing now, socket_store_retry()
// sends them.
void socket_store_put(struct socket_store *store, const struct listeners *listeners);
void socket_store_retry(struct socket_store *store, const struct listeners *listeners);

#endif
