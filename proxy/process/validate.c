#include "process/validate.h"

#include "base/printable.h"
#include "tls/certificate/check.h"
#include "tls/handshake/context.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// The first byte of a verdict. An error text follows the second one.
enum { REAP_ATTEMPTS = 200, REAP_PAUSE_MS = 1 };

enum { VERDICT_VALID = 'v', VERDICT_INVALID = 'i' };

struct task {
    const struct validate_input *input;
    int verdict_fd;
    bool has_library; // which cannot start in the sandbox
};

static enum result judge(const struct task *task, char error[CONFIG_ERROR_SIZE]) {
    const struct source *source = task->input->source;
    struct bundle files;
    struct bundle keys;
    (void)snprintf(error, CONFIG_ERROR_SIZE, "the validator cannot start");
    if (!task->has_library || bundle_open(source->files_fd, &files) != RESULT_OK) {
        return RESULT_ERROR;
    }
    if (bundle_open(source->keys_fd, &keys) != RESULT_OK) {
        bundle_close(&files);
        return RESULT_ERROR;
    }
    enum result result = tls_check(source->config, &files, &keys, source->findings, error);
    bundle_close(&files);
    bundle_close(&keys);
    tls_library_free();
    return result;
}

static void *prepare_child(void *argument) {
    struct task *task = argument;
    task->has_library = tls_library_init() == RESULT_OK;
    return task;
}

static int run_child(void *argument) {
    const struct task *task = argument;
    char verdict[1 + CONFIG_ERROR_SIZE];
    char *error = verdict + 1;
    bool valid = judge(task, error) == RESULT_OK;
    verdict[0] = valid ? VERDICT_VALID : VERDICT_INVALID;
    size_t size = valid ? 1 : 1 + strnlen(error, CONFIG_ERROR_SIZE);
    // A pipe accepts this size in one write. _exit() at once: the master kills a child after its
    // message.
    _exit(write(task->verdict_fd, verdict, size) == (ssize_t)size ? 0 : 1);
}

enum result validate_start(struct validation *validation, const struct validate_input *input) {
    int fds[2];
    *validation = (struct validation){.pid = 0, .fd = -1};
    if (pipe2(fds, O_CLOEXEC) != 0) {
        return RESULT_ERROR;
    }
    struct task task = {input, fds[1], false};
    const struct spawn spawn = {
        .name = "rav-validator",
        .title = "ravelin: validator",
        .privilege = input->privilege,
        .keep = {fds[1], input->source->files_fd, input->source->keys_fd},
        .keep_count = 3,
        .argument = &task,
        .prepare = prepare_child,
        .sandbox = SANDBOX_DESCRIPTORS,
        .run = run_child,
    };
    const struct source *source = input->source;
    findings_lend(source->findings, source->config, true);
    pid_t pid = fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0 ? spawn_process(&spawn, input->title) : -1;
    findings_lend(source->findings, source->config, false);
    (void)close(fds[1]);
    if (pid < 0) {
        (void)close(fds[0]);
        return RESULT_ERROR;
    }
    validation->pid = pid;
    validation->fd = fds[0];
    return RESULT_OK;
}

void validate_note_death(struct validation *validation, pid_t pid, int status) {
    if (pid == validation->pid) {
        validation->pid = 0;
        validation->status = status;
    }
}

// After the end of the file, the child is exiting or has closed the pipe. Both end soon. A child
// that the kernel does not end yet is left to the code that reaps all children.
static void reap(struct validation *validation) {
    const struct timespec pause = {.tv_nsec = REAP_PAUSE_MS * 1000000L};
    for (int i = 0; validation->pid > 0 && i < REAP_ATTEMPTS; i++) {
        int status = 0;
        pid_t pid = waitpid(validation->pid, &status, WNOHANG);
        if (pid != 0) {
            validate_note_death(validation, pid, status);
            break;
        }
        if (i > 0) {
            (void)kill(validation->pid, SIGKILL);
        }
        (void)nanosleep(&pause, NULL);
    }
    validation->pid = 0;
}

void validate_describe_end(struct validation *validation, const char *who) {
    if (WIFSIGNALED(validation->status)) {
        (void)snprintf(validation->text, sizeof(validation->text),
                       "%s was killed by signal %d (%s)", who, WTERMSIG(validation->status),
                       strsignal(WTERMSIG(validation->status)));
    } else {
        (void)snprintf(validation->text, sizeof(validation->text), "%s ended without a word", who);
    }
}

enum result validate_read(struct validation *validation) {
    ssize_t size;
    do {
        size = read(validation->fd, validation->text + validation->size,
                    sizeof(validation->text) - 1 - validation->size);
        validation->size += size > 0 ? (size_t)size : 0;
    } while (size > 0 || (size < 0 && errno == EINTR));
    if (size < 0 && errno == EAGAIN) {
        return RESULT_AGAIN;
    }
    (void)close(validation->fd);
    validation->fd = -1;
    reap(validation);
    validation->text[validation->size] = '\0';
    if (validation->size > 0 && validation->text[0] == VERDICT_VALID) {
        return RESULT_OK;
    }
    if (validation->size > 1) {
        memmove(validation->text, validation->text + 1, validation->size);
        printable_clean(validation->text, PRINTABLE_LINES);
        validation->is_quoted = true;
    } else {
        validate_describe_end(validation, "the process that looked at the certificates and keys");
    }
    return RESULT_ERROR;
}

void validate_cancel(struct validation *validation) {
    if (validation->fd >= 0) {
        (void)close(validation->fd);
        validation->fd = -1;
    }
    reap(validation);
}

enum result validate_wait(const struct validate_input *input, char error[CONFIG_ERROR_SIZE]) {
    struct validation validation;
    if (validate_start(&validation, input) != RESULT_OK) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "cannot start the validator: %s", strerror(errno));
        return RESULT_ERROR;
    }
    struct pollfd readable = {.fd = validation.fd, .events = POLLIN};
    enum result result = RESULT_AGAIN;
    while (result == RESULT_AGAIN && poll(&readable, 1, VALIDATE_TIMEOUT_S * 1000) > 0) {
        result = validate_read(&validation);
    }
    if (result == RESULT_AGAIN) {
        validate_cancel(&validation);
        (void)snprintf(validation.text, sizeof(validation.text),
                       "the validator did not finish within %d seconds", VALIDATE_TIMEOUT_S);
        result = RESULT_ERROR;
    }
    if (result != RESULT_OK) {
        memcpy(error, validation.text, CONFIG_ERROR_SIZE);
    }
    return result;
}
