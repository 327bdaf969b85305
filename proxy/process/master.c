#include "process/master.h"

#include "base/clock.h"
#include "base/reserve.h"
#include "process/beat.h"
#include "process/capacity.h"
#include "process/children.h"
#include "process/master_state.h"
#include "process/notify.h"
#include "process/orders.h"
#include "process/reload.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

// How long after a stop a child may still live.
static const ev_tstamp STOP_TIMEOUT = 5.;

static void master_notify(struct master *master, const char *state) {
    master->untold = notify_manager(state) ? NULL : state;
}

// --- Ways to end ---

static void end_when_childless(struct master *master) {
    if (children_alive(master, CHILD_WORKER) + children_alive(master, CHILD_SIGNER) == 0) {
        ev_break(master->loop, EVBREAK_ALL);
    }
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
    reload_abort(master, "Ravelin is ending");
    children_send_all(master, CHILD_WORKER, IPC_DRAIN, 0);
    // Else connections would pile up in queues that nobody empties.
    listeners_close(&master->current->listeners);
    end_when_childless(master);
}

static void on_kill(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)events;
    children_kill_all(timer->data);
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
    reload_abort(master, "Ravelin is ending");
    beat_stop(master);
    children_send_all(master, CHILD_WORKER, IPC_STOP, 0);
    children_dismiss_signers(master);
    listeners_close(&master->current->listeners);
    ev_timer_init(&master->kill, on_kill, STOP_TIMEOUT, STOP_TIMEOUT);
    master->kill.data = master;
    ev_timer_start(master->loop, &master->kill);
    end_when_childless(master);
}

void master_fail(struct master *master, const char *why) {
    if (master->state == MASTER_STOPPING) {
        return;
    }
    (void)fprintf(stderr, "ravelin: cannot start: %s\n", why);
    master_stop(master, 1);
}

void master_ready(struct master *master) {
    master->state = MASTER_RUNNING;
    log_info(&master->log, "ravelin: ready, %u worker%s", master->slot_count,
             master->slot_count == 1 ? "" : "s");
    master_notify(master, "READY=1");
    auto_reload_update(master);
}

// --- Events ---

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events) {
    struct master *master = watcher->data;
    (void)loop;
    (void)events;
    switch (watcher->signum) {
    case SIGHUP:
        reload_begin(master, 0);
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
        children_reap(master);
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
    master->current = reading_wait(&reading, ++master->last_number, error);
    if (master->current == NULL ||
        privilege_find(master->current->config, &master->privilege, error) != RESULT_OK) {
        return complain(error, 2);
    }
    uint32_t workers = master->current->config->workers;
    master->slot_count = workers == 0 ? count_cores() : workers;
    master->slots = calloc(master->slot_count, sizeof(*master->slots));
    master->metrics = metrics_map(master->slot_count);
    master->tickets = ticket_store_new();
    master->clients = client_table_map(master->slot_count);
    if (master->slots == NULL || master->metrics == NULL || master->tickets == NULL ||
        master->clients == NULL) {
        return complain("ravelin: out of memory", 1);
    }
    const struct validate_input input = {master->current, &master->privilege, master->title};
    if (validate_wait(&input, error) != RESULT_OK) {
        return complain(error, 2);
    }
    return source_settle(master->current, error) == RESULT_OK ? 0 : complain(error, 1);
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
    return start_loop(master) ? 0 : complain("ravelin: cannot make an event loop", 1);
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

void master_warn_capacity(struct master *master) {
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

static void serve(struct master *master) {
    const struct control_handler handler = {.command = orders_command,
                                            .failed = orders_fail,
                                            .refuses = orders_refuses,
                                            .context = master};
    log_start(master);
    children_init(master);
    notices_start(&master->notices, master->loop, &master->log, NOTICES_PERIOD_S);
    notices_use(&master->notices, master->current);
    master_warn_capacity(master);
    master_schedule_rotation(master);
    control_start(master->control, master->loop, &handler);
    beat_start(master);
    children_start(master);
    if (children_alive(master, CHILD_WORKER) + children_alive(master, CHILD_SIGNER) > 0) {
        ev_run(master->loop, 0);
    }
    log_info(&master->log, "ended");
}

static void release(struct master *master) {
    sink_close(&master->log.sink);
    if (master->loop != NULL) {
        auto_reload_stop(master);
        beat_stop(master);
        children_free(master);
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
    free(master->slots);
}

int master_run(const char *config_path, const char *version, const struct title *title) {
    struct master master = {
        .config_path = config_path,
        .version = version,
        .title = title,
        .started_us = clock_wall_us(),
        .reload = {.validation = {.fd = -1},
                   .reading = {.child = {.fd = -1}, .files_fd = -1, .keys_fd = -1}},
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
