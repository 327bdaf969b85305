// Does the system let a worker hold its share of the configured `connections`?
//
// The kernel bounds the descriptors of a process (RLIMIT_NOFILE) and its mappings
// (vm.max_map_count). A client takes a descriptor, its request another one for the server, and
// while bytes of it are received a ring takes a mapping (base/ring.h). When either runs out, a
// worker closes new clients or answers 503. This module only reckons and words the warnings; what
// it finds changes nothing else.
//
// The kernel spreads connections over the workers, so the share of one is `connections` divided by
// their number.
#ifndef RAVELIN_PROCESS_CAPACITY_H
#define RAVELIN_PROCESS_CAPACITY_H

#include "config/config.h"
#include "observe/log.h"

#define CAPACITY_MAPPINGS_PATH "/proc/sys/vm/max_map_count"
#define CAPACITY_TEXT_SIZE 512

// What one process may have; 0: not known.
struct capacity {
    uint64_t descriptors;
    uint64_t mappings;
};

enum capacity_kind { CAPACITY_DESCRIPTORS, CAPACITY_MAPPINGS, CAPACITY_KINDS };

// `mappings_path`: CAPACITY_MAPPINGS_PATH, or a file that a test wrote.
struct capacity capacity_find(const char *mappings_path);
// True with a text for the log when there is less of this kind than `workers` (at least 1) need.
bool capacity_warning(enum capacity_kind kind, const struct capacity *capacity,
                      const struct config *config, unsigned workers, char text[CAPACITY_TEXT_SIZE]);
// Logs what is too small for this configuration, as this process and vm.max_map_count say.
void capacity_warn(struct log *log, const struct config *config, unsigned workers);

// The cores that this process may use, from 1 to CONFIG_WORKERS_MAX: one worker each.
unsigned capacity_cores(void);

#endif
