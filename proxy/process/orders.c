#include "process/orders.h"

#include "process/status.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void orders_answer_status(struct master *master, uint64_t client) {
    char *text = malloc(CONTROL_ANSWER_MAX);
    if (text != NULL && status_draw(master, text, CONTROL_ANSWER_MAX)) {
        control_answer(master->control, client, 0, text);
    } else {
        control_answer(master->control, client, 1, "no room for the status");
    }
    free(text);
}

// Text that grows up to a bound; what does not fit marks it as failed.
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
        add(text, "process %s %u %ld %s\n", child->kind->name, child->slot, (long)child->pid,
            child_state_name(child->state));
    }
}

// One line for each value, as prove.c reads them; the executable and the bundle go along.
void orders_answer_prove(struct master *master, uint64_t client) {
    struct text text = {.data = malloc(CONTROL_ANSWER_MAX), .capacity = CONTROL_ANSWER_MAX};
    const struct config_tls *tls = &master->current->config->tls;
    // The file that was started, even when there is another in its place by now.
    int executable = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    const int fds[] = {executable, master->current->files_fd};
    if (text.data != NULL) {
        add(&text, "pid %ld\nversion %s\ngeneration %" PRIu64 "\n", (long)getpid(), master->version,
            master->current->number);
        add(&text, "require-post-quantum %s\nticket-lifetime %" PRIu32 "\n",
            tls->require_post_quantum ? "yes" : "no", tls->ticket_lifetime_s);
        add_processes(&text, &master->children);
    }
    if (text.data == NULL || text.failed || executable < 0) {
        control_answer(master->control, client, 1, "no room or no descriptor for it");
    } else {
        control_answer_with(master->control, client, 0, text.data, fds,
                            sizeof(fds) / sizeof(fds[0]));
    }
    free(text.data);
    if (executable >= 0) {
        (void)close(executable);
    }
}

bool orders_refuses(void *context, pid_t pid) {
    struct master *master = context;
    const struct child *child = children_find(&master->children, pid);
    char name[CHILD_NAME_SIZE];
    if (child == NULL) {
        return false;
    }
    child_name(child, name);
    log_error(&master->log, "%s (pid %ld) connects to the control socket: refused", name,
              (long)pid);
    return true;
}

void orders_fail(void *context, int error) {
    struct master *master = context;
    log_error(&master->log, "control socket: cannot accept a connection: %s; trying every %d s",
              strerror(error), CONTROL_PAUSE_S);
}

// Makes these files the logs of the master and of the workers.
static void use_log_files(struct master *master, const struct log_files *files) {
    struct log_files former = master->current->logs;
    master->current->logs = *files;
    master_use_log(master);
    log_files_close(&former);
    struct ipc_message message;
    ipc_init(&message, IPC_REOPEN, master->current->number);
    message.fds[IPC_FD_ERROR_LOG] = files->error.fd;
    message.fds[IPC_FD_ACCESS_LOG] = files->access.fd;
    children_send(&master->children, &message);
    log_info(&master->log, "log files reopened");
}

void orders_reopen_logs(struct master *master) {
    struct log_files files;
    char error[CONFIG_ERROR_SIZE];
    if (master->reload.phase != RELOAD_IDLE) {
        master->reload.reopen_after = true;
        return;
    }
    if (log_files_open(&files, master->current->config, &master->log_writers, error) != RESULT_OK) {
        log_error(&master->log, "%s", error);
        return;
    }
    use_log_files(master, &files);
}

void orders_retry_logs(struct master *master) {
    struct log_files files;
    char error[CONFIG_ERROR_SIZE];
    unsigned absent = log_files_absent(&master->current->logs);
    if (absent == 0 || master->reload.phase != RELOAD_IDLE ||
        log_files_open(&files, master->current->config, &master->log_writers, error) != RESULT_OK) {
        return;
    }
    if (log_files_absent(&files) < absent) {
        use_log_files(master, &files);
    } else {
        log_files_close(&files);
    }
}
