// The logs of the current generation in all processes: the master's own log, and reopening after a
// rotation. log_files.h opens the files.
//
// Only the master opens log files. It sends the descriptors to the workers. Reopening is complete
// when each worker has replied or is dead: then no process writes to the former files. While
// children have messages of a reload, reopening waits, because the staged generation has logs of
// its own. At most LOGS_CLIENTS_MAX clients of the control socket wait for it.
#ifndef RAVELIN_PROCESS_LOGS_H
#define RAVELIN_PROCESS_LOGS_H

#include "process/children.h"
#include "process/log_writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOGS_CLIENTS_MAX 16

struct logs_handler {
    bool (*may_reopen)(void *context); // false: children have messages of a reload
    // Sends a client the result of reopening.
    void (*answer)(void *context, uint64_t client, int exit_code, const char *text);
    void *context;
};

enum logs_state { LOGS_CALM, LOGS_REOPENING }; // REOPENING: workers have not replied yet

struct logs_client {
    uint64_t id;
    bool waits_for_next; // came while reopening: the files may have been renamed since then
};

// The owner sets the members above the line and zeroes the others.
struct logs {
    struct children *children; // `log` is the master's log, `current` has the files
    struct log_writers *writers;
    struct logs_handler handler;
    // ----
    enum logs_state state;
    bool is_wanted;                  // reopen once more, as soon as possible
    char failure[CONFIG_ERROR_SIZE]; // failure of the present reopening; empty: none
    struct logs_client clients[LOGS_CLIENTS_MAX];
    size_t client_count;
};

// Sets the master's log to the target of the current generation.
void logs_use(const struct logs *logs);
// Reopens the logs, now or when `may_reopen` allows it. `client`: gets the result; 0: a signal.
// Returns NULL, or the reason of a refusal.
const char *logs_reopen(struct logs *logs, uint64_t client);
// Call it when a child has replied. `failure`: printable, with the child's name; empty: success.
void logs_note_reopened(struct logs *logs, const char *failure);
// Call it when a reload has ended or a child was reaped. Continues a waiting reopening.
void logs_advance(struct logs *logs);
// Reopens the logs if one was off because its FIFO had no reader, and has one now.
void logs_retry(struct logs *logs);

#endif
