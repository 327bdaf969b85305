#include "process/reading.h"

#include "acme/keys.h"
#include "base/clock.h"
#include "base/printable.h"
#include "config/acme.h"
#include "config/bundle.h"
#include "process/ipc.h"
#include "process/privilege.h"
#include "tls/handshake/context.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// The first byte of the child's message. The warnings of the bundles follow SAYS_READ; an error
// text follows SAYS_INVALID.
enum { SAYS_READ = 'r', SAYS_SAME = 's', SAYS_INVALID = 'i' };

static_assert((int)BUNDLE_WARNINGS_SIZE <= (int)CONFIG_ERROR_SIZE, "either fits");

// Time for making RSA keys. The rest of READING_TIMEOUT_S is for files.
static const int64_t MAKING_US = 20000000;
static_assert(READING_TIMEOUT_S > 20, "the reader has time to say that its time is over");

struct task {
    const struct reading_input *input;
    int socket;
};

// --- In the child ---

static bool open_bundles(const struct source *source, struct bundle_pair *pair) {
    pair->keys = pair->users = (struct bundle){.fd = -1};
    return bundle_open(source->files_fd, &pair->files) == RESULT_OK &&
           bundle_open(source->keys_fd, &pair->keys) == RESULT_OK &&
           bundle_open(source->users_fd, &pair->users) == RESULT_OK;
}

// Keys of ordered certificates are made by the process that reads keys.
static bool make_files(const struct config *config, char why[BUNDLE_WHY_SIZE]) {
    static_assert((int)ACME_WHY_SIZE <= (int)BUNDLE_WHY_SIZE, "it fits");
    struct privilege privilege;
    char error[CONFIG_ERROR_SIZE];
    if (!acme_is_used(config)) {
        return true;
    }
    if (privilege_find(config, &privilege, error) != RESULT_OK || tls_library_init() != RESULT_OK) {
        (void)snprintf(why, BUNDLE_WHY_SIZE, "certificate acme: no keys can be made");
        return false;
    }
    const struct acme_owner owner = {privilege.change, privilege.uid, privilege.gid};
    return acme_make_files(config, &owner, clock_monotonic_us() + MAKING_US, why);
}

static char read_again(const struct source *former, struct bundle_pair *now,
                       char error[CONFIG_ERROR_SIZE]) {
    struct bundle_pair before;
    struct config *config;
    if (!open_bundles(former, &before)) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "%s: the files in use cannot be opened: %s",
                       former->config->path, strerror(errno));
        return SAYS_INVALID;
    }
    if (bundle_read_again(&before.files, make_files, now, &config, error) != RESULT_OK) {
        return SAYS_INVALID;
    }
    bool same = bundle_equal(&before.files, &now->files) &&
                bundle_equal(&before.keys, &now->keys) && bundle_equal(&before.users, &now->users);
    return same ? SAYS_SAME : SAYS_READ;
}

static char read_all(const struct reading_input *input, struct bundle_pair *pair,
                     char error[CONFIG_ERROR_SIZE]) {
    struct config *config;
    if (input->former != NULL) {
        return read_again(input->former, pair, error);
    }
    return bundle_read_prepared(input->path, make_files, pair, &config, error) == RESULT_OK
               ? SAYS_READ
               : SAYS_INVALID;
}

// Memory and descriptors are freed by the kernel: the master kills the process after its message.
static int run_child(void *argument) {
    const struct task *task = argument;
    char said[1 + CONFIG_ERROR_SIZE];
    struct bundle_pair pair;
    said[0] = read_all(task->input, &pair, said + 1);
    struct iovec part = {said, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    union ipc_room room;
    if (said[0] == SAYS_READ) {
        const int fds[] = {pair.files.fd, pair.keys.fd, pair.users.fd};
        ipc_attach_fds(&message, &room, fds, 3);
        part.iov_len += strnlen(pair.warnings, sizeof(pair.warnings));
        memcpy(said + 1, pair.warnings, part.iov_len - 1);
    } else if (said[0] == SAYS_INVALID) {
        part.iov_len += strnlen(said + 1, CONFIG_ERROR_SIZE);
    }
    _exit(sendmsg(task->socket, &message, MSG_NOSIGNAL) == (ssize_t)part.iov_len ? 0 : 1);
}

// --- In the master ---

void reading_init(struct reading *reading) {
    *reading = (struct reading){.child = {.fd = -1}, .files_fd = -1, .keys_fd = -1, .users_fd = -1};
}

enum result reading_start(struct reading *reading, const struct reading_input *input) {
    int fds[2];
    reading_init(reading);
    if (ipc_pair(fds) != RESULT_OK) {
        return RESULT_ERROR;
    }
    struct task task = {input, fds[1]};
    struct spawn spawn = {
        .name = "rav-reader",
        .title = "ravelin: reader",
        .keep = {fds[1]},
        .keep_count = 1,
        .argument = &task,
        .sandbox = SANDBOX_NONE, // it opens files
        .run = run_child,
    };
    if (input->former != NULL) {
        spawn.keep[spawn.keep_count++] = input->former->files_fd;
        spawn.keep[spawn.keep_count++] = input->former->keys_fd;
        spawn.keep[spawn.keep_count++] = input->former->users_fd;
    }
    pid_t pid = spawn_process(&spawn, input->title);
    (void)close(fds[1]);
    if (pid < 0) {
        (void)close(fds[0]);
        return RESULT_ERROR;
    }
    reading->child.pid = pid;
    reading->child.fd = fds[0];
    return RESULT_OK;
}

static void close_bundles(struct reading *reading) {
    int *fds[] = {&reading->files_fd, &reading->keys_fd, &reading->users_fd};
    for (size_t i = 0; i < 3; i++) {
        if (*fds[i] >= 0) {
            (void)close(*fds[i]);
            *fds[i] = -1;
        }
    }
}

// Receives the message into child.text and the descriptors. -1: nothing yet.
static ssize_t receive(struct reading *reading) {
    struct validation *child = &reading->child;
    struct iovec part = {child->text, sizeof(child->text) - 1};
    union ipc_room room;
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = room.bytes,
                             .msg_controllen = sizeof(room.bytes)};
    ssize_t size;
    do {
        size = recvmsg(child->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (size < 0 && errno == EINTR);
    if (size < 0) {
        return errno == EAGAIN ? -1 : 0;
    }
    int fds[] = {-1, -1, -1};
    (void)ipc_detach_fds(&message, fds, 3);
    reading->files_fd = fds[0];
    reading->keys_fd = fds[1];
    reading->users_fd = fds[2];
    return size;
}

// Writes to child.text why the child sent neither a result nor an error.
static void explain(struct reading *reading, char said) {
    struct validation *child = &reading->child;
    if (said == SAYS_READ) { // the kernel drops descriptors for which there is no room
        (void)snprintf(child->text, sizeof(child->text),
                       "the files that were read cannot be received: %s", strerror(EMFILE));
    } else {
        validate_describe_end(child, "the process that read the configuration");
    }
}

enum result reading_receive(struct reading *reading) {
    struct validation *child = &reading->child;
    ssize_t size = receive(reading);
    if (size < 0) {
        return RESULT_AGAIN;
    }
    validate_cancel(child); // the child has sent everything
    char said = size == 0 ? '\0' : child->text[0];
    child->text[size] = '\0';
    memmove(child->text, child->text + (size > 0), (size_t)size); // with the NUL
    printable_clean(child->text, PRINTABLE_LINES);
    reading->same = said == SAYS_SAME && reading->files_fd < 0;
    bool all = reading->files_fd >= 0 && reading->keys_fd >= 0 && reading->users_fd >= 0;
    if (reading->same || (said == SAYS_READ && all)) {
        return RESULT_OK;
    }
    close_bundles(reading);
    child->is_quoted = said == SAYS_INVALID && child->text[0] != '\0';
    if (!child->is_quoted) {
        explain(reading, said);
    }
    return RESULT_ERROR;
}

void reading_cancel(struct reading *reading) {
    validate_cancel(&reading->child);
    close_bundles(reading);
}

struct source *reading_take(struct reading *reading, const char *path, uint64_t number,
                            char error[CONFIG_ERROR_SIZE]) {
    const struct source_fds fds = {reading->files_fd, reading->keys_fd, reading->users_fd};
    struct source *source = source_new(&fds, path, number, error);
    if (source != NULL) {
        (void)snprintf(source->warnings, sizeof(source->warnings), "%s", reading->child.text);
    }
    reading->files_fd = reading->keys_fd = reading->users_fd = -1;
    return source;
}

struct source *reading_wait(const struct reading_input *input, uint64_t number,
                            char error[CONFIG_ERROR_SIZE]) {
    struct reading reading;
    if (reading_start(&reading, input) != RESULT_OK) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "%s: cannot start a process that reads it: %s",
                       input->path, strerror(errno));
        return NULL;
    }
    struct pollfd readable = {.fd = reading.child.fd, .events = POLLIN};
    enum result result = RESULT_AGAIN;
    while (result == RESULT_AGAIN && poll(&readable, 1, READING_TIMEOUT_S * 1000) > 0) {
        result = reading_receive(&reading);
    }
    if (result == RESULT_OK) {
        return reading_take(&reading, input->path, number, error);
    }
    if (result == RESULT_AGAIN) {
        reading_cancel(&reading);
        (void)snprintf(error, CONFIG_ERROR_SIZE,
                       "%s: its files could not be read within %d seconds", input->path,
                       READING_TIMEOUT_S);
    } else {
        memcpy(error, reading.child.text, CONFIG_ERROR_SIZE);
    }
    return NULL;
}
