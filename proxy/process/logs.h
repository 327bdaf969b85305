// The logs of the current generation in the running processes: the master uses them, and they are
// opened again after a rotation. The files themselves: log_files.h.
//
// The master alone opens log files and sends the descriptors to the workers. Reopening is over when
// each worker has answered or is dead: from then on no process writes to the former files. While a
// reload is under way reopening waits, because the reload opens the logs of the generation that it
// stages. At most LOGS_CLIENTS_MAX clients of the control socket wait for it.
#ifndef RAVELIN_PROCESS_LOGS_H
#define RAVELIN_PROCESS_LOGS_H

#include "process/children.h"
#include "process/log_writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOGS_CLIENTS_MAX 16

struct logs_handler {
    bool (*may_reopen)(void *context); // now: no reload is under way
    // Tells a client how reopening ended.
    void (*answer)(void *context, uint64_t client, int exit_code, const char *text);
    void *context;
};

enum logs_state { LOGS_CALM, LOGS_REOPENING }; // workers have not answered yet

struct logs_client {
    uint64_t id;
    bool waits_for_next; // asked while reopening: the files may have been renamed since
};

// The owner sets what is above the line; the rest is zero at the start.
struct logs {
    struct children *children; // their `log` is the master's, their `current` has the files
    struct log_writers *writers;
    struct logs_handler handler;
    // ----
    enum logs_state state;
    bool is_wanted;                  // once more, as soon as it is possible
    char failure[CONFIG_ERROR_SIZE]; // of the reopening under way; empty: none
    struct logs_client clients[LOGS_CLIENTS_MAX];
    size_t client_count;
};

// The master logs to where the current generation says.
void logs_use(const struct logs *logs);
// Reopens the logs, now or when the reload under way has ended. `client`: who is told of the end;
// 0: a signal asks. Returns NULL, or why it is refused.
const char *logs_reopen(struct logs *logs, uint64_t client);
// A child has answered. `failure`: printable, with its name; empty: it has done it.
void logs_note_reopened(struct logs *logs, const char *failure);
// Goes on if a reload has ended or a child died.
void logs_advance(struct logs *logs);
// Reopens the logs if one was off because its FIFO had no reader, and has one now.
void logs_retry(struct logs *logs);

#endif
