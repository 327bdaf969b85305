// The service: all that the sessions of one worker share, and the interface through which the
// worker process controls them.
//
// A worker process has one service, on one libev loop. The service owns the listeners, all
// sessions, the current generation, the link to the signer and the access log. It does no process
// work (no fork, no signals, no privileges): process/worker does.
//
// A reload has two phases. service_stage() builds a new generation next to the current one and may
// fail without effect. Then service_commit() makes it the current one and cannot fail, or
// service_abort() discards it.
#ifndef RAVELIN_SESSION_SERVICE_H
#define RAVELIN_SESSION_SERVICE_H

#include "backend/server_counts.h"
#include "backend/server_table.h"
#include "base/result.h"
#include "config/config.h"
#include "exchange/client_table.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "tls/handshake/ticket.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ev_loop;
struct service;

struct service_options {
    struct ev_loop *loop;
    struct log *log;              // outlives the service
    struct metrics_slot *metrics; // this worker's slot
    // All slots, for limits that count over all workers.
    const struct metrics_slot *all_metrics;
    size_t slot_count;
    size_t slot;
    struct client_table *clients;        // shared by all workers; outlives the service
    const struct server_counts *servers; // shared by all workers; outlives the service
    const struct series *series;         // outlives the service
    const struct ticket_store *tickets;  // outlives the service
    void (*drained)(void *context);      // called once when a drain is complete
    void *context;
};

// NULL: memory is short.
struct service *service_new(const struct service_options *options);
// Closes everything at once, also sessions with open exchanges.
void service_free(struct service *service);

// The parts of a new generation.
struct service_load {
    uint64_t number;
    int bundle_fd;
    struct server_fds servers;
    const int *listener_fds; // as for listener_set_init(), already listening
    size_t listener_count;
    int access_log_fd; // -1: none, or syslog if configured
};

// Builds a generation. The service takes ownership of all descriptors, also on failure. On failure,
// `error` has the reason and nothing has changed.
enum result service_stage(struct service *service, const struct service_load *load,
                          char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
// Makes the staged generation current, and replaces the listeners. New exchanges and handshakes use
// the new generation; exchanges under way keep theirs.
void service_commit(struct service *service);
void service_abort(struct service *service);
// Logs problems that occurred before a log was open: a library that was refused.
void service_log_start(struct service *service);

// Sets the data socket of the signer. Closes the former socket. Requests without a response are
// sent again.
void service_attach_signer(struct service *service, int fd);
// Sets the data socket of the auth process, in the same way.
void service_attach_logins(struct service *service, int fd);
// Replaces the listening sockets of the current generation, because some were bound again. The
// service takes ownership of them. False: the number does not fit; nothing was done.
bool service_replace_listeners(struct service *service, const int *fds, size_t count);
// Log rotation: replaces the descriptor of the access log, and takes ownership of it.
void service_reopen_access_log(struct service *service, int access_log_fd);
// The end of the service, in up to three steps. After the first step, each response closes its
// connection.
void service_retire(struct service *service); // still accepts connections
// Stops accepting, ends idle sessions and lets exchanges end. Then calls options.drained.
void service_drain(struct service *service);
// Ends the sessions that remain: tunnels in order; clients see responses under way as incomplete.
void service_expire(struct service *service);

#endif
