#include "acme/client.h"

#include "base/clock.h"
#include "base/printable.h"
#include "base/slice.h"
#include "config/acme.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ENDS_WITHIN_MS = 2000, VARIABLE_SIZE = ACME_PATH_MAX + 32 };

static int64_t monotonic_ms(void) {
    return clock_monotonic_us() / 1000;
}

void client_init(struct acme_client *client) {
    client->pid = 0;
    client->output = -1;
    client->tail_size = 0;
}

int64_t client_time_left(const struct acme_client *client) {
    int64_t left = client->started_ms + (int64_t)CLIENT_TIMEOUT_S * 1000 - monotonic_ms();
    return left > 0 ? left : 0;
}

// --- What it is started with ---

struct launch {
    char request[ACME_PATH_MAX];
    char webroot[ACME_PATH_MAX];
    char state[ACME_PATH_MAX];
    char home[VARIABLE_SIZE];
    char ca[VARIABLE_SIZE];
    const char *arguments[20];
    const char *environment[5];
};

static void fill_arguments(struct launch *launch, const struct config_acme *acme) {
    const char *arguments[] = {
        CLIENT_PROGRAM, "--accept-tos",   "--server",      acme->directory, "--email",
        acme->email,    "--path",         launch->state,   "--csr",         launch->request,
        "--http",       "--http.webroot", launch->webroot, "run",           NULL,
    };
    const char *environment[] = {"PATH=/usr/bin:/bin", "LANG=C", launch->home,
                                 acme->ca_path == NULL ? NULL : launch->ca, NULL};
    memcpy(launch->arguments, arguments, sizeof(arguments));
    memcpy(launch->environment, environment, sizeof(environment));
}

static bool prepare_launch(struct launch *launch, const struct config *config, const char *file) {
    const struct config_acme *acme = &config->acme;
    if (!acme_path(config, "requests", file, ".csr", launch->request) ||
        !acme_path(config, "work", "webroot", "", launch->webroot) ||
        !acme_path(config, "work", "lego", "", launch->state)) {
        errno = ENAMETOOLONG;
        return false;
    }
    (void)snprintf(launch->home, sizeof(launch->home), "HOME=%s", launch->state);
    (void)snprintf(launch->ca, sizeof(launch->ca), "LEGO_CA_CERTIFICATES=%s",
                   acme->ca_path == NULL ? "" : acme->ca_path);
    fill_arguments(launch, acme);
    return true;
}

// Resets signals that this process ignores, because a program would ignore them, too.
static void reset_signals(void) {
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int number = 1; number < NSIG; number++) {
        (void)sigaction(number, &standard, NULL);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void become(const struct launch *launch, int output, pid_t parent) {
    const struct rlimit file_size = {CLIENT_FILE_MAX, CLIENT_FILE_MAX};
    reset_signals();
    (void)umask(077);
    if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 ||
        getppid() != parent || setrlimit(RLIMIT_FSIZE, &file_size) != 0 ||
        dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0 ||
        close_range(STDERR_FILENO + 1, ~0U, 0) != 0) {
        _exit(126);
    }
    (void)execve(CLIENT_PROGRAM, (char *const *)(uintptr_t)launch->arguments,
                 (char *const *)(uintptr_t)launch->environment);
    (void)dprintf(STDERR_FILENO, "cannot run %s: %s; install the package lego\n", CLIENT_PROGRAM,
                  strerror(errno));
    _exit(127);
}

bool client_start(struct acme_client *client, const struct config *config, const char *file) {
    struct launch launch;
    int fds[2];
    if (!prepare_launch(&launch, config, file) || pipe2(fds, O_CLOEXEC) != 0) {
        return false;
    }
    pid_t parent = getpid();
    pid_t pid = fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0 ? fork() : -1;
    if (pid == 0) {
        become(&launch, fds[1], parent);
    }
    int saved = errno;
    (void)close(fds[1]);
    if (pid < 0) {
        (void)close(fds[0]);
        errno = saved;
        return false;
    }
    client->pid = pid;
    client->output = fds[0];
    client->started_ms = monotonic_ms();
    client->tail_size = 0;
    return true;
}

// --- What it says ---

static void keep(struct acme_client *client, const char *bytes, size_t size) {
    size_t overflow = client->tail_size + size > CLIENT_TAIL_SIZE
                          ? client->tail_size + size - CLIENT_TAIL_SIZE
                          : 0;
    client->tail_size -= overflow;
    memmove(client->tail, client->tail + overflow, client->tail_size);
    memcpy(client->tail + client->tail_size, bytes, size);
    client->tail_size += size;
}

// True: the output has ended.
static bool read_output(struct acme_client *client) {
    char bytes[CLIENT_TAIL_SIZE / 2];
    ssize_t size = read(client->output, bytes, sizeof(bytes));
    if (size > 0) {
        keep(client, bytes, (size_t)size);
    }
    return size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR);
}

// Size of the date at the beginning of a line: "2026/11/30 12:12:18 ". 0: none.
static size_t date_size(struct slice line) {
    static const char form[] = "dddd/dd/dd dd:dd:dd ";
    const size_t size = sizeof(form) - 1;
    for (size_t i = 0; i < size; i++) {
        bool is_digit = i < line.size && line.data[i] >= '0' && line.data[i] <= '9';
        if (i >= line.size || (form[i] == 'd' ? !is_digit : line.data[i] != form[i])) {
            return 0;
        }
    }
    return size;
}

// Removes the first line of a text and returns it.
static struct slice take_line(struct slice *text) {
    const char *end = memchr(text->data, '\n', text->size);
    struct slice line = {text->data, end == NULL ? text->size : (size_t)(end - text->data)};
    size_t taken = line.size + (end == NULL ? 0 : 1);
    *text = (struct slice){text->data + taken, text->size - taken};
    return line;
}

static bool begins_with(struct slice text, struct slice beginning) {
    return text.size >= beginning.size && memcmp(text.data, beginning.data, beginning.size) == 0;
}

// lego writes log lines with a date. The last entry is the error, which may have several lines.
// Without such an entry: the whole text.
static struct slice find_last_entry(struct slice text) {
    struct slice entry = text;
    while (text.size > 0) {
        struct slice before = text;
        size_t date = date_size(take_line(&text));
        if (date > 0) {
            entry = (struct slice){before.data + date, before.size - date};
        }
    }
    return entry;
}

static bool is_progress(struct slice entry) {
    return begins_with(entry, SLICE("[INFO]")) || begins_with(entry, SLICE("Saved key")) ||
           begins_with(entry, SLICE("No key found"));
}

// Writes the entry on one line, without blanks at its ends and without double blanks.
static size_t flatten(struct slice entry, char *output, size_t capacity) {
    size_t used = 0;
    for (size_t i = 0; i < entry.size && used + 1 < capacity; i++) {
        char c = entry.data[i];
        bool is_blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
        if (!is_blank || (used > 0 && output[used - 1] != ' ')) {
            output[used++] = is_blank ? ' ' : c;
        }
    }
    used -= used > 0 && output[used - 1] == ' ' ? 1 : 0;
    output[used] = '\0';
    return used;
}

void client_find_reason(const char *tail, size_t size, char reason[CLIENT_REASON_SIZE]) {
    struct slice entry = find_last_entry((struct slice){tail, size});
    size_t used = is_progress(entry) ? 0 : flatten(entry, reason, CLIENT_REASON_SIZE);
    if (used == 0) {
        (void)snprintf(reason, CLIENT_REASON_SIZE, "the client does not say why");
    }
    printable_clean_bytes(reason, used, PRINTABLE_LINE);
}

// --- Its end ---

static void close_output(struct acme_client *client) {
    if (client->output >= 0) {
        (void)close(client->output);
        client->output = -1;
    }
}

// Its output was closed: usually it has exited.
static int reap(struct acme_client *client) {
    int64_t deadline_ms = monotonic_ms() + ENDS_WITHIN_MS;
    const struct timespec moment = {.tv_nsec = 5000000};
    int status = 0;
    pid_t pid;
    while ((pid = waitpid(client->pid, &status, WNOHANG)) == 0 && monotonic_ms() < deadline_ms) {
        (void)nanosleep(&moment, NULL);
    }
    if (pid == 0) {
        client_stop(client);
        return -1;
    }
    (void)kill(-client->pid, SIGKILL); // and its children
    client->pid = 0;
    close_output(client);
    return pid < 0 ? -1 : status;
}

void client_stop(struct acme_client *client) {
    if (client->pid > 0) {
        (void)kill(-client->pid, SIGKILL);
        (void)kill(client->pid, SIGKILL); // it may not have a process group yet
        (void)waitpid(client->pid, NULL, 0);
        client->pid = 0;
    }
    close_output(client);
}

enum result client_advance(struct acme_client *client, char reason[CLIENT_REASON_SIZE]) {
    if (!read_output(client)) {
        if (client_time_left(client) > 0) {
            return RESULT_AGAIN;
        }
        client_stop(client);
        (void)snprintf(reason, CLIENT_REASON_SIZE, "no answer within %d seconds", CLIENT_TIMEOUT_S);
        return RESULT_ERROR;
    }
    int status = reap(client);
    if (status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return RESULT_OK;
    }
    if (status >= 0 && WIFSIGNALED(status)) {
        (void)snprintf(reason, CLIENT_REASON_SIZE, "the client was killed by signal %d",
                       WTERMSIG(status));
    } else {
        client_find_reason(client->tail, client->tail_size, reason);
    }
    return RESULT_ERROR;
}
