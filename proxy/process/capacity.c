#include "process/capacity.h"

#include "base/ring.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

// Descriptors and mappings that are not for connections: the loop, logs, the master, the signer,
// generations in use; and libraries, heap, sessions.
enum { OTHER_DESCRIPTORS = 64, OTHER_MAPPINGS = 1024 };

// Descriptors of a master: until it has a loop and its sockets, and while it starts its last child.
// For each worker: a part of the server table, then also the sockets to the worker and its signer.
enum { LOOP_MASTER = 11, LOOP_WORKER = 1, START_MASTER = 13, START_WORKER = 3 };

// The number in a file; 0: none.
static uint64_t read_number(const char *path) {
    char text[32];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return 0;
    }
    ssize_t size = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    text[size < 0 ? 0 : size] = '\0';
    return strtoull(text, NULL, 10);
}

struct capacity capacity_find(const char *mappings_path) {
    struct rlimit limit;
    bool known = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    return (struct capacity){.descriptors = known ? limit.rlim_cur : 0,
                             .mappings = read_number(mappings_path)};
}

static uint64_t share(const struct config *config, unsigned workers) {
    return ((uint64_t)config->limits.connections + workers - 1) / workers;
}

bool capacity_warning(enum capacity_kind kind, const struct capacity *capacity,
                      const struct config *config, unsigned workers,
                      char text[CAPACITY_TEXT_SIZE]) {
    uint64_t clients = share(config, workers);
    uint64_t needed;
    if (kind == CAPACITY_DESCRIPTORS) {
        needed = 2 * clients + config->listener_count + OTHER_DESCRIPTORS;
        (void)snprintf(
            text, CAPACITY_TEXT_SIZE,
            "limits: connections '%u': each process that serves clients may need %" PRIu64
            " file descriptors and can have %" PRIu64 "; raise the limit (LimitNOFILE=%" PRIu64
            " in the systemd unit, or ulimit -n) or lower connections",
            config->limits.connections, needed, capacity->descriptors, needed);
        return capacity->descriptors != 0 && capacity->descriptors < needed;
    }
    needed = clients + clients / RING_CHUNK + OTHER_MAPPINGS;
    (void)snprintf(text, CAPACITY_TEXT_SIZE,
                   "limits: connections '%u': each process that serves clients may need %" PRIu64
                   " memory mappings when all clients send at once, and can have %" PRIu64
                   "; run: sysctl -w vm.max_map_count=%" PRIu64 ", or lower connections",
                   config->limits.connections, needed, capacity->mappings, needed);
    return capacity->mappings != 0 && capacity->mappings < needed;
}

static uint64_t needed_to_start(const struct config *config, unsigned workers, size_t handed) {
    uint64_t sockets = config == NULL ? 0 : (uint64_t)config->listener_count * workers;
    uint64_t others = sockets + (config == NULL ? 0 : config->admin_count);
    uint64_t children = START_WORKER + (config != NULL && config_has_users(config) ? 1 : 0);
    uint64_t loop = LOOP_MASTER + others + handed + (uint64_t)LOOP_WORKER * workers;
    uint64_t start = START_MASTER + others + children * workers;
    return loop > start ? loop : start;
}

bool capacity_refusal(const struct capacity *capacity, const struct config *config,
                      unsigned workers, size_t handed, char text[CAPACITY_TEXT_SIZE]) {
    uint64_t needed = needed_to_start(config, workers, handed);
    (void)snprintf(text, CAPACITY_TEXT_SIZE,
                   "ravelin: cannot start: the limit of file descriptors is %" PRIu64
                   ", and at least %" PRIu64 " are needed; raise the limit (LimitNOFILE= in the "
                   "systemd unit, or ulimit -n)",
                   capacity->descriptors, needed);
    return capacity->descriptors != 0 && capacity->descriptors < needed;
}

void capacity_warn(struct log *log, const struct config *config, unsigned workers) {
    const struct capacity capacity = capacity_find(CAPACITY_MAPPINGS_PATH);
    char line[16] = "";
    struct place place = config_place(config, config->limits.connections_line);
    if (config->limits.connections_line > 0) {
        (void)snprintf(line, sizeof(line), ":%d", place.line);
    }
    for (int kind = 0; kind < CAPACITY_KINDS; kind++) {
        char text[CAPACITY_TEXT_SIZE];
        if (capacity_warning((enum capacity_kind)kind, &capacity, config, workers, text)) {
            log_warning(log, "%s%s: %s", place.file, line, text);
        }
    }
}

unsigned capacity_cores(void) {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    long count = sched_getaffinity(0, sizeof(mask), &mask) == 0 ? CPU_COUNT(&mask)
                                                                : sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > CONFIG_WORKERS_MAX ? CONFIG_WORKERS_MAX : (unsigned)count;
}
