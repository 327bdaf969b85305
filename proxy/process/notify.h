// Notifies a service manager such as systemd (the protocol of sd_notify(3)): one datagram to the
// socket in NOTIFY_SOCKET. Does nothing without this variable. Failures do not affect the proxy.
//
//   start     READY=1
//   reload    RELOADING=1 with MONOTONIC_USEC when it begins, READY=1 when it ends or fails
//   end       STOPPING=1
//   upgrade   MAINPID, by the former master, which sends nothing after it. The next master sends
//             nothing before it
//   sockets   FDSTORE=1 and FDSTOREREMOVE=1, see socket_store.h
//   always    STATUS: a line for `systemctl status`
//   watchdog  WATCHDOG=1 twice in each WATCHDOG_USEC, if the manager asks for it
#ifndef RAVELIN_PROCESS_NOTIFY_H
#define RAVELIN_PROCESS_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <ev.h>

#define NOTIFY_SIZE 512
#define NOTIFY_FDS_MAX 128 // the kernel allows 253

// Sends one message. Never waits. False: the manager accepts nothing now, or no descriptor is free;
// try again later.
bool notify_manager(const char *message);
// The same with descriptors: at most NOTIFY_FDS_MAX. They stay open.
bool notify_manager_fds(const char *message, const int *fds, size_t count);

// Zero it at the start.
struct notifier {
    char untold[NOTIFY_SIZE]; // message that the manager has not accepted yet; empty: none
    bool is_held;             // nothing is sent, because another master is the main process
    bool is_replaced;         // nothing new is sent any more
    struct ev_loop *loop;     // NULL: no watchdog
    ev_timer watchdog;
};

enum notice { NOTICE_READY, NOTICE_RELOADING, NOTICE_STOPPING, NOTICE_STATUS };

// Sends a notice. `status`: a text for operators; its first line is sent, cut if it is long. A
// message that the manager does not accept now replaces an earlier one that it did not accept.
// Exception: with NOTICE_STATUS, the state of the earlier one stays.
void notifier_tell(struct notifier *notifier, enum notice notice, const char *status, ...)
    __attribute__((format(printf, 3, 4)));
// Makes another process the main process.
void notifier_replace(struct notifier *notifier, pid_t pid);
// Sends again a message that was not accepted.
void notifier_retry(struct notifier *notifier);
// Starts the watchdog, if the manager has set WATCHDOG_USEC for this process.
void notifier_start_watchdog(struct notifier *notifier, struct ev_loop *loop);
void notifier_stop(struct notifier *notifier); // allowed if never started, or stopped

#endif
