// The logs of the current generation in the running processes: the master uses them, and they are
// opened again after a rotation. The files themselves: log_files.h.
//
// The master alone opens log files and sends the descriptors to the workers. No reload may be under
// way, because it opens the logs of the generation it stages.
#ifndef RAVELIN_PROCESS_LOGS_H
#define RAVELIN_PROCESS_LOGS_H

#include "process/children.h"
#include "process/log_writer.h"

// The owner sets both, which outlive it.
struct logs {
    struct children *children; // their `log` is the master's, their `current` has the files
    struct log_writers *writers;
};

// The master logs to where the current generation says.
void logs_use(const struct logs *logs);
// Opens the log files by their names, for the master and the workers. RESULT_ERROR: `error` says
// why not, and the former files stay in use.
enum result logs_reopen(const struct logs *logs, char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
// The same if a log was off because its FIFO had no reader, and has one now.
void logs_retry(const struct logs *logs);

#endif
