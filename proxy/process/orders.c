#include "process/orders.h"

#include "base/clock.h"
#include "process/children.h"
#include "process/reload.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static void add_json_string(struct text *text, const char *string) {
    add(text, "\"");
    for (const char *at = string; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') {
            add(text, "\\%c", *at);
        } else if ((unsigned char)*at < 0x20) {
            add(text, "\\u%04x", (unsigned)*at);
        } else {
            add(text, "%c", *at);
        }
    }
    add(text, "\"");
}

static const char *child_state_name(enum child_state state) {
    static const char *const names[] = {
        [CHILD_DEAD] = "dead", [CHILD_STARTING] = "starting", [CHILD_RUNNING] = "running"};
    return names[state];
}

static void add_children(struct text *text, struct master *master, enum child_kind kind) {
    add(text, ",\"%ss\":[", child_kind_name(kind));
    for (struct child *child = child_first(master, kind); child != NULL;
         child = child_next(child)) {
        add(text, "%s{\"slot\":%u,\"pid\":%ld,\"state\":\"%s\",\"restarts\":%u}",
            child->slot == 0 ? "" : ",", child->slot, (long)child->pid,
            child_state_name(child->state), child->restarts);
    }
    add(text, "]");
}

static const char *reload_name(enum reload_phase phase) {
    switch (phase) {
    case RELOAD_IDLE:
        return "none";
    case RELOAD_READ:
        return "reading";
    case RELOAD_VALIDATE:
        return "validating";
    case RELOAD_SIGNERS:
        return "loading signers";
    case RELOAD_WORKERS:
        return "loading workers";
    case RELOAD_COMMIT:
    default:
        return "committing";
    }
}

static const char *watch_state(const struct auto_reload *automatic) {
    return !automatic->on                  ? "off"
           : automatic->files == NULL      ? "not watching"
           : automatic->problem[0] != '\0' ? "watching in part"
                                           : "watching";
}

static void add_watch(struct text *text, const struct auto_reload *automatic) {
    add(text, ",\"certificate_watch\":{\"state\":\"%s\",\"problem\":", watch_state(automatic));
    if (automatic->problem[0] == '\0') {
        add(text, "null");
    } else {
        add_json_string(text, automatic->problem);
    }
    add(text, ",\"last_reload\":");
    if (automatic->ended_us == 0) {
        add(text, "null}");
        return;
    }
    char ended[CLOCK_ISO_SIZE];
    clock_format_iso(automatic->ended_us, ended);
    add(text, "{\"time\":\"%s\",\"ok\":%s,\"message\":", ended,
        automatic->succeeded ? "true" : "false");
    add_json_string(text, automatic->ending);
    add(text, "}}");
}

// --- Certificates ---

// As many as say what is next; the answer has its limit.
enum { CERTIFICATES_MAX = 20, CERTIFICATE_TEXT_MAX = 640 };

static int compare_ends(const void *left, const void *right) {
    const struct term *const *a = left;
    const struct term *const *b = right;
    return ((*a)->until > (*b)->until) - ((*a)->until < (*b)->until);
}

// The terms of certificates, the first to end first. NULL when memory is short.
static const struct term **sort_terms(const struct source *source, size_t *count) {
    const struct term *term;
    size_t total = 0;
    while (findings_term(source->findings, source->config, total) != NULL) {
        total++;
    }
    const struct term **terms = calloc(total + 1, sizeof(const struct term *));
    *count = 0;
    for (size_t i = 0; terms != NULL && i < total; i++) {
        term = findings_term(source->findings, source->config, i);
        if (term != NULL && term->kind == TERM_CERTIFICATE) {
            terms[(*count)++] = term;
        }
    }
    if (terms != NULL) {
        qsort(terms, *count, sizeof(const struct term *), compare_ends);
    }
    return terms;
}

static void add_certificate(struct text *text, const struct config *config,
                            const struct term *term) {
    const struct config_site *site = &config->sites[term->site];
    const char *path = site->certificates[term->certificate].certificate_path;
    if (strlen(site->name) + strlen(path) > CERTIFICATE_TEXT_MAX) {
        path = ""; // the line in the configuration is to be found by the site
    }
    add(text, "{\"site\":");
    add_json_string(text, site->name);
    add(text, ",\"file\":");
    add_json_string(text, path);
    add(text, ",\"expires\":%" PRId64 "}", term->until);
}

// Of how many certificates, OCSP responses, authorities and lists the log has something to say today.
static size_t count_warnings(const struct source *source) {
    char ignored[TERM_TEXT_SIZE];
    int64_t now = clock_wall_us() / 1000000;
    const struct term *term;
    size_t warnings = 0;
    for (size_t i = 0; (term = findings_term(source->findings, source->config, i)) != NULL; i++) {
        warnings += term_warning(term, source->config, now, ignored) ? 1 : 0;
    }
    return warnings;
}

static void add_certificates(struct text *text, const struct source *source) {
    size_t count = 0;
    const struct term **terms = sort_terms(source, &count);
    if (terms == NULL) {
        text->failed = true;
        return;
    }
    add(text,
        ",\"certificates\":{\"count\":%zu,\"warnings\":%zu,\"first_expires\":%" PRId64
        ",\"next\":[",
        count, count_warnings(source), count == 0 ? 0 : terms[0]->until);
    for (size_t i = 0; i < count && i < CERTIFICATES_MAX; i++) {
        add(text, "%s", i == 0 ? "" : ",");
        add_certificate(text, source->config, terms[i]);
    }
    add(text, "]}");
    free(terms);
}

static void add_status(struct text *text, struct master *master) {
    static const char *const states[] = {[MASTER_STARTING] = "starting",
                                         [MASTER_RUNNING] = "running",
                                         [MASTER_DRAINING] = "draining",
                                         [MASTER_STOPPING] = "stopping"};
    char started[CLOCK_ISO_SIZE];
    clock_format_iso(master->started_us, started);
    add(text, "{\"version\":");
    add_json_string(text, master->version);
    add(text,
        ",\"pid\":%ld,\"state\":\"%s\",\"generation\":%" PRIu64 ",\"config\":", (long)getpid(),
        states[master->state], master->current->number);
    add_json_string(text, master->real_path);
    add(text, ",\"started\":\"%s\",\"reload\":\"%s\"", started, reload_name(master->reload.phase));
    add_watch(text, &master->auto_reload);
    add_children(text, master, CHILD_WORKER);
    add_children(text, master, CHILD_SIGNER);
    add_certificates(text, master->current);
    add(text, ",\"lost_log_lines\":%" PRIu64 ",\"metrics\":", master->log.sink.lost);
    size_t size = metrics_to_json(master->metrics, master->slot_count, text->data + text->size,
                                  text->capacity - text->size);
    text->failed = text->failed || size == 0;
    text->size += size;
    add(text, "}");
}

static void answer_status(struct master *master, uint64_t client) {
    struct text text = {.data = malloc(CONTROL_ANSWER_MAX), .capacity = CONTROL_ANSWER_MAX};
    if (text.data != NULL) {
        add_status(&text, master);
    }
    if (text.data == NULL || text.failed) {
        control_answer(master->control, client, 1, "no room for the status");
    } else {
        control_answer(master->control, client, 0, text.data);
    }
    free(text.data);
}

static void add_processes(struct text *text, struct master *master) {
    for (int kind = 0; kind < CHILD_KIND_COUNT; kind++) {
        for (struct child *child = child_first(master, (enum child_kind)kind); child != NULL;
             child = child_next(child)) {
            add(text, "process %s %u %ld %s\n", child_kind_name(child->kind), child->slot,
                (long)child->pid, child_state_name(child->state));
        }
    }
}

// One line for each value, as prove.c reads them; the executable and the bundle go along.
static void answer_prove(struct master *master, uint64_t client) {
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
        add_processes(&text, master);
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
    const struct child *child = children_find(master, pid);
    if (child == NULL) {
        return false;
    }
    log_error(&master->log, "%s %u (pid %ld) connects to the control socket: refused",
              child_kind_name(child->kind), child->slot, (long)pid);
    return true;
}

void orders_command(void *context, uint64_t client, enum control_command command) {
    struct master *master = context;
    switch (command) {
    case CONTROL_RELOAD:
        reload_begin(master, client);
        break;
    case CONTROL_DRAIN:
        control_answer(master->control, client, 0, "draining");
        master_drain(master);
        break;
    case CONTROL_STOP:
        control_answer(master->control, client, 0, "stopping");
        master_stop(master, 0);
        break;
    case CONTROL_STATUS:
        answer_status(master, client);
        break;
    case CONTROL_PROVE:
        answer_prove(master, client);
        break;
    case CONTROL_COMMAND_COUNT:
        break;
    }
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
    for (struct child *worker = child_first(master, CHILD_WORKER); worker != NULL;
         worker = child_next(worker)) {
        child_send(worker, &message);
    }
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
