#include "process/acme_process.h"

#include "acme/client.h"
#include "acme/receipt.h"
#include "acme/schedule.h"
#include "base/clock.h"
#include "base/printable.h"
#include "config/acme.h"
#include "config/bundle.h"
#include "process/ipc.h"
#include "process/landlock.h"
#include "process/log_files.h"
#include "process/spawn.h"
#include "tls/handshake/context.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

// How often the clock is looked at: it may be set.
enum { LOOK_MS = 30000 };
static const int64_t WEEK_S = 604800;

// A certificate that is to be had.
struct order {
    const char *name;  // in the config
    int64_t not_after; // of the certificate that is there; 0: none
    int64_t due_s;     // wall clock
    unsigned failures; // in a row
};

// What a LOAD brought, in use after COMMIT.
struct plan {
    struct config *config; // NULL: none
    struct order *orders;
    size_t count;
    uint64_t generation;
    int log_fd;
    enum sink_daemon daemon;
    enum log_level level;
};

struct acme {
    int control;
    bool is_over;
    int exit_status;
    struct log log;
    struct plan plan;
    struct plan staged;
    struct acme_client client;
    char running[256]; // the name that the client runs for
    char folder[ACME_PATH_MAX];
    char ca[ACME_PATH_MAX]; // "": the system's
};

static int64_t wall_s(void) {
    return clock_wall_us() / 1000000;
}

static uint32_t draw(void) {
    uint32_t random = 0;
    (void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
    return random;
}

// --- Files ---

// Returns the size, or -1 with errno. Links are not followed.
static ssize_t read_file(const char *path, char *bytes, size_t capacity) {
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return -1;
    }
    size_t size = 0;
    ssize_t got = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? 1 : -1;
    while (got > 0 && size < capacity) {
        got = read(fd, bytes + size, capacity - size);
        size += got > 0 ? (size_t)got : 0;
    }
    (void)close(fd);
    return got < 0 ? -1 : (ssize_t)size;
}

static bool write_file(const char *path, const char *bytes, size_t size) {
    char draft[ACME_PATH_MAX + 4];
    (void)snprintf(draft, sizeof(draft), "%s.new", path);
    (void)unlink(draft);
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0) {
        return false;
    }
    ssize_t written = write(fd, bytes, size);
    bool ok = written == (ssize_t)size && fsync(fd) == 0;
    int error = written >= 0 && written < (ssize_t)size ? ENOSPC : errno;
    ok = close(fd) == 0 && ok && rename(draft, path) == 0;
    if (!ok) {
        (void)unlink(draft);
        errno = error;
    }
    return ok;
}

// Judges the certificate at `path`, which is left in `pem`.
static bool judge(const struct config *config, const char *path, const char *name, char *pem,
                  size_t *size, struct receipt *receipt, char why[RECEIPT_WHY_SIZE]) {
    char request_path[ACME_PATH_MAX];
    char request[4096];
    ssize_t got = read_file(path, pem, RECEIPT_SIZE_MAX + 1);
    if (got < 0) {
        (void)snprintf(why, RECEIPT_WHY_SIZE, "%s", strerror(errno));
        return false;
    }
    *size = (size_t)got;
    ssize_t request_size = acme_path(config, "requests", name, ".csr", request_path)
                               ? read_file(request_path, request, sizeof(request))
                               : -1;
    const struct slice asked = {request, request_size < 0 ? 0 : (size_t)request_size};
    return receipt_judge((struct slice){pem, *size}, asked, name, wall_s(), receipt, why);
}

// --- Orders ---

static struct order *find_order(struct plan *plan, const char *name) {
    for (size_t i = 0; i < plan->count; i++) {
        if (strcmp(plan->orders[i].name, name) == 0) {
            return &plan->orders[i];
        }
    }
    return NULL;
}

// So that a process that dies again and again does not order again and again.
static void note_attempt(const struct config *config, const char *name) {
    char path[ACME_PATH_MAX];
    int fd = acme_path(config, "work", name, ".tried", path)
                 ? open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)
                 : -1;
    if (fd >= 0) {
        (void)futimens(fd, NULL);
        (void)close(fd);
    }
}

// Not before a minute after the last attempt.
static int64_t first_attempt(const struct config *config, const char *name) {
    char path[ACME_PATH_MAX];
    struct stat status;
    bool tried = acme_path(config, "work", name, ".tried", path) && lstat(path, &status) == 0;
    return tried && status.st_mtime <= wall_s() ? status.st_mtime + ACME_RETRY_FIRST_S : 0;
}

// What is there already decides when the next one is due.
static void look_at_file(const struct config *config, struct order *order) {
    static char pem[RECEIPT_SIZE_MAX + 1];
    char path[ACME_PATH_MAX];
    char why[RECEIPT_WHY_SIZE];
    struct receipt receipt;
    size_t size;
    order->due_s = first_attempt(config, order->name);
    if (acme_path(config, "work", order->name, ".pem", path) &&
        judge(config, path, order->name, pem, &size, &receipt, why)) {
        order->not_after = receipt.not_after;
        int64_t due_s = acme_renewal(receipt.not_before, receipt.not_after, draw());
        order->due_s = due_s > order->due_s ? due_s : order->due_s;
    }
}

static bool add_orders(struct plan *plan) {
    const struct config *config = plan->config;
    size_t most = 1;
    for (size_t i = 0; i < config->site_count; i++) {
        most += config->sites[i].certificate_count;
    }
    plan->orders = calloc(most, sizeof(*plan->orders));
    for (size_t i = 0; plan->orders != NULL && i < config->site_count; i++) {
        const struct config_site *site = &config->sites[i];
        for (size_t k = 0; k < site->certificate_count; k++) {
            const char *name = site->certificates[k].acme_name;
            if (name != NULL) {
                plan->orders[plan->count++] = (struct order){.name = name};
            }
        }
    }
    return plan->orders != NULL;
}

// The one that is due longest; NULL: none is.
static struct order *find_due(struct plan *plan) {
    struct order *due = NULL;
    for (size_t i = 0; i < plan->count; i++) {
        struct order *order = &plan->orders[i];
        if (order->due_s <= wall_s() && (due == NULL || order->due_s < due->due_s)) {
            due = order;
        }
    }
    return due;
}

static void fail(struct acme *acme, struct order *order, const char *reason) {
    char clean[RECEIPT_WHY_SIZE];
    (void)snprintf(clean, sizeof(clean), "%s", reason);
    printable_clean(clean, PRINTABLE_LINE);
    order->failures++;
    int64_t wait_s = acme_retry(order->failures, draw());
    order->due_s = wall_s() + wait_s;
    int64_t left_s = order->not_after - wall_s();
    if (order->not_after > 0) {
        log_write(
            &acme->log, left_s < WEEK_S ? SEVERITY_ERROR : SEVERITY_WARNING,
            "cannot renew the certificate of %s, which expires in %lld hours: %s (attempt %u; "
            "the next one is in %lld seconds)",
            order->name, (long long)(left_s / 3600), clean, order->failures, (long long)wait_s);
    } else {
        log_warning(&acme->log,
                    "no certificate for %s: %s (attempt %u; the next one is in %lld seconds)",
                    order->name, clean, order->failures, (long long)wait_s);
    }
}

// The client has ended well: takes what it has received.
static void receive_certificate(struct acme *acme, struct order *order) {
    static char pem[RECEIPT_SIZE_MAX + 1];
    const struct config *config = acme->plan.config;
    char from[ACME_PATH_MAX];
    char to[ACME_PATH_MAX];
    char why[RECEIPT_WHY_SIZE];
    char until[CLOCK_ISO_SIZE];
    struct receipt receipt;
    size_t size;
    if (!acme_path(config, "work/lego/certificates", order->name, ".crt", from) ||
        !acme_path(config, "work", order->name, ".pem", to)) {
        fail(acme, order, "its path is too long");
    } else if (!judge(config, from, order->name, pem, &size, &receipt, why)) {
        fail(acme, order, why);
    } else if (!write_file(to, pem, size)) {
        fail(acme, order, strerror(errno));
    } else {
        order->failures = 0;
        order->not_after = receipt.not_after;
        order->due_s = acme_renewal(receipt.not_before, receipt.not_after, draw());
        clock_format_iso(receipt.not_after * 1000000, until);
        log_info(&acme->log, "certificate for %s received: valid until %s", order->name, until);
    }
}

static void begin(struct acme *acme, struct order *order) {
    const struct config *config = acme->plan.config;
    char path[ACME_PATH_MAX];
    if (acme_path(config, "work", "webroot", "", path)) {
        (void)mkdir(path, 0700);
    }
    if (acme_path(config, "work/lego/certificates", order->name, ".crt", path)) {
        (void)unlink(path); // of the one before
    }
    note_attempt(config, order->name);
    log_info(&acme->log, "ordering a certificate for %s from %s", order->name,
             config->acme.directory);
    if (!client_start(&acme->client, config, order->name)) {
        fail(acme, order, strerror(errno));
        return;
    }
    (void)snprintf(acme->running, sizeof(acme->running), "%s", order->name);
}

static void advance_client(struct acme *acme) {
    char reason[CLIENT_REASON_SIZE];
    enum result result = client_advance(&acme->client, reason);
    if (result == RESULT_AGAIN) {
        return;
    }
    struct order *order = find_order(&acme->plan, acme->running);
    if (order == NULL) {
        return; // a reload has removed the name
    }
    if (result == RESULT_OK) {
        receive_certificate(acme, order);
    } else {
        fail(acme, order, reason);
    }
}

static void begin_next(struct acme *acme) {
    struct order *order = acme->client.pid == 0 ? find_due(&acme->plan) : NULL;
    if (order != NULL) {
        begin(acme, order);
    }
}

// --- Plans ---

static void drop_plan(struct plan *plan) {
    if (plan->log_fd >= 0) {
        (void)close(plan->log_fd);
    }
    free(plan->orders);
    config_free(plan->config);
    *plan = (struct plan){.log_fd = -1};
}

static void answer(struct acme *acme, enum ipc_type type, uint64_t generation, const char *text) {
    struct ipc_message message;
    ipc_init(&message, type, generation);
    (void)snprintf(message.text, sizeof(message.text), "%s", text);
    enum result result = ipc_send(acme->control, &message);
    if (result != RESULT_OK) {
        acme->is_over = true;
        acme->exit_status = result == RESULT_EOF ? 0 : 1; // as in read_control()
    }
}

static void load(struct acme *acme, struct ipc_message *message) {
    struct plan *staged = &acme->staged;
    char error[CONFIG_ERROR_SIZE] = "the bundle cannot be opened";
    struct bundle bundle;
    drop_plan(staged);
    staged->generation = message->generation;
    staged->log_fd = ipc_take(message, IPC_FD_ERROR_LOG);
    staged->daemon = message->log_daemon;
    staged->level = message->log_level;
    if (bundle_open(ipc_take(message, IPC_FD_BUNDLE), &bundle) == RESULT_OK) {
        staged->config = bundle_config(&bundle, NULL, error);
        bundle_close(&bundle);
    }
    if (staged->config == NULL || !add_orders(staged)) {
        answer(acme, IPC_FAILED, message->generation,
               staged->config == NULL ? error : "out of memory");
        drop_plan(staged);
        return;
    }
    answer(acme, IPC_READY, message->generation, "");
}

// Failures and terms of the names that stay.
static void keep_orders(struct plan *plan, struct plan *former) {
    for (size_t i = 0; i < plan->count; i++) {
        struct order *order = &plan->orders[i];
        const struct order *before = find_order(former, order->name);
        if (before == NULL) {
            look_at_file(plan->config, order);
        } else {
            order->not_after = before->not_after;
            order->due_s = before->due_s;
            order->failures = before->failures;
        }
    }
}

static void use_log(struct acme *acme, int fd, enum sink_daemon daemon, enum log_severity level) {
    int former = acme->plan.log_fd;
    log_use(&acme->log, fd, daemon, level);
    acme->plan.log_fd = fd;
    if (former >= 0 && former != fd) {
        (void)close(former);
    }
}

static bool has_other_fence(const struct acme *acme, const struct config_acme *wanted) {
    return strcmp(acme->folder, wanted->folder) != 0 ||
           strcmp(acme->ca, wanted->ca_path == NULL ? "" : wanted->ca_path) != 0;
}

static void commit(struct acme *acme, uint64_t generation) {
    if (acme->staged.config == NULL || acme->staged.generation != generation) {
        return;
    }
    struct plan former = acme->plan;
    acme->plan = acme->staged;
    acme->staged = (struct plan){.log_fd = -1};
    keep_orders(&acme->plan, &former);
    log_use(&acme->log, acme->plan.log_fd, acme->plan.daemon, log_files_severity(acme->plan.level));
    drop_plan(&former);
    answer(acme, IPC_COMMITTED, generation, "");
    if (has_other_fence(acme, &acme->plan.config->acme)) {
        log_info(&acme->log, "another folder or ca: making way for a process that can use it");
        acme->is_over = true;
    }
}

static void abort_load(struct acme *acme, uint64_t generation) {
    if (acme->staged.generation == generation) {
        drop_plan(&acme->staged);
    }
}

static void reopen(struct acme *acme, struct ipc_message *message) {
    if (message->fds[IPC_FD_ERROR_LOG] >= 0) {
        use_log(acme, ipc_take(message, IPC_FD_ERROR_LOG), SINK_NO_DAEMON, acme->log.level);
    }
    answer(acme, IPC_REOPENED, message->generation, "");
}

// --- Life ---

static void obey(struct acme *acme, struct ipc_message *message) {
    if (message->is_cut) { // it holds a handful of descriptors: something is very wrong
        acme->is_over = true;
        acme->exit_status = 1;
        return;
    }
    switch (message->type) {
    case IPC_LOAD:
        load(acme, message);
        break;
    case IPC_COMMIT:
        commit(acme, message->generation);
        break;
    case IPC_ABORT:
        abort_load(acme, message->generation);
        break;
    case IPC_REOPEN:
        reopen(acme, message);
        break;
    case IPC_PING:
        answer(acme, IPC_PONG, message->generation, "");
        break;
    case IPC_DRAIN: // what is under way is ordered again after the next start
        answer(acme, IPC_DRAINED, 0, "");
        acme->is_over = true;
        break;
    case IPC_STOP:
        acme->is_over = true;
        break;
    default:
        acme->is_over = true;
        acme->exit_status = 1;
        break;
    }
}

static void read_control(struct acme *acme) {
    struct ipc_message message;
    switch (ipc_receive(acme->control, &message)) {
    case RESULT_OK:
        obey(acme, &message);
        ipc_close(&message);
        break;
    case RESULT_AGAIN:
        break;
    case RESULT_EOF: // it is not needed any more, or the master is gone
        acme->is_over = true;
        break;
    case RESULT_ERROR:
        acme->is_over = true;
        acme->exit_status = 1;
        break;
    }
}

static int time_to_wait(const struct acme *acme) {
    int64_t left_ms = acme->client.pid > 0 ? client_time_left(&acme->client) : LOOK_MS;
    for (size_t i = 0; acme->client.pid == 0 && i < acme->plan.count; i++) {
        int64_t until_ms = (acme->plan.orders[i].due_s - wall_s()) * 1000;
        left_ms = until_ms < left_ms ? until_ms : left_ms;
    }
    return left_ms < 0 ? 0 : left_ms > LOOK_MS ? LOOK_MS : (int)left_ms;
}

int acme_run(void *prepared) {
    struct acme *acme = prepared;
    while (!acme->is_over) {
        begin_next(acme);
        struct pollfd ready[] = {{acme->control, POLLIN, 0}, {acme->client.output, POLLIN, 0}};
        if (poll(ready, 2, time_to_wait(acme)) < 0 && errno != EINTR) {
            acme->exit_status = 1;
            break;
        }
        if (acme->client.pid > 0 &&
            (ready[1].revents != 0 || client_time_left(&acme->client) == 0)) {
            advance_client(acme);
        }
        if (ready[0].revents != 0) {
            read_control(acme);
        }
        log_flush(&acme->log);
    }
    int exit_status = acme->exit_status;
    client_stop(&acme->client);
    drop_plan(&acme->staged);
    drop_plan(&acme->plan);
    sink_close(&acme->log.sink);
    tls_library_free();
    free(acme);
    return exit_status;
}

// Programs and what they need to find and trust an authority; nothing of /etc that could be a key.
static void enter_fence(const struct acme *acme) {
    char work[ACME_PATH_MAX + 16];
    char requests[ACME_PATH_MAX + 16];
    (void)snprintf(work, sizeof(work), "%s/work", acme->folder);
    (void)snprintf(requests, sizeof(requests), "%s/requests", acme->folder);
    const struct landlock_path paths[] = {
        {"/usr", LANDLOCK_RUN},
        {"/bin", LANDLOCK_RUN},
        {"/lib", LANDLOCK_RUN},
        {"/lib64", LANDLOCK_RUN},
        {"/etc/ld.so.cache", LANDLOCK_READ},
        {"/etc/resolv.conf", LANDLOCK_READ},
        {"/etc/hosts", LANDLOCK_READ},
        {"/etc/host.conf", LANDLOCK_READ},
        {"/etc/gai.conf", LANDLOCK_READ},
        {"/etc/services", LANDLOCK_READ},
        {"/etc/nsswitch.conf", LANDLOCK_READ},
        {"/etc/localtime", LANDLOCK_READ},
        {"/etc/ssl/certs", LANDLOCK_READ},
        {"/run/systemd/resolve", LANDLOCK_READ},
        {"/dev/null", LANDLOCK_WRITE},
        {acme->ca[0] == '\0' ? NULL : acme->ca, LANDLOCK_READ},
        {requests, LANDLOCK_READ},
        {work, LANDLOCK_WRITE},
    };
#ifndef RAVELIN_SANITIZE // which looks into /proc
    (void)landlock_enter_paths(paths, sizeof(paths) / sizeof(paths[0]));
#else
    (void)paths;
#endif
}

void *acme_prepare(void *argument) {
    const struct acme_start *start = argument;
    const struct config_acme *config = &start->config->acme;
    struct acme *acme = calloc(1, sizeof(*acme));
    spawn_mute();
    if (acme == NULL || tls_library_init() != RESULT_OK) {
        free(acme);
        return NULL;
    }
    acme->control = start->control;
    acme->plan.log_fd = acme->staged.log_fd = -1;
    client_init(&acme->client);
    log_init(&acme->log, -1, SINK_NO_DAEMON, SEVERITY_INFO, "acme");
    (void)snprintf(acme->folder, sizeof(acme->folder), "%s", config->folder);
    (void)snprintf(acme->ca, sizeof(acme->ca), "%s",
                   config->ca_path == NULL ? "" : config->ca_path);
    enter_fence(acme);
    return acme;
}
