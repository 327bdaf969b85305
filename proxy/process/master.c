#include "process/master.h"

#include "base/clock.h"
#include "base/reserve.h"
#include "process/capacity.h"
#include "process/kinds.h"
#include "process/master_state.h"
#include "process/notify.h"
#include "process/orders.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

// How long after a stop a child may still live.
static const ev_tstamp STOP_TIMEOUT = 5.;

static void master_notify(struct master *master, const char *state) {
    master->untold = notify_manager(state) ? NULL : state;
}

// --- Ways to end ---

static void end_when_childless(struct master *master) {
    if (children_alive(&master->children) == 0) {
        ev_break(master->loop, EVBREAK_ALL);
    }
}

static void end_reload_and_replacing(struct master *master) {
    children_end(&master->children);
    reload_abort(&master->reload, "Ravelin is ending");
}

static void tell_to_end(struct master *master, enum ipc_type type) {
    struct ipc_message message;
    ipc_init(&message, type, 0);
    children_send(&master->children, &message);
}

void master_drain(struct master *master) {
    if (master->state == MASTER_STARTING) {
        master_stop(master, 0); // there is nothing to finish
        return;
    }
    if (master->state != MASTER_RUNNING) {
        return;
    }
    log_info(&master->log, "draining");
    master->state = MASTER_DRAINING;
    master_notify(master, "STOPPING=1");
    auto_reload_stop(master);
    end_reload_and_replacing(master);
    tell_to_end(master, IPC_DRAIN);
    // Else connections would pile up in queues that nobody empties.
    listeners_close(&master->current->listeners);
    end_when_childless(master);
}

static void on_kill(struct ev_loop *loop, ev_timer *timer, int events) {
    struct master *master = timer->data;
    (void)loop;
    (void)events;
    children_kill_all(&master->children);
}

void master_stop(struct master *master, int exit_status) {
    if (master->state == MASTER_STOPPING) {
        return;
    }
    log_info(&master->log, "stopping");
    master->state = MASTER_STOPPING;
    master->exit_status = exit_status;
    master_notify(master, "STOPPING=1");
    auto_reload_stop(master);
    end_reload_and_replacing(master);
    beat_stop(&master->beat);
    tell_to_end(master, IPC_STOP);
    children_dismiss_helpers(&master->children);
    listeners_close(&master->current->listeners);
    ev_timer_init(&master->kill, on_kill, STOP_TIMEOUT, STOP_TIMEOUT);
    master->kill.data = master;
    ev_timer_start(master->loop, &master->kill);
    end_when_childless(master);
}

// The start failed.
static void cannot_start(void *context, const char *why) {
    struct master *master = context;
    if (master->state == MASTER_STOPPING) {
        return;
    }
    (void)fprintf(stderr, "ravelin: cannot start: %s\n", why);
    master_stop(master, 1);
}

static void warn_capacity(struct master *master) {
    const struct config *config = master->current->config;
    const struct capacity capacity = capacity_find(CAPACITY_MAPPINGS_PATH);
    for (int kind = 0; kind < CAPACITY_KINDS; kind++) {
        char text[CAPACITY_TEXT_SIZE];
        char line[16] = "";
        if (config->limits.connections_line > 0) {
            (void)snprintf(line, sizeof(line), ":%d", config->limits.connections_line);
        }
        if (capacity_warning((enum capacity_kind)kind, &capacity, config, master->slot_count,
                             text)) {
            log_warning(&master->log, "%s%s: %s", config->path, line, text);
        }
    }
}

// --- What children report ---

static void on_started(void *context) {
    struct master *master = context;
    if (master->state != MASTER_STARTING || !children_all_run(&master->children)) {
        return;
    }
    master->state = MASTER_RUNNING;
    children_run(&master->children);
    log_info(&master->log, "ravelin: ready, %u worker%s", master->slot_count,
             master->slot_count == 1 ? "" : "s");
    master_notify(master, "READY=1");
    auto_reload_update(master);
}

static void on_ready(void *context, struct child *child, uint64_t generation) {
    struct master *master = context;
    reload_child_ready(&master->reload, child, generation);
}

static void on_committed(void *context, struct child *child, uint64_t generation) {
    struct master *master = context;
    reload_child_committed(&master->reload, child, generation);
}

static void on_failed(void *context, struct child *child, uint64_t generation, const char *why) {
    struct master *master = context;
    reload_child_failed(&master->reload, child, generation, why);
}

static void on_died(void *context, struct child *child, const char *how) {
    struct master *master = context;
    (void)child;
    reload_child_died(&master->reload, how);
}

static bool may_replace(void *context) {
    const struct master *master = context;
    return master->reload.phase == RELOAD_IDLE;
}

// --- What a reload reports ---

static void begin_reload(struct master *master, uint64_t client) {
    const char *refusal = master->state == MASTER_STARTING  ? "Ravelin is still starting"
                          : master->state != MASTER_RUNNING ? "Ravelin is ending"
                                                            : reload_begin(&master->reload, client);
    if (refusal != NULL) {
        control_answer(master->control, client, 1, refusal);
    }
}

static void on_files_read(void *context) {
    auto_reload_note_read(context);
}

static void on_new_generation(void *context, struct source *staged) {
    struct master *master = context;
    struct source *former = master->current;
    master->current = master->children.current = staged;
    master_use_log(master);
    notices_use(&master->notices, staged);
    if (former->config->limits.connections != staged->config->limits.connections) {
        warn_capacity(master); // else it was said before
    }
    source_free(former);
    master_schedule_rotation(master);
}

static void log_failed_reload(struct master *master, const struct reload_end *end) {
    unsigned long long number = master->current->number;
    if (!end->automatic) {
        log_lines(&master->log, SEVERITY_ERROR, end->text);
        log_error(&master->log, "reload refused: generation %llu goes on", number);
    } else if (auto_reload_is_news(master, end->text)) {
        log_lines(&master->log, SEVERITY_WARNING, end->text);
        log_warning(&master->log, "changed files refused: generation %llu goes on", number);
    } else {
        log_debug(&master->log, "changed files refused as before");
    }
}

static void tell_auto_reload(struct master *master, const struct reload_end *end) {
    if (end->result == RELOAD_SAME) {
        return; // told before
    }
    if (end->automatic) {
        auto_reload_note_end(master, end->exit_code, end->text);
    } else if (end->result == RELOAD_DONE) {
        auto_reload_update(master);
    }
}

// What came in the meantime is done now.
static void on_reload_ended(void *context, const struct reload_end *end) {
    struct master *master = context;
    switch (end->result) {
    case RELOAD_DONE:
        log_info(&master->log, "%s", end->text);
        break;
    case RELOAD_FAILED:
        log_failed_reload(master, end);
        break;
    case RELOAD_SAME:
        auto_reload_note_same(master);
        break;
    }
    control_answer(master->control, end->client, end->exit_code, end->text);
    if (master->state == MASTER_RUNNING) {
        children_start(&master->children);
        if (end->reopen) {
            orders_reopen_logs(master);
        }
        tell_auto_reload(master, end);
    }
    if (end->again) {
        begin_reload(master, end->client_after);
    }
}

// --- Events ---

// With every beat: what could not be done before.
static void on_beat(void *context) {
    struct master *master = context;
    if (master->state == MASTER_RUNNING && master->reload.phase == RELOAD_IDLE) {
        kinds_check_listeners(&master->children);
    }
    log_flush(&master->log);
    log_writers_revive(&master->log_writers);
    log_writers_report(&master->log_writers, &master->log);
    if (master->untold != NULL && notify_manager(master->untold)) {
        master->untold = NULL;
    }
    orders_retry_logs(master);
    children_connect(&master->children);
}

static void reap(struct master *master) {
    int status;
    pid_t pid;
    // Strangers that the master inherited are reaped too.
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        reload_note_death(&master->reload, pid, status);
        if (log_writers_note_death(&master->log_writers, pid)) {
            log_warning(&master->log, "a log writer (pid %ld) died", (long)pid);
        }
        children_note_death(&master->children, pid, status);
    }
    bool is_ending = master->state == MASTER_DRAINING || master->state == MASTER_STOPPING;
    if (is_ending && !children_serve(&master->children)) {
        children_dismiss_helpers(&master->children);
        end_when_childless(master);
    }
}

static void on_command(void *context, uint64_t client, const struct order *order) {
    struct master *master = context;
    switch (order->command) {
    case COMMAND_RELOAD:
        begin_reload(master, client);
        break;
    case COMMAND_DRAIN:
        control_answer(master->control, client, 0, "draining");
        master_drain(master);
        break;
    case COMMAND_STOP:
        control_answer(master->control, client, 0, "stopping");
        master_stop(master, 0);
        break;
    case COMMAND_STATUS:
        orders_answer_status(master, client);
        break;
    case COMMAND_PROVE:
        orders_answer_prove(master, client);
        break;
    default:
        break;
    }
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events) {
    struct master *master = watcher->data;
    (void)loop;
    (void)events;
    switch (watcher->signum) {
    case SIGHUP:
        begin_reload(master, 0);
        break;
    case SIGUSR1:
        orders_reopen_logs(master);
        break;
    case SIGTERM:
        if (master->state == MASTER_DRAINING) {
            master_stop(master, 0);
        } else {
            master_drain(master);
        }
        break;
    case SIGINT:
        master_stop(master, 0);
        break;
    case SIGCHLD:
        reap(master);
        break;
    default:
        break;
    }
}

static void report_no_randomness(struct master *master) {
    log_error(&master->log, "no randomness for a new ticket key: the former stays in use");
}

static void on_rotation(struct ev_loop *loop, ev_timer *timer, int events) {
    struct master *master = timer->data;
    (void)loop;
    (void)events;
    if (!ticket_store_rotate(master->tickets)) {
        report_no_randomness(master);
    }
}

void master_schedule_rotation(struct master *master) {
    ev_timer *timer = &master->rotate_tickets;
    ev_tstamp interval = (ev_tstamp)master->current->config->tls.ticket_lifetime_s;
    bool was_on = ev_is_active(timer);
    if (was_on && interval == timer->repeat) {
        return;
    }
    // Reloads do not put a rotation off: the time since the last one counts.
    ev_tstamp since = was_on ? timer->repeat - ev_timer_remaining(master->loop, timer) : 0.;
    ev_timer_stop(master->loop, timer);
    if (interval > 0.) {
        ev_timer_init(timer, on_rotation, since < interval ? interval - since : 0., interval);
        timer->data = master;
        ev_timer_start(master->loop, timer);
    }
    // Turned off, keys are of no more use; turned on, what was sealed before shall not resume.
    if (was_on != (interval > 0.) && !ticket_store_renew(master->tickets)) {
        report_no_randomness(master);
    }
}

static bool start_loop(struct master *master) {
    static const int numbers[] = {SIGHUP, SIGUSR1, SIGTERM, SIGINT, SIGCHLD};
    // Not libev's default loop: that one would reap the children itself.
    master->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
    if (master->loop == NULL) {
        return false;
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        ev_signal_init(&master->signals[i], on_signal, numbers[i]);
        master->signals[i].data = master;
        ev_signal_start(master->loop, &master->signals[i]);
    }
    return true;
}

void master_use_log(struct master *master) {
    const struct config *config = master->current->config;
    const struct log_files *files = &master->current->logs;
    log_use(&master->log, files->error.fd, config->log.target == LOG_TARGET_SYSLOG,
            log_files_severity(config->log_level));
    log_files_warn(files, config, &master->log);
}

// --- Start ---

// A descriptor of ours must never take the place of a standard stream that is closed.
static bool open_standard_streams(void) {
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    return fd >= 0 && close(fd) == 0;
}

static unsigned count_cores(void) {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    long count = sched_getaffinity(0, sizeof(mask), &mask) == 0 ? CPU_COUNT(&mask)
                                                                : sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > CONFIG_WORKERS_MAX ? CONFIG_WORKERS_MAX : (unsigned)count;
}

static int complain(const char *text, int exit_status) {
    (void)fprintf(stderr, "%s\n", text);
    return exit_status;
}

// What of the configuration can be wrong. Returns the exit status, 0 for none.
static int prepare_config(struct master *master) {
    char error[CONFIG_ERROR_SIZE];
    const struct reading_input reading = {.path = master->config_path, .title = master->title};
    master->current = reading_wait(&reading, ++master->reload.last_number, error);
    if (master->current == NULL ||
        privilege_find(master->current->config, &master->privilege, error) != RESULT_OK) {
        return complain(error, 2);
    }
    uint32_t workers = master->current->config->workers;
    master->slot_count = workers == 0 ? count_cores() : workers;
    master->metrics = metrics_map(master->slot_count);
    master->tickets = ticket_store_new();
    master->clients = client_table_map(master->slot_count);
    if (master->metrics == NULL || master->tickets == NULL || master->clients == NULL) {
        return complain("ravelin: out of memory", 1);
    }
    const struct validate_input input = {master->current, &master->privilege, master->title};
    if (validate_wait(&input, error) != RESULT_OK) {
        return complain(error, 2);
    }
    return source_settle(master->current, error) == RESULT_OK ? 0 : complain(error, 1);
}

static enum result make_children(struct master *master) {
    struct children *children = &master->children;
    *children = (struct children){
        .loop = master->loop,
        .log = &master->log,
        .title = master->title,
        .privilege = &master->privilege,
        .kinds = kinds,
        .kind_count = KIND_COUNT,
        .slot_count = master->slot_count,
        .metrics = master->metrics,
        .tickets = master->tickets,
        .clients = master->clients,
        .handler = {.started = on_started,
                    .cannot_start = cannot_start,
                    .ready = on_ready,
                    .committed = on_committed,
                    .failed = on_failed,
                    .died = on_died,
                    .may_replace = may_replace,
                    .context = master},
        .current = master->current,
    };
    master->reload.children = children;
    master->reload.config_path = master->config_path;
    master->reload.log_writers = &master->log_writers;
    master->reload.handler = (struct reload_handler){.read = on_files_read,
                                                     .committed = on_new_generation,
                                                     .ended = on_reload_ended,
                                                     .context = master};
    reload_init(&master->reload);
    master->beat = (struct beat){.children = children, .later = on_beat, .context = master};
    return children_init(children);
}

// What else can fail before the first fork.
static int prepare_system(struct master *master) {
    char error[CONFIG_ERROR_SIZE];
    privilege_raise_descriptor_limit();
    if (realpath(master->config_path, master->real_path) == NULL) {
        (void)snprintf(master->real_path, sizeof(master->real_path), "%s", master->config_path);
    }
    master->control = control_open(master->config_path, error);
    if (master->control == NULL || source_open(master->current, master->slot_count, NULL,
                                               &master->log_writers, error) != RESULT_OK) {
        return complain(error, 1);
    }
    log_init(&master->log, -1, false, SEVERITY_INFO, "master");
    master_use_log(master);
    if (!start_loop(master)) {
        return complain("ravelin: cannot make an event loop", 1);
    }
    return make_children(master) == RESULT_OK ? 0 : complain("ravelin: out of memory", 1);
}

static void log_start(struct master *master) {
    const struct config *config = master->current->config;
    log_info(&master->log, "ravelin %s starts with %s", master->version, master->config_path);
    for (size_t i = 0; i < config->listener_count; i++) {
        char address[ADDRESS_TEXT_SIZE];
        address_format(&config->listeners[i].address, address);
        log_info(&master->log, "listening on %s (%s)", address,
                 config->listeners[i].protocol == LISTEN_HTTPS ? "https" : "redirect to https");
    }
}

static void serve(struct master *master) {
    const struct control_handler handler = {
        .command = on_command, .failed = orders_fail, .refuses = orders_refuses, .context = master};
    log_start(master);
    notices_start(&master->notices, master->loop, &master->log, NOTICES_PERIOD_S);
    notices_use(&master->notices, master->current);
    warn_capacity(master);
    master_schedule_rotation(master);
    control_start(master->control, master->loop, &handler);
    beat_start(&master->beat);
    children_start(&master->children);
    if (children_alive(&master->children) > 0) {
        ev_run(master->loop, 0);
    }
    log_info(&master->log, "ended");
}

static void release(struct master *master) {
    sink_close(&master->log.sink);
    if (master->loop != NULL) {
        auto_reload_stop(master);
        beat_stop(&master->beat);
        children_free(&master->children);
    }
    control_close(master->control);
    notices_stop(&master->notices);
    if (master->loop != NULL) {
        ev_loop_destroy(master->loop);
    }
    source_free(master->current);
    log_writers_end(&master->log_writers);
    ticket_store_free(master->tickets);
    metrics_unmap(master->metrics, master->slot_count);
    client_table_unmap(master->clients);
}

int master_run(const char *config_path, const char *version, const struct title *title) {
    struct master master = {
        .config_path = config_path,
        .version = version,
        .title = title,
        .started_us = clock_wall_us(),
        .log_writers = {.title = title},
    };
    master.log_writers.privilege = &master.privilege;
    if (!open_standard_streams()) {
        return 1;
    }
    (void)prctl(PR_SET_NAME, "rav-master", 0, 0, 0);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); // a log file at the limit of its size refuses lines, no more
    (void)signal(SIGTTOU, SIG_IGN); // or a write to the terminal could stop every process
    (void)umask(027);               // log files are for the owner and its group
    privilege_seal_memory();
    // For the loops of all processes. Without address space for it they have the heap alone.
    (void)reserve_open();
    ev_set_allocator(reserve_realloc);
    master.exit_status = prepare_config(&master);
    if (master.exit_status == 0) {
        master.exit_status = prepare_system(&master);
    }
    if (master.exit_status == 0) {
        serve(&master);
    }
    release(&master);
    return master.exit_status;
}
