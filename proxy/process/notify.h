// Tells a service manager how far the start is (sd_notify's protocol): one datagram to the socket
// NOTIFY_SOCKET names. Without that variable nothing happens; failures do not matter to the proxy.
#ifndef RAVELIN_PROCESS_NOTIFY_H
#define RAVELIN_PROCESS_NOTIFY_H

void notify_manager(const char *state); // "READY=1", "STOPPING=1"

#endif
