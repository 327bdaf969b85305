#include "process/upgrade.h"

#include "base/printable.h"
#include "process/maintenance.h"
#include "process/names.h"
#include "process/servers.h"
#include "process/source.h"
#include "process/spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SOCKET_FD = 3, STDERR_FD = 4, SPARE_FD = 16 }; // in the next master; the last: above both

static struct ev_loop *loop_of(const struct upgrade *upgrade) {
    return upgrade->children->loop;
}

// --- The end of an upgrade ---

static void close_watcher(struct upgrade *upgrade, ev_io *watcher) {
    if (watcher->fd > 0) {
        ev_io_stop(loop_of(upgrade), watcher);
        (void)close(watcher->fd);
        watcher->fd = 0;
    }
}

static void forget_process(struct upgrade *upgrade) {
    if (upgrade->process > 0) {
        (void)close(upgrade->process);
    }
    upgrade->process = 0;
}

// Who reaps it reuses the pid of one that is not a child of this process.
static void kill_next(const struct upgrade *upgrade) {
    if (upgrade->process > 0) {
        (void)pidfd_send_signal(upgrade->process, SIGKILL, NULL, 0);
    } else if (upgrade->pid > 0) {
        (void)kill(upgrade->pid, SIGKILL); // it is reaped like any child
    }
}

static void let_go(struct upgrade *upgrade) {
    close_watcher(upgrade, &upgrade->errors);
    close_watcher(upgrade, &upgrade->talk);
    ev_timer_stop(loop_of(upgrade), &upgrade->limit);
    forget_process(upgrade);
}

// `why` may have several lines.
static void fail(struct upgrade *upgrade, const char *why) {
    struct log *log = upgrade->children->log;
    char text[CONFIG_ERROR_SIZE + 128];
    (void)snprintf(text, sizeof(text), "upgrade failed: %s", why);
    printable_clean(text, PRINTABLE_LINES);
    kill_next(upgrade);
    let_go(upgrade);
    upgrade->pid = 0;
    upgrade->phase = UPGRADE_IDLE;
    log_lines(log, SEVERITY_ERROR, NULL, text);
    log_error(log, "this process goes on, with generation %" PRIu64,
              upgrade->children->current->number);
    upgrade->handler.answer(upgrade->handler.context, upgrade->client, 1, text);
    upgrade->handler.failed(upgrade->handler.context);
}

void upgrade_abort(struct upgrade *upgrade, const char *why) {
    if (upgrade->phase != UPGRADE_IDLE && upgrade->phase < UPGRADE_LEAVING) {
        fail(upgrade, why);
    }
}

// --- What is handed over ---

static bool write_tickets(struct upgrade *upgrade, struct handover_message *message) {
    uint32_t age_s = ticket_rotation_age(upgrade->rotation);
    if (upgrade->children->current->config->tls.ticket_lifetime_s == 0) {
        return false;
    }
    handover_write(message, HANDOVER_TICKETS, TICKET_KEYS_LAYOUT, NULL,
                   sizeof(struct handover_tickets));
    memcpy(message->data + offsetof(struct handover_tickets, age_s), &age_s, sizeof(age_s));
    ticket_store_copy_out(upgrade->children->shares.tickets,
                          message->data + offsetof(struct handover_tickets, keys));
    return true;
}

static bool write_names(struct upgrade *upgrade, struct handover_message *message) {
    handover_write(message, HANDOVER_NAMES, SERVER_NAMES_LAYOUT, NULL, SERVER_NAMES_KEY_SIZE);
    server_names_copy_out(upgrade->children->shares.names, message->data);
    return true;
}

static bool write_sockets(struct upgrade *upgrade, struct handover_message *message) {
    handover_write(message, HANDOVER_SOCKETS, 0, NULL, 0);
    message->fd_count = listeners_list(&upgrade->children->current->listeners, &upgrade->item_at,
                                       message->fds, HANDOVER_FDS_MAX);
    return message->fd_count > 0;
}

static bool write_admins(struct upgrade *upgrade, struct handover_message *message) {
    const struct admin_listeners *admins = &upgrade->children->current->admins;
    static_assert(CONFIG_ADMINS_MAX <= HANDOVER_FDS_MAX, "a message has room for all");
    if (upgrade->item_at++ > 0 || admins->count == 0) {
        return false;
    }
    handover_write(message, HANDOVER_ADMINS, 0, NULL, 0);
    message->fd_count = admins->count;
    memcpy(message->fds, admins->fds, admins->count * sizeof(int));
    return true;
}

static bool write_address(struct upgrade *upgrade, struct handover_message *message) {
    struct names_record record = {.name = ""};
    static_assert(sizeof(record) <= HANDOVER_DATA_MAX, "a message has room for it");
    if (!names_next_record(upgrade->children->current, &upgrade->item_at, &record)) {
        return false;
    }
    handover_write(message, HANDOVER_ADDRESS, NAMES_RECORD_LAYOUT, &record, sizeof(record));
    return true;
}

static bool write_order(struct upgrade *upgrade, struct handover_message *message) {
    struct servers_order order;
    const struct source *current = upgrade->children->current;
    if (!servers_next_order(current, &upgrade->item_at, &order) &&
        !maintenance_next(current, &upgrade->item_at, &order)) {
        return false;
    }
    handover_write(message, HANDOVER_ORDER, SERVERS_ORDER_LAYOUT, &order, sizeof(order));
    return true;
}

static bool write_check(struct upgrade *upgrade, struct handover_message *message) {
    struct servers_check check;
    const struct children *children = upgrade->children;
    if (!servers_next_check(children->current, children->shares.servers, &upgrade->check_at,
                            &check)) {
        return false;
    }
    handover_write(message, HANDOVER_CHECK, SERVERS_CHECK_LAYOUT, &check, sizeof(check));
    return true;
}

static bool write_former(struct upgrade *upgrade, struct handover_message *message) {
    if (upgrade->item_at >= upgrade->formers->count) {
        return false;
    }
    const struct former *former = upgrade->formers->list[upgrade->item_at++];
    int64_t pid = former->pid;
    handover_write(message, HANDOVER_FORMER, 0, &pid, sizeof(pid));
    message->fds[message->fd_count++] = former->talk.fd;
    return true;
}

// Writes the next item. False: no more of this kind.
static bool write_item(struct upgrade *upgrade, struct handover_message *message) {
    switch (upgrade->item) {
    case HANDOVER_TICKETS:
        return upgrade->item_at++ == 0 && write_tickets(upgrade, message);
    case HANDOVER_NAMES:
        return upgrade->item_at++ == 0 && write_names(upgrade, message);
    case HANDOVER_SOCKETS:
        return write_sockets(upgrade, message);
    case HANDOVER_ADMINS:
        return write_admins(upgrade, message);
    case HANDOVER_ADDRESS:
        return write_address(upgrade, message);
    case HANDOVER_ORDER:
        return write_order(upgrade, message) || write_check(upgrade, message);
    case HANDOVER_FORMER:
        return write_former(upgrade, message);
    default:
        handover_write(message, HANDOVER_END, 0, NULL, 0);
        upgrade->phase = UPGRADE_PROVING;
        return true;
    }
}

static void send_item(struct upgrade *upgrade, const struct handover_message *want) {
    struct handover_message *message = handover_message_new();
    (void)want;
    if (message == NULL) {
        fail(upgrade, "out of memory");
        return;
    }
    while (!write_item(upgrade, message)) {
        upgrade->item++;
        upgrade->item_at = 0;
    }
    enum result result = handover_send(upgrade->talk.fd, message);
    handover_message_free(message); // this process still owns the descriptors in it
    if (result == RESULT_ERROR) {
        fail(upgrade, "the new process does not take its messages");
    }
}

// --- What the next master says ---

static void greet(struct upgrade *upgrade, const struct handover_message *message) {
    char text[128];
    if (message->version != HANDOVER_VERSION) {
        (void)snprintf(text, sizeof(text),
                       "the new process speaks version %" PRIu32
                       " of the hand-over, this one version %d: restart Ravelin instead",
                       message->version, HANDOVER_VERSION);
        fail(upgrade, text);
        return;
    }
    (void)snprintf(upgrade->next_version, sizeof(upgrade->next_version), "%.63s",
                   (const char *)message->data);
    printable_clean(upgrade->next_version, PRINTABLE_LINE);
    close_watcher(upgrade, &upgrade->errors); // the next master has its own stderr now
    ev_timer_stop(loop_of(upgrade), &upgrade->limit);
    ev_timer_set(&upgrade->limit, UPGRADE_TIMEOUT_S, 0.);
    ev_timer_start(loop_of(upgrade), &upgrade->limit);
    upgrade->phase = UPGRADE_HANDING;
    upgrade->item = HANDOVER_TICKETS;
    upgrade->item_at = upgrade->check_at = 0;
    if (handover_say(upgrade->talk.fd, HANDOVER_WELCOME) == RESULT_ERROR) {
        fail(upgrade, "the new process does not take its messages");
    }
}

static void go(struct upgrade *upgrade, const struct handover_message *message) {
    (void)message;
    upgrade->phase = UPGRADE_GOING;
    if (handover_say(upgrade->talk.fd, HANDOVER_GO) == RESULT_ERROR) {
        fail(upgrade, "the new process does not take its messages");
    }
}

// From here on, nothing can be undone.
static void leave(struct upgrade *upgrade, const struct handover_message *message) {
    (void)message;
    ev_timer_stop(loop_of(upgrade), &upgrade->limit);
    forget_process(upgrade);
    upgrade->phase = UPGRADE_LEAVING;
    log_info(upgrade->children->log, "upgrade: ravelin %s (pid %ld) serves", upgrade->next_version,
             (long)upgrade->pid);
    upgrade->handler.replaced(upgrade->handler.context, upgrade->pid);
    struct handover_message released;
    handover_write(&released, HANDOVER_RELEASED, 0, upgrade->due, sizeof(*upgrade->due));
    (void)handover_send(upgrade->talk.fd, &released);
}

static void be_over(struct upgrade *upgrade) {
    ev_timer_stop(loop_of(upgrade), &upgrade->limit);
    upgrade->phase = UPGRADE_OVER;
    upgrade->handler.left(upgrade->handler.context);
}

static void on_farewell_over(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)events;
    be_over(timer->data);
}

static void answer_done(struct upgrade *upgrade, const struct handover_message *message) {
    char text[192];
    (void)message;
    if (ev_is_active(&upgrade->limit)) {
        return; // reported before
    }
    (void)snprintf(text, sizeof(text), "ravelin %s (pid %ld) serves; pid %ld drains",
                   upgrade->next_version, (long)upgrade->pid, (long)getpid());
    upgrade->handler.answer(upgrade->handler.context, upgrade->client, 0, text);
    ev_timer_init(&upgrade->limit, on_farewell_over, UPGRADE_FAREWELL_S, 0.);
    upgrade->limit.data = upgrade;
    ev_timer_start(loop_of(upgrade), &upgrade->limit);
}

static void note_failure(struct upgrade *upgrade, const struct handover_message *message) {
    fail(upgrade, (const char *)message->data);
}

static void note_reopen(struct upgrade *upgrade, const struct handover_message *message) {
    (void)message;
    upgrade->handler.reopen(upgrade->handler.context);
}

static void note_stop(struct upgrade *upgrade, const struct handover_message *message) {
    (void)message;
    upgrade->handler.stop(upgrade->handler.context);
}

// Each type of message is allowed in certain phases only.
static const struct turn {
    enum handover_type type;
    enum upgrade_phase first, last;
    void (*obey)(struct upgrade *upgrade, const struct handover_message *message);
} turns[] = {
    {HANDOVER_HELLO, UPGRADE_STARTING, UPGRADE_STARTING, greet},
    {HANDOVER_WANT, UPGRADE_HANDING, UPGRADE_HANDING, send_item},
    {HANDOVER_READY, UPGRADE_PROVING, UPGRADE_PROVING, go},
    {HANDOVER_SERVING, UPGRADE_GOING, UPGRADE_GOING, leave},
    {HANDOVER_DONE, UPGRADE_LEAVING, UPGRADE_LEAVING, answer_done},
    {HANDOVER_FAILED, UPGRADE_STARTING, UPGRADE_GOING, note_failure},
    {HANDOVER_REOPEN, UPGRADE_LEAVING, UPGRADE_OVER, note_reopen},
    {HANDOVER_STOP, UPGRADE_LEAVING, UPGRADE_OVER, note_stop},
};

// False: the message is not allowed now. From another version, only the first message is read.
static bool obey(struct upgrade *upgrade, const struct handover_message *message) {
    bool is_readable = message->version == HANDOVER_VERSION || upgrade->phase == UPGRADE_STARTING;
    for (size_t i = 0; is_readable && i < sizeof(turns) / sizeof(turns[0]); i++) {
        const struct turn *turn = &turns[i];
        if (message->type == turn->type && upgrade->phase >= turn->first &&
            upgrade->phase <= turn->last) {
            turn->obey(upgrade, message);
            return true;
        }
    }
    return false;
}

static void read_words(struct upgrade *upgrade);

// `how`: "ended with status 1".
static void fail_by_death(struct upgrade *upgrade, const char *how) {
    char why[256 + sizeof(upgrade->words)];
    (void)snprintf(why, sizeof(why), "the new process %s%s%s", how,
                   upgrade->words[0] == '\0' ? "" : ": ", upgrade->words);
    fail(upgrade, why);
}

// No more messages arrive. If the next master has died, SIGCHLD of a child has the reason. After
// its DONE, nothing more is expected.
static void note_silence(struct upgrade *upgrade) {
    if (upgrade->phase < UPGRADE_LEAVING) {
        ev_io_stop(loop_of(upgrade), &upgrade->talk);
        if (upgrade->process > 0) {
            if (upgrade->errors.fd > 0) {
                read_words(upgrade);
            }
            fail_by_death(upgrade, "ended");
        }
        return;
    }
    close_watcher(upgrade, &upgrade->talk);
    if (upgrade->phase == UPGRADE_LEAVING) {
        // The client has its reply, unless DONE did not arrive.
        upgrade->handler.answer(upgrade->handler.context, upgrade->client, 1,
                                "the new process died after it had begun to serve");
        be_over(upgrade);
    }
}

// False: nothing more can be received now.
static bool receive(struct upgrade *upgrade) {
    struct handover_message message; // the next master has no secrets for this one
    switch (handover_receive(upgrade->talk.fd, &message)) {
    case RESULT_OK:
        handover_close_fds(&message);
        if (!obey(upgrade, &message)) {
            upgrade_abort(upgrade, "the new process said something out of turn");
        }
        return upgrade->talk.fd > 0;
    case RESULT_AGAIN:
        return false;
    case RESULT_EOF:
        note_silence(upgrade);
        return false;
    default:
        upgrade_abort(upgrade, "the new process said nonsense");
        return false;
    }
}

static void on_talk(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)loop;
    (void)events;
    (void)receive(watcher->data);
}

// --- Its first words and its death ---

static void read_words(struct upgrade *upgrade) {
    char rest[512];
    size_t size = strlen(upgrade->words);
    size_t room = sizeof(upgrade->words) - 1 - size;
    ssize_t got = read(upgrade->errors.fd, room > 0 ? upgrade->words + size : rest,
                       room > 0 ? room : sizeof(rest));
    if (got > 0 && room > 0) {
        upgrade->words[size + (size_t)got] = '\0';
    } else if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        close_watcher(upgrade, &upgrade->errors);
    }
}

static void on_words(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)loop;
    (void)events;
    read_words(watcher->data);
}

static void on_limit(struct ev_loop *loop, ev_timer *timer, int events) {
    struct upgrade *upgrade = timer->data;
    char why[256 + sizeof(upgrade->words)];
    (void)loop;
    (void)events;
    if (upgrade->phase == UPGRADE_STARTING) {
        (void)snprintf(why, sizeof(why),
                       "the new process did not say within %d seconds that it can take over%s%s",
                       UPGRADE_HELLO_S, upgrade->words[0] == '\0' ? "" : ": ", upgrade->words);
    } else {
        (void)snprintf(why, sizeof(why), "the new process was not ready within %d seconds",
                       UPGRADE_TIMEOUT_S);
    }
    fail(upgrade, why);
}

void upgrade_note_death(struct upgrade *upgrade, pid_t pid, int status) {
    char how[96];
    if (upgrade->pid == 0 || pid != upgrade->pid || upgrade->process > 0) {
        return;
    }
    // Messages that it sent before its death.
    while (ev_is_active(&upgrade->talk) && receive(upgrade)) {
    }
    if (upgrade->errors.fd > 0) {
        read_words(upgrade);
    }
    if (upgrade->phase == UPGRADE_IDLE || upgrade->phase >= UPGRADE_LEAVING) {
        return;
    }
    upgrade->pid = 0;
    if (WIFSIGNALED(status)) {
        (void)snprintf(how, sizeof(how), "was killed by signal %d (%s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    } else {
        (void)snprintf(how, sizeof(how), "ended with status %d", WEXITSTATUS(status));
    }
    fail_by_death(upgrade, how);
}

// --- Its start ---

// Puts the descriptors at the numbers that the new program expects: its end of the hand-over,
// stderr of this process, and the pipe for failures before it has read the variable. Closes all
// others.
static bool place_descriptors(int socket, int words) {
    int spare[] = {fcntl(socket, F_DUPFD, SPARE_FD), fcntl(STDERR_FILENO, F_DUPFD, SPARE_FD),
                   fcntl(words, F_DUPFD, SPARE_FD)};
    return spare[0] >= 0 && spare[1] >= 0 && spare[2] >= 0 && dup2(spare[0], SOCKET_FD) >= 0 &&
           dup2(spare[1], STDERR_FD) >= 0 && dup2(spare[2], STDERR_FILENO) >= 0 &&
           close_range(STDERR_FD + 1, ~0U, 0) == 0;
}

static bool set_environment(void) {
    char text[64];
    (void)snprintf(text, sizeof(text), "%d:%d:%ld", SOCKET_FD, STDERR_FD, (long)getpid());
    if (setenv(HANDOVER_VARIABLE, text, 1) != 0 || getenv("WATCHDOG_PID") == NULL) {
        return getenv(HANDOVER_VARIABLE) != NULL;
    }
    (void)snprintf(text, sizeof(text), "%ld", (long)getpid()); // it will be the main process
    return setenv("WATCHDOG_PID", text, 1) == 0;
}

// Called in the forked process; never returns.
static void become(const struct upgrade *upgrade, int socket, int words, const sigset_t *mask) {
    char *arguments[] = {(char *)(uintptr_t)upgrade->executable, (char *)(uintptr_t) "run",
                         (char *)(uintptr_t) "-c", (char *)(uintptr_t)upgrade->config_path, NULL};
    if (!place_descriptors(socket, words) || !set_environment()) {
        (void)dprintf(words, "cannot prepare it: %s", strerror(errno));
        _exit(127);
    }
    (void)sigprocmask(SIG_SETMASK, mask, NULL);
    (void)execv(upgrade->executable, arguments);
    (void)dprintf(STDERR_FILENO, "cannot execute %s: %s", upgrade->executable, strerror(errno));
    _exit(127);
}

static pid_t spawn_next(struct upgrade *upgrade, int socket, int words) {
    sigset_t mask;
    pid_t pid = getenv("NOTIFY_SOCKET") == NULL ? spawn_fork(&mask)
                                                : spawn_fork_sibling(&mask, &upgrade->process);
    if (pid == 0) {
        become(upgrade, socket, words, &mask);
    }
    return pid;
}

static void watch(struct upgrade *upgrade, ev_io *watcher,
                  void (*call)(struct ev_loop *, ev_io *, int), int fd) {
    ev_io_init(watcher, call, fd, EV_READ);
    watcher->data = upgrade;
    ev_io_start(loop_of(upgrade), watcher);
}

// False, with errno: nothing was started.
static bool start(struct upgrade *upgrade) {
    int talk[2] = {-1, -1};
    int words[2] = {-1, -1};
    pid_t pid = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, talk) == 0 &&
        pipe2(words, O_CLOEXEC) == 0 && fcntl(words[0], F_SETFL, O_NONBLOCK) == 0) {
        pid = spawn_next(upgrade, talk[1], words[1]);
    }
    int saved = errno;
    int unused[] = {talk[1], words[1], pid < 0 ? talk[0] : -1, pid < 0 ? words[0] : -1};
    for (size_t i = 0; i < sizeof(unused) / sizeof(unused[0]); i++) {
        if (unused[i] >= 0) {
            (void)close(unused[i]);
        }
    }
    errno = saved;
    if (pid < 0) {
        return false;
    }
    upgrade->pid = pid;
    watch(upgrade, &upgrade->talk, on_talk, talk[0]);
    watch(upgrade, &upgrade->errors, on_words, words[0]);
    return true;
}

static const char *why_not(struct upgrade *upgrade) {
    if (upgrade->phase != UPGRADE_IDLE) {
        return "an upgrade is under way";
    }
    if (getpid() == 1) {
        return "Ravelin is the first process of a container, which ends with it: start a new one";
    }
    if (upgrade->formers->count == FORMERS_MAX) {
        return "too many former processes still drain: see 'draining' in the status";
    }
    return executable_check(upgrade->executable, upgrade->refusal) ? NULL : upgrade->refusal;
}

const char *upgrade_begin(struct upgrade *upgrade, uint64_t client) {
    struct log *log = upgrade->children->log;
    const char *refusal = why_not(upgrade);
    if (refusal == NULL) { // else they may be of the upgrade under way
        upgrade->words[0] = upgrade->next_version[0] = '\0';
    }
    if (refusal == NULL && !start(upgrade)) {
        (void)snprintf(upgrade->refusal, sizeof(upgrade->refusal), "cannot start a process: %s",
                       strerror(errno));
        refusal = upgrade->refusal;
    }
    if (refusal != NULL) {
        log_error(log, "upgrade refused: %s", refusal);
        return refusal;
    }
    upgrade->phase = UPGRADE_STARTING;
    upgrade->client = client;
    log_info(log, "upgrade: started %s (pid %ld)", upgrade->executable, (long)upgrade->pid);
    ev_timer_init(&upgrade->limit, on_limit, UPGRADE_HELLO_S, 0.);
    upgrade->limit.data = upgrade;
    ev_timer_start(loop_of(upgrade), &upgrade->limit);
    return NULL;
}

// --- What others ask ---

bool upgrade_is_idle(const struct upgrade *upgrade) {
    return upgrade->phase == UPGRADE_IDLE;
}

const char *upgrade_phase_name(const struct upgrade *upgrade) {
    static const char *const names[] = {[UPGRADE_IDLE] = "none",
                                        [UPGRADE_STARTING] = "starting",
                                        [UPGRADE_HANDING] = "handing over",
                                        [UPGRADE_PROVING] = "waiting until it is ready",
                                        [UPGRADE_GOING] = "changing over",
                                        [UPGRADE_LEAVING] = "done",
                                        [UPGRADE_OVER] = "done"};
    return names[upgrade->phase];
}

void upgrade_tell_state(struct upgrade *upgrade, uint32_t connections) {
    if (upgrade->phase >= UPGRADE_LEAVING && upgrade->talk.fd > 0) {
        struct handover_message message;
        handover_write(&message, HANDOVER_STATE, 0, &connections, sizeof(connections));
        // The next master reports the failure as well.
        (void)handover_send(upgrade->talk.fd, &message);
    }
}

void upgrade_free(struct upgrade *upgrade) {
    if (upgrade->children != NULL && upgrade->children->loop != NULL) {
        let_go(upgrade);
    }
}
