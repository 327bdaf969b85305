// Tells a service manager such as systemd how the proxy is (the protocol of sd_notify(3)): one
// datagram to the socket that NOTIFY_SOCKET names. Without that variable nothing happens; failures
// do not matter to the proxy.
//
//   start     READY=1
//   reload    RELOADING=1 with MONOTONIC_USEC when it begins, READY=1 when it ends, well or not
//   end       STOPPING=1
//   upgrade   MAINPID, by the master that another one replaces; nothing after that. The other one
//             says nothing before
//   always    STATUS: a line for `systemctl status`
//   watchdog  WATCHDOG=1 twice in each WATCHDOG_USEC, if the manager asks for it
#ifndef RAVELIN_PROCESS_NOTIFY_H
#define RAVELIN_PROCESS_NOTIFY_H

#include <stdbool.h>
#include <sys/types.h>

#include <ev.h>

#define NOTIFY_SIZE 512

// One message. Never waits. False: the manager accepts nothing now, or no descriptor is free; try
// again later.
bool notify_manager(const char *message);

// Zero at the start.
struct notifier {
    char untold[NOTIFY_SIZE]; // what the manager has not accepted yet; empty: nothing
    bool is_held;             // nothing is told for now: another master is the main process
    bool is_replaced;         // nothing new is told any more
    struct ev_loop *loop;     // NULL: no watchdog
    ev_timer watchdog;
};

enum notice { NOTICE_READY, NOTICE_RELOADING, NOTICE_STOPPING, NOTICE_STATUS };

// `status` is for people: its first line is sent, cut if it is long. A message that the manager
// does not accept now replaces one that it did not accept before.
void notifier_tell(struct notifier *notifier, enum notice notice, const char *status, ...)
    __attribute__((format(printf, 3, 4)));
// Another process is the main process from now on.
void notifier_replace(struct notifier *notifier, pid_t pid);
// Sends again what was not accepted.
void notifier_retry(struct notifier *notifier);
// From now on, if the manager has set WATCHDOG_USEC for this process.
void notifier_start_watchdog(struct notifier *notifier, struct ev_loop *loop);
void notifier_stop(struct notifier *notifier); // never started, or stopped: nothing

#endif
