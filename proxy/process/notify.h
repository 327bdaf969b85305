// Tells a service manager how far the start is (sd_notify's protocol): one datagram to the socket
// NOTIFY_SOCKET names. Without that variable nothing happens; failures do not matter to the proxy.
#ifndef RAVELIN_PROCESS_NOTIFY_H
#define RAVELIN_PROCESS_NOTIFY_H

#include <stdbool.h>

// `state`: "READY=1" or "STOPPING=1". Never waits. False: the manager accepts nothing now, or no
// descriptor is free; try again later.
bool notify_manager(const char *state);

#endif
