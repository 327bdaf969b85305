#include "process/successor.h"

#include "base/printable.h"
#include "base/secret.h"
#include "process/handover.h"
#include "process/maintenance.h"
#include "process/names.h"
#include "process/pulse.h"
#include "process/servers.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct successor_secrets {
    bool has_tickets, has_names;
    struct handover_tickets tickets;
    uint8_t names_key[SERVER_NAMES_KEY_SIZE];
};

// A line for the log, which is not open yet.
static void note(struct successor *successor, const char *line) {
    size_t size = strlen(successor->notes);
    (void)snprintf(successor->notes + size, sizeof(successor->notes) - size, "%s\n", line);
}

// --- The way to the former master ---

// Reads one of the three numbers of the variable, each followed by `end`. False: not a number.
static bool read_number(const char **text, char end, long *number) {
    char *rest = NULL;
    *number = strtol(*text, &rest, 10);
    if (rest == *text || *rest != end || *number <= 0 || *number > INT32_MAX) {
        return false;
    }
    *text = rest + (end != '\0');
    return true;
}

// "SOCKET:STDERR:PID", for this process.
static bool read_variable(int *talk, int *errors) {
    const char *text = getenv(HANDOVER_VARIABLE);
    long numbers[3];
    bool is_ours = text != NULL && read_number(&text, ':', &numbers[0]) &&
                   read_number(&text, ':', &numbers[1]) && read_number(&text, '\0', &numbers[2]) &&
                   numbers[0] > STDERR_FILENO && numbers[1] > STDERR_FILENO &&
                   numbers[2] == getpid();
    if (is_ours) {
        *talk = (int)numbers[0];
        *errors = (int)numbers[1];
    }
    (void)unsetenv(HANDOVER_VARIABLE);
    return is_ours;
}

static bool is_sequenced(int fd) {
    int type = 0;
    socklen_t size = sizeof(type);
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

// The other end of the pair belongs to the process that made it: the parent, or a child of the same
// parent (upgrade.h), of the same user.
static bool is_from_former(int fd, pid_t *former) {
    struct ucred peer;
    socklen_t size = sizeof(peer);
    bool known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
    *former = known ? peer.pid : 0;
    return known && peer.uid == geteuid() &&
           (peer.pid == getppid() || process_state_read(peer.pid).parent == getppid());
}

static enum result fail(char error[CONFIG_ERROR_SIZE], const char *why) {
    (void)snprintf(error, CONFIG_ERROR_SIZE, "ravelin: cannot take over: %s", why);
    return RESULT_ERROR;
}

// Waits for one message of this version.
static enum result await(const struct successor *successor, struct handover_message *message,
                         char error[CONFIG_ERROR_SIZE]) {
    struct pollfd readable = {.fd = successor->fd, .events = POLLIN};
    int ready;
    do {
        ready = poll(&readable, 1, SUCCESSOR_WAIT_S * 1000);
    } while (ready < 0 && errno == EINTR);
    if (ready == 0) {
        return fail(error, "the former master does not answer");
    }
    switch (handover_receive(successor->fd, message)) {
    case RESULT_OK:
        break;
    case RESULT_EOF:
        return fail(error, "the former master has ended");
    default:
        return fail(error, "the former master said nonsense");
    }
    if (message->version != HANDOVER_VERSION) {
        handover_close_fds(message);
        return fail(error, "the former master speaks another version of the hand-over");
    }
    return RESULT_OK;
}

// --- What is handed over ---

static void take_tickets(struct successor *successor, const struct handover_message *message) {
    struct successor_secrets *secrets = successor->secrets;
    if (message->layout != TICKET_KEYS_LAYOUT || message->size != sizeof(secrets->tickets)) {
        note(successor, "ticket keys of another layout: tickets from before do not resume");
        return;
    }
    secret_copy(&secrets->tickets, message->data, sizeof(secrets->tickets));
    secrets->has_tickets = true;
}

static void take_names(struct successor *successor, const struct handover_message *message) {
    struct successor_secrets *secrets = successor->secrets;
    if (message->layout != SERVER_NAMES_LAYOUT || message->size != sizeof(secrets->names_key)) {
        note(successor, "key of sticky cookies of another layout: clients get new cookies");
        return;
    }
    secret_copy(secrets->names_key, message->data, sizeof(secrets->names_key));
    secrets->has_names = true;
}

static bool take_order(struct successor *successor, const struct handover_message *message) {
    if (message->layout != SERVERS_ORDER_LAYOUT || message->size != sizeof(struct servers_order)) {
        note(successor, "an order for a server of another layout: ordered no more");
        return true;
    }
    struct servers_order *orders =
        realloc(successor->orders, (successor->order_count + 1) * sizeof(*orders));
    if (orders == NULL) {
        return false;
    }
    successor->orders = orders;
    struct servers_order *order = &orders[successor->order_count++];
    memcpy(order, message->data, sizeof(*order));
    order->name[sizeof(order->name) - 1] = '\0';
    return true;
}

static bool take_check(struct successor *successor, const struct handover_message *message) {
    struct servers_check *checks;
    if (message->layout != SERVERS_CHECK_LAYOUT || message->size != sizeof(*checks)) {
        return true; // the first checks will show it
    }
    checks = realloc(successor->checks, (successor->check_count + 1) * sizeof(*checks));
    if (checks == NULL) {
        return false;
    }
    successor->checks = checks;
    struct servers_check *check = &checks[successor->check_count++];
    memcpy(check, message->data, sizeof(*check));
    check->name[sizeof(check->name) - 1] = '\0';
    return true;
}

static bool take_address(struct successor *successor, const struct handover_message *message) {
    struct names_record *addresses;
    if (message->layout != NAMES_RECORD_LAYOUT || message->size != sizeof(*addresses)) {
        return true; // DNS will return them
    }
    addresses = realloc(successor->addresses, (successor->address_count + 1) * sizeof(*addresses));
    if (addresses == NULL) {
        return false;
    }
    successor->addresses = addresses;
    struct names_record *address = &addresses[successor->address_count++];
    memcpy(address, message->data, sizeof(*address));
    address->name[sizeof(address->name) - 1] = '\0';
    return true;
}

static bool take_sockets(struct handed *handed, struct handover_message *message) {
    bool taken = true;
    for (size_t i = 0; i < message->fd_count; i++) {
        taken = handed_add(handed, message->fds[i], "") && taken;
    }
    message->fd_count = 0;
    return taken;
}

static void take_former(struct successor *successor, struct handover_message *message) {
    int64_t pid = 0;
    if (successor->former_count == FORMERS_MAX || message->fd_count != 1 ||
        message->size != sizeof(pid)) {
        return;
    }
    memcpy(&pid, message->data, sizeof(pid));
    successor->formers[successor->former_count].fd = message->fds[0];
    successor->formers[successor->former_count++].pid = (pid_t)pid;
    message->fd_count = 0;
}

// False: memory is short.
static bool take(struct successor *successor, struct handed *handed,
                 struct handover_message *message) {
    bool taken = true;
    switch (message->type) {
    case HANDOVER_TICKETS:
        take_tickets(successor, message);
        break;
    case HANDOVER_NAMES:
        take_names(successor, message);
        break;
    case HANDOVER_ADDRESS:
        taken = take_address(successor, message);
        break;
    case HANDOVER_ORDER:
        taken = take_order(successor, message);
        break;
    case HANDOVER_CHECK:
        taken = take_check(successor, message);
        break;
    case HANDOVER_SOCKETS:
    case HANDOVER_ADMINS:
        taken = take_sockets(handed, message);
        break;
    case HANDOVER_FORMER:
        take_former(successor, message);
        break;
    default:
        break;
    }
    handover_close_fds(message);
    return taken;
}

static enum result receive_all(struct successor *successor, struct handed *handed,
                               struct handover_message *message, char error[CONFIG_ERROR_SIZE]) {
    do {
        if (handover_say(successor->fd, HANDOVER_WANT) != RESULT_OK) {
            return fail(error, "the former master has ended");
        }
        if (await(successor, message, error) != RESULT_OK) {
            return RESULT_ERROR;
        }
        if (!take(successor, handed, message)) {
            return fail(error, "out of memory");
        }
    } while (message->type != HANDOVER_END);
    return RESULT_OK;
}

static enum result greet(struct successor *successor, struct handover_message *message,
                         const char *version, char error[CONFIG_ERROR_SIZE]) {
    handover_write(message, HANDOVER_HELLO, 0, version, strlen(version));
    if (handover_send(successor->fd, message) != RESULT_OK) {
        return fail(error, "the former master has ended");
    }
    if (await(successor, message, error) != RESULT_OK) {
        return RESULT_ERROR;
    }
    handover_close_fds(message);
    return message->type == HANDOVER_WELCOME ? RESULT_OK
                                             : fail(error, "the former master said nonsense");
}

static enum result converse(struct successor *successor, struct handed *handed, const char *version,
                            char error[CONFIG_ERROR_SIZE]) {
    struct handover_message *message = handover_message_new();
    successor->secrets = secret_map(sizeof(*successor->secrets));
    enum result result = RESULT_ERROR;
    if (message == NULL || successor->secrets == NULL) {
        (void)fail(error, "out of memory");
    } else if (greet(successor, message, version, error) == RESULT_OK) {
        result = receive_all(successor, handed, message, error);
    }
    handover_message_free(message);
    if (result != RESULT_OK) {
        successor_fail(successor, error);
    }
    return result;
}

enum result successor_begin(struct successor *successor, struct handed *handed, const char *version,
                            char error[CONFIG_ERROR_SIZE]) {
    int talk = -1;
    int errors = -1;
    if (!read_variable(&talk, &errors)) {
        return RESULT_EOF;
    }
    if (!is_sequenced(talk) || !is_from_former(talk, &successor->former)) {
        return fail(error, "the socket in " HANDOVER_VARIABLE " is not of a former master");
    }
    successor->fd = talk;
    // Until now, stderr was the former master's pipe for failures of an early start.
    if (dup2(errors, STDERR_FILENO) < 0 || close(errors) != 0 ||
        fcntl(talk, F_SETFD, FD_CLOEXEC) != 0) {
        return fail(error, strerror(errno));
    }
    handed->from_master = true;
    return converse(successor, handed, version, error);
}

// --- Its use ---

bool successor_use_keys(struct successor *successor, const struct shares *shares,
                        uint32_t *keys_age_s) {
    struct successor_secrets *secrets = successor->secrets;
    bool used = false;
    if (secrets == NULL) {
        return false;
    }
    if (secrets->has_names) {
        server_names_copy_in(shares->names, secrets->names_key);
    }
    if (secrets->has_tickets) {
        *keys_age_s = secrets->tickets.age_s;
        used = ticket_store_copy_in(shares->tickets, secrets->tickets.keys);
    }
    secret_unmap(secrets, sizeof(*secrets));
    successor->secrets = NULL;
    return used;
}

void successor_use_servers(struct successor *successor, const struct source *source,
                           const struct shares *shares, struct log *log) {
    static const char *const words[] = {"ready", "drain", "down"};
    if (successor->former == 0) {
        return;
    }
    log_info(log, "takes over from the former master (pid %ld)", (long)successor->former);
    if (successor->notes[0] != '\0') {
        log_lines(log, SEVERITY_WARNING, NULL, successor->notes);
    }
    names_take_records(source, shares, successor->addresses, successor->address_count);
    free(successor->addresses);
    successor->addresses = NULL;
    for (size_t i = 0; i < successor->order_count; i++) {
        const struct servers_order *order = &successor->orders[i];
        if (maintenance_take(source, order)) {
            log_info(log, "%s: in maintenance, as ordered before", order->name);
        } else if (servers_take_order(source, order)) {
            log_info(log, "server %s: %s, as ordered before", order->name, words[order->order]);
        } else {
            log_info(log, "server %s: ordered no more, because the configuration changed it",
                     order->name);
        }
    }
    free(successor->orders);
    successor->orders = NULL;
    successor->order_count = 0;
    for (size_t i = 0; i < successor->check_count; i++) {
        servers_take_check(source, shares->servers, &successor->checks[i]);
    }
    free(successor->checks);
    successor->checks = NULL;
    successor->check_count = 0;
}

void successor_fail(const struct successor *successor, const char *why) {
    if (successor->fd > 0 && !successor->goes) {
        struct handover_message message;
        handover_write(&message, HANDOVER_FAILED, 0, why, strlen(why));
        (void)handover_send(successor->fd, &message);
    }
}

// --- With a loop ---

static void stop_listening(struct successor *successor, struct ev_loop *loop) {
    ev_io_stop(loop, &successor->talk);
}

static void note_end(struct successor *successor, struct ev_loop *loop) {
    const struct successor_handler *handler = &successor->handler;
    stop_listening(successor, loop);
    successor->former = 0;
    if (!successor->goes) {
        handler->orphaned(handler->context);
    } else if (successor->serves) {
        handler->released(handler->context);
    } // otherwise it is released when it serves
}

static void on_talk(struct ev_loop *loop, ev_io *watcher, int events) {
    struct successor *successor = watcher->data;
    const struct successor_handler *handler = &successor->handler;
    struct handover_message message; // no more secrets follow
    (void)events;
    switch (handover_receive(watcher->fd, &message)) {
    case RESULT_OK:
        handover_close_fds(&message);
        if (message.type == HANDOVER_GO && !successor->goes) {
            successor->goes = true;
            handler->go(handler->context);
        } else if (message.type == HANDOVER_RELEASED && successor->serves) {
            stop_listening(successor, loop);
            successor->due = message.size > 0 ? message.data[0] : 0;
            handler->released(handler->context);
        }
        break;
    case RESULT_AGAIN:
        break;
    default:
        note_end(successor, loop);
        break;
    }
}

void successor_listen(struct successor *successor, struct ev_loop *loop,
                      const struct successor_handler *handler) {
    successor->handler = *handler;
    ev_io_init(&successor->talk, on_talk, successor->fd, EV_READ);
    successor->talk.data = successor;
    ev_io_start(loop, &successor->talk);
}

void successor_say_ready(const struct successor *successor) {
    (void)handover_say(successor->fd, HANDOVER_READY);
}

void successor_say_serving(struct successor *successor) {
    successor->serves = true;
    if (successor->former == 0) {
        successor->handler.released(successor->handler.context);
    } else {
        (void)handover_say(successor->fd, HANDOVER_SERVING);
    }
}

void successor_say_done(struct successor *successor, struct formers *formers) {
    for (size_t i = 0; i < successor->former_count; i++) {
        (void)formers_add(formers, successor->formers[i].fd, successor->formers[i].pid);
    }
    successor->former_count = 0;
    if (successor->former == 0) {
        (void)close(successor->fd);
    } else {
        (void)handover_say(successor->fd, HANDOVER_DONE);
        (void)formers_add(formers, successor->fd, successor->former);
    }
    successor->fd = 0;
}

void successor_free(struct successor *successor) {
    if (successor->secrets != NULL) {
        secret_unmap(successor->secrets, sizeof(*successor->secrets));
        successor->secrets = NULL;
    }
    free(successor->addresses);
    free(successor->checks);
    free(successor->orders);
    successor->addresses = NULL;
    successor->checks = NULL;
    successor->orders = NULL;
    for (size_t i = 0; i < successor->former_count; i++) {
        (void)close(successor->formers[i].fd);
    }
    successor->former_count = 0;
    if (successor->fd > 0) {
        (void)close(successor->fd);
        successor->fd = 0;
    }
}
