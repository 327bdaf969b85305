#include "process/acme_process.h"

#include "acme/client.h"
#include "acme/file.h"
#include "acme/receipt.h"
#include "acme/schedule.h"
#include "base/clock.h"
#include "base/printable.h"
#include "config/acme.h"
#include "config/bundle.h"
#include "process/child_log.h"
#include "process/ipc.h"
#include "process/landlock.h"
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

// How often the clock is read, because it may have been set.
enum { LOOK_MS = 30000 };
static const int64_t WEEK_S = 604800;

// A certificate to order or to renew.
struct order {
    const char *name;  // of the host, in the config
    const char *file;  // how its files are named, in the config
    const char *kind;  // "" or " (RSA)", for messages
    int64_t not_after; // of the certificate that is there; 0: none
    int64_t due_s;     // wall clock
    unsigned failures; // in a row
};

// The contents of a LOAD, used after COMMIT.
struct plan {
    struct config *config; // NULL: none
    struct order *orders;
    size_t count;
};

struct acme {
    int control;
    bool is_over;
    int exit_status;
    struct child_log log;
    struct plan plan;
    struct plan staged; // if the log has a generation staged
    struct acme_client client;
    char running[256];                    // the `file` that the client runs for
    char failure[RECEIPT_WHY_SIZE + 256]; // the last one
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

// Checks the certificate at `path`, which remains in `pem`.
static bool judge(const struct config *config, const char *path, const struct order *order,
                  char *pem, size_t *size, struct receipt *receipt, char why[RECEIPT_WHY_SIZE]) {
    char request_path[ACME_PATH_MAX];
    char request[4096];
    ssize_t got = read_file(path, pem, RECEIPT_SIZE_MAX + 1);
    if (got < 0) {
        (void)snprintf(why, RECEIPT_WHY_SIZE, "%s", strerror(errno));
        return false;
    }
    *size = (size_t)got;
    ssize_t request_size = acme_path(config, "requests", order->file, ".csr", request_path)
                               ? read_file(request_path, request, sizeof(request))
                               : -1;
    const struct slice asked = {request, request_size < 0 ? 0 : (size_t)request_size};
    return receipt_judge((struct slice){pem, *size}, asked, order->name, wall_s(), receipt, why);
}

// --- Orders ---

static struct order *find_order(struct plan *plan, const char *file) {
    for (size_t i = 0; i < plan->count; i++) {
        if (strcmp(plan->orders[i].file, file) == 0) {
            return &plan->orders[i];
        }
    }
    return NULL;
}

// Records an attempt, so that a process that dies repeatedly does not order repeatedly.
static void note_attempt(const struct config *config, const char *file) {
    char path[ACME_PATH_MAX];
    int fd = acme_path(config, "work", file, ".tried", path)
                 ? open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)
                 : -1;
    if (fd >= 0) {
        (void)futimens(fd, NULL);
        (void)close(fd);
    }
}

// At least a minute after the last attempt.
static int64_t first_attempt(const struct config *config, const char *file) {
    char path[ACME_PATH_MAX];
    struct stat status;
    bool tried = acme_path(config, "work", file, ".tried", path) && lstat(path, &status) == 0;
    return tried && status.st_mtime <= wall_s() ? status.st_mtime + ACME_RETRY_FIRST_S : 0;
}

// Reads the time of the next order from the existing certificate.
static void look_at_file(const struct config *config, struct order *order) {
    static char pem[RECEIPT_SIZE_MAX + 1];
    char path[ACME_PATH_MAX];
    char why[RECEIPT_WHY_SIZE];
    struct receipt receipt = {.has_expired = false};
    size_t size;
    order->due_s = first_attempt(config, order->file);
    if (acme_path(config, "work", order->file, ".pem", path) &&
        (judge(config, path, order, pem, &size, &receipt, why) || receipt.has_expired)) {
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
            const struct config_certificate *entry = &site->certificates[k];
            if (entry->acme_name != NULL) {
                const char *kind = entry->acme_is_rsa ? " (RSA)" : "";
                plan->orders[plan->count++] = (struct order){
                    .name = entry->acme_name, .file = entry->acme_file, .kind = kind};
            }
        }
    }
    return plan->orders != NULL;
}

// The order that has been due for the longest time; NULL: none is due.
static struct order *find_due(struct plan *plan) {
    struct order *due = NULL;
    for (size_t i = 0; i < plan->count; i++) {
        struct order *order = &plan->orders[i];
        if (acme_is_due(order->due_s, order->failures, wall_s()) &&
            (due == NULL || order->due_s < due->due_s)) {
            due = order;
        }
    }
    return due;
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

// For `ravelin status`.
static void tell_orders(struct acme *acme) {
    uint64_t failing = 0;
    for (size_t i = 0; i < acme->plan.count; i++) {
        failing += acme->plan.orders[i].failures > 0;
    }
    answer(acme, IPC_ORDERS, failing, failing == 0 ? "" : acme->failure);
}

static void fail(struct acme *acme, struct order *order, const char *reason) {
    char clean[RECEIPT_WHY_SIZE];
    (void)snprintf(clean, sizeof(clean), "%s", reason);
    printable_clean(clean, PRINTABLE_LINE);
    order->failures++;
    int64_t wait_s = acme_retry(order->failures, draw());
    order->due_s = wall_s() + wait_s;
    if (order->not_after > 0) {
        char term[ACME_TERM_SIZE];
        acme_write_term(order->not_after, wall_s(), term);
        log_write(&acme->log.log,
                  order->not_after - wall_s() < WEEK_S ? SEVERITY_ERROR : SEVERITY_WARNING,
                  "cannot renew the certificate of %s%s, which %s: %s (attempt %u; the next one "
                  "is in %lld seconds)",
                  order->name, order->kind, term, clean, order->failures, (long long)wait_s);
    } else {
        log_warning(&acme->log.log,
                    "no certificate for %s%s: %s (attempt %u; the next one is in %lld seconds)",
                    order->name, order->kind, clean, order->failures, (long long)wait_s);
    }
    (void)snprintf(acme->failure, sizeof(acme->failure), "%s%s: %s", order->name, order->kind,
                   clean);
    tell_orders(acme);
}

// The client has succeeded: checks and stores the received certificate.
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
        !acme_path(config, "work", order->file, ".pem", to)) {
        fail(acme, order, "its path is too long");
    } else if (!judge(config, from, order, pem, &size, &receipt, why)) {
        fail(acme, order, why);
    } else if (!acme_write_file(to, (struct slice){pem, size}, 0600)) {
        fail(acme, order, strerror(errno));
    } else {
        order->failures = 0;
        order->not_after = receipt.not_after;
        order->due_s = acme_renewal(receipt.not_before, receipt.not_after, draw());
        clock_format_iso(receipt.not_after * 1000000, until);
        log_info(&acme->log.log, "certificate for %s%s received: valid until %s", order->name,
                 order->kind, until);
        tell_orders(acme);
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
    note_attempt(config, order->file);
    log_info(&acme->log.log, "ordering a certificate for %s%s from %s", order->name, order->kind,
             config->acme.directory);
    if (!client_start(&acme->client, config, order->file)) {
        fail(acme, order, strerror(errno));
        return;
    }
    (void)snprintf(acme->running, sizeof(acme->running), "%s", order->file);
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
    free(plan->orders);
    config_free(plan->config);
    *plan = (struct plan){.config = NULL};
}

static void load(struct acme *acme, struct ipc_message *message) {
    struct plan *staged = &acme->staged;
    char error[CONFIG_ERROR_SIZE] = "the bundle cannot be opened";
    struct bundle bundle;
    child_log_drop(&acme->log);
    drop_plan(staged);
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
    child_log_stage(&acme->log, message);
    answer(acme, IPC_READY, message->generation, "");
}

// Keeps failures and terms of the names that stay.
static void keep_orders(struct plan *plan, struct plan *former) {
    for (size_t i = 0; i < plan->count; i++) {
        struct order *order = &plan->orders[i];
        const struct order *before = find_order(former, order->file);
        if (before == NULL) {
            look_at_file(plan->config, order);
        } else {
            order->not_after = before->not_after;
            order->due_s = before->due_s;
            order->failures = before->failures;
        }
    }
}

static bool has_other_fence(const struct acme *acme, const struct config_acme *wanted) {
    return strcmp(acme->folder, wanted->folder) != 0 ||
           strcmp(acme->ca, wanted->ca_path == NULL ? "" : wanted->ca_path) != 0;
}

static void commit(struct acme *acme, uint64_t generation) {
    if (!child_log_has(&acme->log, generation)) {
        return;
    }
    struct plan former = acme->plan;
    acme->plan = acme->staged;
    acme->staged = (struct plan){.config = NULL};
    keep_orders(&acme->plan, &former);
    child_log_commit(&acme->log);
    drop_plan(&former);
    answer(acme, IPC_COMMITTED, generation, "");
    tell_orders(acme); // the failing names may have been removed
    if (has_other_fence(acme, &acme->plan.config->acme)) {
        log_info(&acme->log.log, "another folder or ca: making way for a process that can use it");
        acme->is_over = true;
    }
}

static void abort_load(struct acme *acme, uint64_t generation) {
    if (child_log_has(&acme->log, generation)) {
        child_log_drop(&acme->log);
        drop_plan(&acme->staged);
    }
}

// --- Life ---

static void obey(struct acme *acme, struct ipc_message *message) {
    if (message->is_cut) { // it has only a few descriptors, so this is a serious fault
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
        child_log_reopen(&acme->log, message);
        answer(acme, IPC_REOPENED, message->generation, "");
        break;
    case IPC_PING:
        answer(acme, IPC_PONG, message->generation, "");
        break;
    case IPC_DRAIN: // an unfinished order is repeated after the next start
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
        log_flush(&acme->log.log);
    }
    int exit_status = acme->exit_status;
    client_stop(&acme->client);
    drop_plan(&acme->staged);
    drop_plan(&acme->plan);
    child_log_close(&acme->log);
    tls_library_free();
    free(acme);
    return exit_status;
}

// Allows programs, and the files that they need to reach and verify a CA. Of /etc, nothing that
// could be a key.
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
#ifndef RAVELIN_SANITIZE // a sanitizer reads /proc
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
    client_init(&acme->client);
    child_log_init(&acme->log, "acme");
    (void)snprintf(acme->folder, sizeof(acme->folder), "%s", config->folder);
    (void)snprintf(acme->ca, sizeof(acme->ca), "%s",
                   config->ca_path == NULL ? "" : config->ca_path);
    enter_fence(acme);
    return acme;
}
