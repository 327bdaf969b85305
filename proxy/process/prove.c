#include "process/prove.h"

#include "config/config.h"
#include "http/parse.h"
#include "http2/hpack.h"
#include "monitor/resolver.h"
#include "process/control.h"
#include "process/prove_internal.h"
#include "process/sandbox.h"
#include "tls/handshake/context.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <ev.h>

enum { EXIT_HOLDS, EXIT_FAILS, EXIT_NO_FILE };

// --- Files ---

// Maps a whole regular file; an empty file is an empty slice. False: it cannot be read.
static bool map_file(int fd, struct slice *content) {
    struct stat status;
    *content = (struct slice){NULL, 0};
    if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        return false;
    }
    if (status.st_size == 0) {
        return true;
    }
    void *data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
        return false;
    }
    *content = (struct slice){data, (size_t)status.st_size};
    return true;
}

static void unmap_file(struct slice content) {
    if (content.data != NULL) {
        (void)munmap((void *)(uintptr_t)content.data, content.size);
    }
}

static bool hash_descriptor(int fd, char text[DIGEST_TEXT_SIZE]) {
    struct slice content;
    text[0] = '\0';
    if (!map_file(fd, &content)) {
        return false;
    }
    digest_text(content, text);
    unmap_file(content);
    return true;
}

static bool hash_file(const char *path, char text[DIGEST_TEXT_SIZE]) {
    // O_NONBLOCK: opening a FIFO must not wait for its writer.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool hashed = hash_descriptor(fd, text);
    if (fd >= 0) {
        (void)close(fd);
    }
    return hashed;
}

// --- What runs ---

// The number behind a label at the beginning of a line.
static bool number_after(const char *label, const char *line, int base, uint64_t *number) {
    size_t size = strlen(label);
    char *end;
    if (strncmp(line, label, size) != 0) {
        return false;
    }
    *number = strtoull(line + size, &end, base); // leading white space is passed over
    return end != line + size;
}

// "process KIND SLOT PID STATE"
static void parse_process(char *line, struct proved_running *running) {
    char *words[4];
    for (size_t i = 0; i < 4; i++) {
        words[i] = strsep(&line, " ");
        if (words[i] == NULL || running->process_count == PROVED_PROCESSES_MAX) {
            return;
        }
    }
    struct proved_process *process = &running->processes[running->process_count++];
    (void)snprintf(process->kind, sizeof(process->kind), "%s", words[0]);
    process->slot = (unsigned)strtoul(words[1], NULL, 10);
    process->pid = strtol(words[2], NULL, 10);
    (void)snprintf(process->state, sizeof(process->state), "%s", words[3]);
}

static void parse_line(char *line, struct proved_running *running) {
    static const char process[] = "process ";
    static const char version[] = "version ";
    uint64_t number;
    if (strncmp(line, process, sizeof(process) - 1) == 0) {
        parse_process(line + sizeof(process) - 1, running);
    } else if (strncmp(line, version, sizeof(version) - 1) == 0) {
        (void)snprintf(running->version, sizeof(running->version), "%s",
                       line + sizeof(version) - 1);
    } else if (number_after("pid ", line, 10, &number)) {
        running->pid = (long)number;
    } else if (number_after("ticket-lifetime ", line, 10, &number)) {
        running->ticket_lifetime_s = (unsigned)number;
    } else if (!number_after("generation ", line, 10, &running->generation)) {
        running->require_post_quantum |= strcmp(line, "require-post-quantum yes") == 0;
    }
}

// Parses one line for each value, in the form that orders.c writes.
static void parse_reply(char *text, struct proved_running *running) {
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        parse_line(line, running);
    }
}

static void look_at_process(struct proved_process *process) {
    char path[64];
    char line[256];
    uint64_t number;
    (void)snprintf(path, sizeof(path), "/proc/%ld/status", process->pid);
    process->uid = -1;
    FILE *status = fopen(path, "re");
    if (status == NULL) {
        return;
    }
    while (fgets(line, sizeof(line), status) != NULL) {
        if (number_after("CapEff:", line, 16, &number) ||
            number_after("CapPrm:", line, 16, &number)) {
            process->capabilities |= number;
        } else if (number_after("Uid:", line, 10, &number)) { // the real one is the first
            process->uid = (long)number;
        } else if (number_after("NoNewPrivs:", line, 10, &number)) {
            process->no_new_privileges = number == 1;
        } else if (number_after("Seccomp:", line, 10, &number)) {
            process->seccomp = (int)number;
        }
    }
    (void)fclose(status);
    process->sandboxed = process->uid > 0 && process->seccomp == 2 && process->no_new_privileges &&
                         process->capabilities == 0;
}

static void look_at_processes(struct proved_running *running) {
    running->sandboxed = running->process_count > 0;
    for (size_t i = 0; i < running->process_count; i++) {
        struct proved_process *process = &running->processes[i];
        look_at_process(process);
        running->sandboxed &= process->sandboxed || strcmp(process->state, "running") != 0;
    }
}

static void look_at_file(struct proved_file *file, struct slice path, struct slice content) {
    char now[DIGEST_TEXT_SIZE];
    file->path = path;
    digest_text(content, file->sha256);
    file->on_disk = !hash_file(path.data, now)       ? ON_DISK_UNREADABLE
                    : strcmp(now, file->sha256) == 0 ? ON_DISK_SAME
                                                     : ON_DISK_DIFFERENT;
}

static bool look_at_files(struct proved_running *running) {
    struct slice path;
    struct slice content;
    size_t count = 0;
    while (bundle_file_at(&running->bundle, count, &path, &content)) {
        count++;
    }
    running->files = calloc(count + 1, sizeof(*running->files));
    for (size_t i = 0; running->files != NULL && i < count; i++) {
        (void)bundle_file_at(&running->bundle, i, &path, &content);
        if (path.size > 0) { // the image of the configuration has no path and is not on the disk
            look_at_file(&running->files[running->file_count++], path, content);
        }
    }
    return running->files != NULL && running->file_count > 0;
}

// Reads the reply of the master; its descriptors are the executable, then the bundle.
static enum result read_back(struct control_reply *reply, const char *own_sha256,
                             struct proved_running *running, char error[CONFIG_ERROR_SIZE]) {
    if (reply->exit_code != 0 || reply->fd_count != 2 ||
        !hash_descriptor(reply->fds[0], running->executable_sha256)) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "the master does not say what it runs: %.200s",
                       reply->text);
        return RESULT_ERROR;
    }
    parse_reply(reply->text, running);
    running->same_executable = strcmp(running->executable_sha256, own_sha256) == 0;
    int bundle_fd = reply->fds[1];
    reply->fd_count = 1; // the bundle owns it
    if (bundle_open(bundle_fd, &running->bundle) != RESULT_OK || !look_at_files(running)) {
        (void)snprintf(error, CONFIG_ERROR_SIZE,
                       "what the master has loaded cannot be read: it is ravelin %s",
                       running->version);
        return RESULT_ERROR;
    }
    look_at_processes(running);
    return RESULT_OK;
}

static void release(struct proved_running *running) {
    bundle_close(&running->bundle);
    free(running->files);
}

// --- What is here ---

static void find_libraries(struct library_version libraries[PROVED_LIBRARIES]) {
    unsigned parts[3];
    libraries[0].name = "wolfssl";
    (void)snprintf(libraries[0].version, sizeof(libraries[0].version), "%s", tls_library_version());
    libraries[1].name = "libev";
    (void)snprintf(libraries[1].version, sizeof(libraries[1].version), "%d.%d", ev_version_major(),
                   ev_version_minor());
    libraries[2].name = "http-parser";
    http_library_version(parts);
    (void)snprintf(libraries[2].version, sizeof(libraries[2].version), "%u.%u.%u", parts[0],
                   parts[1], parts[2]);
    libraries[3].name = "libconfuse";
    (void)snprintf(libraries[3].version, sizeof(libraries[3].version), "%s",
                   config_library_version());
    libraries[4].name = "libseccomp";
    sandbox_library_version(parts);
    (void)snprintf(libraries[4].version, sizeof(libraries[4].version), "%u.%u.%u", parts[0],
                   parts[1], parts[2]);
    libraries[5].name = "nghttp2";
    (void)snprintf(libraries[5].version, sizeof(libraries[5].version), "%s",
                   hpack_library_version());
    libraries[6].name = "c-ares";
    (void)snprintf(libraries[6].version, sizeof(libraries[6].version), "%s",
                   resolver_library_version());
}

static void find_kernel(struct proved *proved) {
    struct utsname names;
    if (uname(&names) == 0) {
        (void)snprintf(proved->kernel, sizeof(proved->kernel), "%.30s %.60s", names.sysname,
                       names.release);
    }
}

// Reads the running program, also if its file was replaced since the start.
static struct prove_report *prove_executable(struct proved *proved) {
    static const char self[] = "/proc/self/exe";
    struct slice executable;
    struct prove_report *report = NULL;
    int fd = open(self, O_RDONLY | O_CLOEXEC);
    ssize_t size = readlink(self, proved->executable_path, sizeof(proved->executable_path) - 1);
    proved->executable_path[size < 0 ? 0 : size] = '\0';
    if (map_file(fd, &executable)) {
        digest_text(executable, proved->executable_sha256);
        report = prove_library(executable);
        unmap_file(executable);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return report;
}

static int report_all(struct proved *proved, struct proved_running *running, bool as_json) {
    struct control_reply reply;
    char error[CONFIG_ERROR_SIZE];
    enum result result = RESULT_EOF;
    if (proved->config_path != NULL) {
        result = control_ask(proved->config_path, SLICE("prove"), &reply, error);
    }
    if (result == RESULT_OK) {
        result = read_back(&reply, proved->executable_sha256, running, error);
        control_reply_free(&reply);
    }
    if (result == RESULT_ERROR) {
        (void)fprintf(stderr, "ravelin: %s\n", error);
        return EXIT_FAILS;
    }
    proved->holds = proved->report->holds;
    if (result == RESULT_OK) {
        proved->running = running;
        proved->holds &= running->same_executable && running->sandboxed;
    }
    (as_json ? prove_print_json : prove_print_text)(proved);
    return fflush(stdout) == 0 && proved->holds ? EXIT_HOLDS : EXIT_FAILS;
}

int prove_command(const char *config_path, bool as_json, const char *version) {
    struct proved proved = {.version = version, .config_path = config_path};
    if (config_path != NULL && !hash_file(config_path, proved.config_sha256)) {
        (void)fprintf(stderr, "ravelin: %s: cannot be read\n", config_path);
        return EXIT_NO_FILE;
    }
    struct proved_running *running = calloc(1, sizeof(*running));
    struct prove_report *report = NULL;
    int exit_code = EXIT_FAILS;
    if (running != NULL && tls_library_init() == RESULT_OK) {
        running->bundle.fd = -1;
        report = prove_executable(&proved);
    }
    if (report != NULL) {
        proved.report = report;
        find_libraries(proved.libraries);
        find_kernel(&proved);
        exit_code = report_all(&proved, running, as_json);
        release(running);
    } else {
        (void)fputs("ravelin: cannot start the TLS library\n", stderr);
    }
    free(report);
    free(running);
    tls_library_free();
    return exit_code;
}
