#include "process/notify.h"

#include "base/clock.h"
#include "base/printable.h"
#include "process/ipc.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool notify_manager(const char *message) {
    return notify_manager_fds(message, NULL, 0);
}

bool notify_manager_fds(const char *message, const int *fds, size_t count) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t size = path == NULL ? 0 : strlen(path);
    if (size < 2 || size >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@')) {
        return true;
    }
    memcpy(address.sun_path, path, size);
    if (path[0] == '@') {
        address.sun_path[0] = '\0'; // the abstract namespace
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    static_assert(NOTIFY_FDS_MAX <= IPC_FDS_MAX, "they fit in an ipc_room");
    union ipc_room room;
    struct iovec part = {(void *)(uintptr_t)message, strlen(message)};
    struct msghdr wire = {.msg_name = &address,
                          .msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size),
                          .msg_iov = &part,
                          .msg_iovlen = 1};
    ipc_attach_fds(&wire, &room, fds, count);
    ssize_t sent = sendmsg(fd, &wire, MSG_NOSIGNAL | MSG_DONTWAIT);
    bool again = sent < 0 && (errno == EAGAIN || errno == ENOBUFS);
    (void)close(fd);
    return !again;
}

// --- States ---

// The size of the state in a message, which is before its status.
static int state_size(const char *message) {
    const char *status = strstr(message, "STATUS=");
    return status == NULL ? 0 : (int)(status - message);
}

// Returns the size. A mere status does not replace a state that was not accepted yet.
static int write_state(enum notice notice, char text[NOTIFY_SIZE]) {
    switch (notice) {
    case NOTICE_READY:
        return snprintf(text, NOTIFY_SIZE, "READY=1\n");
    case NOTICE_RELOADING:
        return snprintf(text, NOTIFY_SIZE, "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\n",
                        clock_monotonic_us());
    case NOTICE_STOPPING:
        return snprintf(text, NOTIFY_SIZE, "STOPPING=1\n");
    default:
        return state_size(text);
    }
}

void notifier_tell(struct notifier *notifier, enum notice notice, const char *status, ...) {
    char *text = notifier->untold;
    if (notifier->is_replaced) {
        return;
    }
    int size = write_state(notice, text);
    size += snprintf(text + size, NOTIFY_SIZE - (size_t)size, "STATUS=");
    va_list arguments;
    va_start(arguments, status);
    (void)vsnprintf(text + size, NOTIFY_SIZE - (size_t)size, status, arguments);
    va_end(arguments);
    char *line = text + size;
    line[strcspn(line, "\n")] = '\0';
    printable_clean(line, PRINTABLE_LINE);
    notifier_retry(notifier);
}

void notifier_replace(struct notifier *notifier, pid_t pid) {
    notifier_stop(notifier);
    notifier->is_replaced = true;
    (void)snprintf(notifier->untold, NOTIFY_SIZE, "MAINPID=%ld", (long)pid);
    notifier_retry(notifier);
}

void notifier_retry(struct notifier *notifier) {
    if (!notifier->is_held && notifier->untold[0] != '\0' && notify_manager(notifier->untold)) {
        notifier->untold[0] = '\0';
    }
}

// --- The watchdog ---

// The interval that the manager asks for, in seconds; 0: none.
static ev_tstamp watchdog_interval(void) {
    const char *interval = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    if (interval == NULL || (pid != NULL && strtoll(pid, NULL, 10) != getpid())) {
        return 0.;
    }
    long long interval_us = strtoll(interval, NULL, 10);
    return interval_us > 0 ? (ev_tstamp)interval_us / 1e6 : 0.;
}

static void on_watchdog(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)timer;
    (void)events;
    (void)notify_manager("WATCHDOG=1"); // the next message follows soon
}

void notifier_start_watchdog(struct notifier *notifier, struct ev_loop *loop) {
    ev_tstamp interval = watchdog_interval();
    if (interval > 0.) {
        notifier->loop = loop;
        ev_timer_init(&notifier->watchdog, on_watchdog, 0., interval / 2);
        ev_timer_start(loop, &notifier->watchdog);
    }
}

void notifier_stop(struct notifier *notifier) {
    if (notifier->loop != NULL) {
        ev_timer_stop(notifier->loop, &notifier->watchdog);
    }
    notifier->loop = NULL;
}
