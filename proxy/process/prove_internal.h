// The results of prove.c for prove_print.c. Only these two files include it.
#ifndef RAVELIN_PROCESS_PROVE_INTERNAL_H
#define RAVELIN_PROCESS_PROVE_INTERNAL_H

#include "config/bundle.h"
#include "tls/digest.h"
#include "tls/prove/prove.h"

#include <limits.h>
#include <stdint.h>

enum on_disk { ON_DISK_SAME, ON_DISK_DIFFERENT, ON_DISK_UNREADABLE };

struct proved_file {
    struct slice path; // in the bundle
    char sha256[DIGEST_TEXT_SIZE];
    enum on_disk on_disk;
};

// A worker or signer, as the kernel reports it.
struct proved_process {
    char kind[16];
    char state[16];
    unsigned slot;
    long pid;
    long uid;    // -1: could not be read; the next members are then not valid either
    int seccomp; // 2: a filter
    bool no_new_privileges;
    uint64_t capabilities; // union of effective and permitted ones
    bool sandboxed;
};

// Workers, signers and the monitor.
#define PROVED_PROCESSES_MAX ((size_t)2 * CONFIG_WORKERS_MAX + 1)

struct proved_running {
    long pid;
    uint64_t generation;
    char version[64];
    bool require_post_quantum;
    unsigned ticket_lifetime_s;
    char executable_sha256[DIGEST_TEXT_SIZE];
    bool same_executable;
    bool sandboxed; // every running process is sandboxed
    struct bundle bundle;
    size_t file_count;
    struct proved_file *files;
    size_t process_count;
    struct proved_process processes[PROVED_PROCESSES_MAX];
};

struct library_version {
    const char *name;
    char version[32];
};

#define PROVED_LIBRARIES 7

struct proved {
    const char *version;
    char executable_path[PATH_MAX];
    char executable_sha256[DIGEST_TEXT_SIZE];
    struct library_version libraries[PROVED_LIBRARIES];
    char kernel[96];
    const struct prove_report *report;
    const char *config_path; // NULL: none
    char config_sha256[DIGEST_TEXT_SIZE];
    const struct proved_running *running; // NULL: no proxy runs with config_path
    bool holds;
};

void prove_print_text(const struct proved *proved);
void prove_print_json(const struct proved *proved);

#endif
