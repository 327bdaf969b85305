// The source of a generation: what the master holds of one loaded bundle, and every process builds
// its generation from: the checked config, the bundles as sealed memfds (unmapped, to hand to
// processes that come later), the listening sockets and the log files.
//
// Two steps, because a bundle is validated in between: source_read() reads files and has no effect
// outside; source_open() opens sockets and logs. source_free() closes everything; what a later
// generation took over it has as duplicates.
#ifndef RAVELIN_PROCESS_SOURCE_H
#define RAVELIN_PROCESS_SOURCE_H

#include "config/bundle.h"
#include "process/listeners.h"
#include "process/log_files.h"
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
    struct log_files logs;
};

// NULL with `error` when the config or a file it names is no good, or memory is short.
struct source *source_read(const char *path, uint64_t number, char error[CONFIG_ERROR_SIZE]);
// The same for the config text that `former` was read with: the files it names as they are now. NULL
// too, with *same true, when these are what `former` holds.
struct source *source_read_again(const struct source *former, uint64_t number, bool *same,
                                 char error[CONFIG_ERROR_SIZE]);
// `previous` (or NULL) keeps its own. On failure the source is as before and `error` says why.
enum result source_open(struct source *source, size_t slots, const struct source *previous,
                        struct log_writers *writers, char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
// After the validator has ended: what it found becomes private to the master (findings.h).
enum result source_settle(struct source *source, char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
void source_free(struct source *source); // NULL is fine

#endif
