// The source of a generation: what the master holds of one loaded bundle, and every process builds
// its generation from: the checked config, the bundles as sealed memfds (unmapped, to hand to
// processes that come later), the listening sockets, the log files and the server table.
//
// Two steps, because a bundle is validated in between: source_new() has no effect outside;
// source_open() opens sockets and logs. The bundles come from reading.h. source_free() closes
// everything; what a later generation took over it has as duplicates.
#ifndef RAVELIN_PROCESS_SOURCE_H
#define RAVELIN_PROCESS_SOURCE_H

#include "backend/server_answers.h"
#include "backend/server_table.h"
#include "config/bundle.h"
#include "process/admin_listeners.h"
#include "process/challenge_server.h"
#include "process/listeners.h"
#include "process/log_files.h"
#include "process/shares.h"
#include "tls/certificate/findings.h"

#include <stdint.h>

struct source {
    uint64_t number;
    struct config *config;
    char warnings[BUNDLE_WARNINGS_SIZE]; // of the bundle's files
    struct findings *findings;           // filled by the validator, settled afterwards
    int files_fd;                        // config text and certificates
    int keys_fd;                         // private keys; goes to signers and the validator only
    struct listeners listeners;
    struct admin_listeners admins;
    struct log_files logs;
    struct server_table servers;
    struct server_answers answers;       // of the monitor, about servers that are names
    struct challenge_server *challenges; // in use; NULL: the configuration has no folder
};

// What the master has that belongs to no generation.
struct source_helpers {
    struct log_writers *log_writers;
    struct challenge_servers *challenge_servers;
    struct handed *handed; // sockets; empty after the start
};

// Takes the descriptors of both bundles, on failure too. `path`: how messages name the config file;
// NULL: by its absolute path. NULL with `error` when a bundle is damaged or memory is short.
// Nothing of a key is mapped.
struct source *source_new(int files_fd, int keys_fd, const char *path, uint64_t number,
                          char error[CONFIG_ERROR_SIZE]);
// `previous` (or NULL) keeps its own. If sockets were handed over by a former master, new ones do
// not listen before listeners_begin(). On failure the source is as before and `error` says why.
enum result source_open(struct source *source, const struct shares *shares,
                        const struct source *previous, const struct source_helpers *helpers,
                        char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
// After the validator has ended: what it found becomes private to the master (findings.h).
enum result source_settle(struct source *source, char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
// `remaining`: the source whose unix sockets stay; NULL: none. A NULL source is fine.
void source_free(struct source *source, const struct source *remaining);

#endif
