// The source of a generation: what the master holds of one loaded bundle. Every process builds its
// generation from it. It has the checked config, the bundles as sealed memfds (unmapped, for
// processes that start later), the listening sockets, the log files and the server table.
//
// A source is made in two steps, because the bundle is validated in between. source_new() has no
// effect outside. source_open() opens sockets and logs. The bundles come from reading.h.
// source_free() closes everything; a later generation has its own duplicates.
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
    char warnings[BUNDLE_WARNINGS_SIZE]; // warnings about the bundle's files
    struct findings *findings;           // written by the validator, then settled
    int files_fd;                        // config text and certificates
    int keys_fd;                         // private keys; only for signers and the validator
    int users_fd;                        // users and hashes; only for auth processes
    struct listeners listeners;
    struct admin_listeners admins;
    struct log_files logs;
    struct server_table servers;
    struct server_answers answers;       // addresses that the monitor found for server names
    struct challenge_server *challenges; // NULL: the configuration has no `acme-challenge`
};

// Objects of the master that belong to no generation.
struct source_helpers {
    struct log_writers *log_writers;
    struct challenge_servers *challenge_servers;
    struct handed *handed; // sockets; empty after the start
};

// Descriptors of the bundles (config/bundle.h).
struct source_fds {
    int files, keys, users;
};

// Makes a source and takes ownership of the descriptors, also on failure. NULL with `error`: a
// bundle is damaged or memory is short. Maps neither keys nor hashes. `path`: name of the config
// file in messages; NULL: its absolute path.
struct source *source_new(const struct source_fds *fds, const char *path, uint64_t number,
                          char error[CONFIG_ERROR_SIZE]);
// Opens sockets and logs. `previous` (or NULL) keeps its own. If a former master handed over
// sockets, new ones do not listen before listeners_begin(). On failure the source is unchanged and
// `error` has the reason.
enum result source_open(struct source *source, const struct shares *shares,
                        const struct source *previous, const struct source_helpers *helpers,
                        char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
// Call it when the validator has exited. Makes a private copy of its findings (findings.h).
enum result source_settle(struct source *source, char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
// `remaining`: the source whose unix sockets stay; NULL: none. A NULL source is allowed.
void source_free(struct source *source, const struct source *remaining);

#endif
