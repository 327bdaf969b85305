#include "process/orders.h"

#include "process/maintenance.h"
#include "process/servers.h"
#include "process/source.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// --- Orders that change the proxy ---

// `refusal` NULL: the reply follows when the work has ended.
static void answer_refusal(struct orders *orders, uint64_t client, const char *refusal) {
    if (refusal != NULL) {
        control_answer(orders->control, client, 1, refusal);
    }
}

static void reload(struct orders *orders, uint64_t client, const struct order *order) {
    (void)order;
    answer_refusal(orders, client, orders->handler.reload(orders->handler.context, client));
}

static void reopen(struct orders *orders, uint64_t client, const struct order *order) {
    (void)order;
    answer_refusal(orders, client, orders->handler.reopen(orders->handler.context, client));
}

static void upgrade(struct orders *orders, uint64_t client, const struct order *order) {
    (void)order;
    answer_refusal(orders, client, orders->handler.upgrade(orders->handler.context, client));
}

static void drain(struct orders *orders, uint64_t client, const struct order *order) {
    (void)order;
    control_answer(orders->control, client, 0, "draining");
    orders->handler.drain(orders->handler.context);
}

static void stop(struct orders *orders, uint64_t client, const struct order *order) {
    (void)order;
    control_answer(orders->control, client, 0, "stopping");
    orders->handler.stop(orders->handler.context);
}

// --- Status ---

static void status(struct orders *orders, uint64_t client, const struct order *order) {
    (void)order;
    char *text = malloc(CONTROL_ANSWER_MAX);
    if (text != NULL &&
        orders->handler.draw_status(orders->handler.context, text, CONTROL_ANSWER_MAX)) {
        control_answer(orders->control, client, 0, text);
    } else {
        control_answer(orders->control, client, 1, "no room for the status");
    }
    free(text);
}

// --- Prove ---

// A text with a limit. If a part does not fit, the text is marked as failed.
struct text {
    char *data;
    size_t size;
    size_t capacity;
    bool failed;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    size_t room = text->capacity - text->size;
    int size = vsnprintf(text->data + text->size, room, format, arguments);
    va_end(arguments);
    if (size < 0 || (size_t)size >= room) {
        text->failed = true;
        return;
    }
    text->size += (size_t)size;
}

static void add_processes(struct text *text, const struct children *children) {
    for (const struct child *child = child_first(children, NULL); child != NULL;
         child = child_next(child, NULL)) {
        if (child->pid > 0 || child_is_wanted(child, children->current)) {
            add(text, "process %s %u %ld %s\n", child->kind->name, child->slot, (long)child->pid,
                child_state_name(child->state));
        }
    }
}

// Writes one line for each value, in the form that prove.c parses.
static void add_facts(struct text *text, const struct orders *orders) {
    const struct source *current = orders->children->current;
    const struct config_tls *tls = &current->config->tls;
    add(text, "pid %ld\nversion %s\ngeneration %" PRIu64 "\n", (long)getpid(), orders->version,
        current->number);
    add(text, "require-post-quantum %s\nticket-lifetime %" PRIu32 "\n",
        tls->require_post_quantum ? "yes" : "no", tls->ticket_lifetime_s);
    add_processes(text, orders->children);
}

// The reply has descriptors of the executable and of the bundle.
static void prove(struct orders *orders, uint64_t client, const struct order *order) {
    (void)order;
    struct text text = {.data = malloc(CONTROL_ANSWER_MAX), .capacity = CONTROL_ANSWER_MAX};
    // The executable that was started, also if its file was replaced since then.
    int executable = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    const int fds[] = {executable, orders->children->current->files_fd};
    if (text.data != NULL) {
        add_facts(&text, orders);
    }
    if (text.data == NULL || text.failed || executable < 0) {
        control_answer(orders->control, client, 1, "no room or no descriptor for it");
    } else {
        control_answer_with(orders->control, client, 0, text.data, fds,
                            sizeof(fds) / sizeof(fds[0]));
    }
    free(text.data);
    if (executable >= 0) {
        (void)close(executable);
    }
}

// --- Servers ---

static void list_servers(struct orders *orders, uint64_t client, const struct order *order) {
    char *text = malloc(CONTROL_ANSWER_MAX);
    (void)order;
    if (text == NULL) {
        control_answer(orders->control, client, 1, "out of memory");
        return;
    }
    servers_list(orders->children->current, orders->children->shares.servers, text,
                 CONTROL_ANSWER_MAX);
    control_answer(orders->control, client, 0, text);
    free(text);
}

// True: the client was told why nothing can be changed now.
static bool is_kept(struct orders *orders, uint64_t client) {
    const char *refusal = orders->handler.keeps(orders->handler.context);
    answer_refusal(orders, client, refusal);
    return refusal != NULL;
}

static void order_server(struct orders *orders, uint64_t client, const struct order *order) {
    char text[SERVERS_TEXT_SIZE];
    if (is_kept(orders, client)) {
        return;
    }
    int exit_code = servers_order(orders->children->current, order->arguments[0],
                                  order->arguments[1], orders->children->log, text);
    control_answer(orders->control, client, exit_code, text);
}

static void order_maintenance(struct orders *orders, uint64_t client, const struct order *order) {
    char text[SERVERS_TEXT_SIZE];
    if (is_kept(orders, client)) {
        return;
    }
    int exit_code = maintenance_order(orders->children->current, order->arguments[0],
                                      order->arguments[1], orders->children->log, text);
    control_answer(orders->control, client, exit_code, text);
}

// --- What the control socket hands on ---

// A row for each command that is an order.
static void (*const rows[COMMAND_COUNT])(struct orders *orders, uint64_t client,
                                         const struct order *order) = {
    [COMMAND_MAINTENANCE] = order_maintenance,
    [COMMAND_RELOAD] = reload,
    [COMMAND_REOPEN] = reopen,
    [COMMAND_DRAIN] = drain,
    [COMMAND_STOP] = stop,
    [COMMAND_STATUS] = status,
    [COMMAND_SERVERS] = list_servers,
    [COMMAND_PROVE] = prove,
    [COMMAND_SERVER] = order_server,
    [COMMAND_UPGRADE] = upgrade,
};

static void on_command(void *context, uint64_t client, const struct order *order) {
    struct orders *orders = context;
    if (rows[order->command] == NULL) {
        control_answer(orders->control, client, 2, "unknown command");
        return;
    }
    rows[order->command](orders, client, order);
}

static void on_failed(void *context, int error) {
    const struct orders *orders = context;
    log_error(orders->children->log,
              "control socket: cannot accept a connection: %s; trying every %d s", strerror(error),
              CONTROL_PAUSE_S);
}

// Whether the process is a child. If the master is not root, its children have its user, too.
static bool refuses(void *context, pid_t pid) {
    struct orders *orders = context;
    const struct child *child = children_find(orders->children, pid);
    char name[CHILD_NAME_SIZE];
    if (child == NULL) {
        return false;
    }
    child_name(child, name);
    log_error(orders->children->log, "%s (pid %ld) connects to the control socket: refused", name,
              (long)pid);
    return true;
}

struct control_handler orders_control(struct orders *orders) {
    return (struct control_handler){
        .command = on_command, .failed = on_failed, .refuses = refuses, .context = orders};
}
