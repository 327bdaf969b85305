// Checks whether the system lets the master start, and a worker hold its share of the configured
// `connections`.
//
// The kernel limits the descriptors of a process (RLIMIT_NOFILE) and its mappings
// (vm.max_map_count). A client needs one descriptor, and its request another one for the server.
// While bytes of the client are received, its ring needs mappings (base/ring.h). If descriptors or
// mappings are used up, a worker closes new clients or responds with 503. The master needs a few
// descriptors for each worker and listening socket. This module only calculates and writes texts.
//
// The kernel spreads connections over the workers. So the share of one worker is `connections`
// divided by the number of workers.
#ifndef RAVELIN_PROCESS_CAPACITY_H
#define RAVELIN_PROCESS_CAPACITY_H

#include "config/config.h"
#include "observe/log.h"

#define CAPACITY_MAPPINGS_PATH "/proc/sys/vm/max_map_count"
#define CAPACITY_TEXT_SIZE 512

// Limits of one process; 0: unknown.
struct capacity {
    uint64_t descriptors;
    uint64_t mappings;
};

enum capacity_kind { CAPACITY_DESCRIPTORS, CAPACITY_MAPPINGS, CAPACITY_KINDS };

// Reads the limits. `mappings_path`: CAPACITY_MAPPINGS_PATH, or a file of a test.
struct capacity capacity_find(const char *mappings_path);
// True, with a text for the log, if `workers` (at least 1) need more of this kind.
bool capacity_warning(enum capacity_kind kind, const struct capacity *capacity,
                      const struct config *config, unsigned workers, char text[CAPACITY_TEXT_SIZE]);
// True, with a text for the operator, if the limit of descriptors is too low for a start.
//   config  NULL: not read yet; the smallest configuration then counts
//   handed  number of listening sockets that were handed to this process (handed.h)
// Log writers and the like may need some more, so a start can still fail for want of descriptors.
bool capacity_refusal(const struct capacity *capacity, const struct config *config,
                      unsigned workers, size_t handed, char text[CAPACITY_TEXT_SIZE]);
// Logs the limits that are too small for this configuration, for this process and vm.max_map_count.
void capacity_warn(struct log *log, const struct config *config, unsigned workers);

// Number of cores that this process may use, from 1 to CONFIG_WORKERS_MAX. By default, Ravelin
// starts one worker for each.
unsigned capacity_cores(void);

#endif
