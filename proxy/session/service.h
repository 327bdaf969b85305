// The service: everything the sessions of one worker share, and the handle by which the worker
// process drives them.
//
// One per worker process, on one libev loop. It owns the listeners, all sessions, the current
// generation, the link to the signer and the access log. It does no process work (no fork, no
// signals, no privileges): process/worker does.
//
// Reload is two-phase: service_stage() builds a whole new generation beside the current one and may
// fail without effect; service_commit() swaps it in and cannot fail; service_abort() throws it
// away.
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
    const struct metrics_slot
        *all_metrics; // all slots, to judge limits that count over all workers
    size_t slot_count;
    size_t slot;
    struct client_table *clients;        // shared by all workers; outlives the service
    const struct server_counts *servers; // as is this
    const struct series *series;         // and this
    const struct ticket_store *tickets;  // outlives the service
    void (*drained)(void *context);      // called once when a drain is complete
    void *context;
};

// NULL when memory is short.
struct service *service_new(const struct service_options *options);
// Closes everything at once, also sessions in the middle of an exchange.
void service_free(struct service *service);

// What a generation is built from.
struct service_load {
    uint64_t number;
    int bundle_fd;
    struct server_fds servers;
    const int *listener_fds; // as listener_set_init() takes them, already listening
    size_t listener_count;
    int access_log_fd; // -1: none, or syslog as the config says
};

// Builds a generation. All descriptors become the service's, on failure too. On failure `error`
// says why and nothing has changed.
enum result service_stage(struct service *service, const struct service_load *load,
                          char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
// From now on new exchanges and handshakes use the staged generation; exchanges under way keep
// theirs. Listeners are swapped.
void service_commit(struct service *service);
void service_abort(struct service *service);
// Logs what was found out at the start, when there was no log yet: a library that was refused.
void service_log_start(struct service *service);

// The data socket of the signer. A former one is closed; requests it left unanswered are asked
// again.
void service_attach_signer(struct service *service, int fd);
// The listening sockets of the current generation, some of them bound again; they become the
// service's. False, with nothing done: the number does not fit.
bool service_replace_listeners(struct service *service, const int *fds, size_t count);
// Log rotation: the access log goes on in this descriptor, which becomes the service's.
void service_reopen_access_log(struct service *service, int access_log_fd);
// The end of the service, in up to three steps. From the first on each response closes its
// connection.
void service_retire(struct service *service); // still accepts
// Stops accepting, ends idle sessions, lets exchanges end; then calls options.drained.
void service_drain(struct service *service);
// Ends what has not ended yet: tunnels in order; responses under way are seen as cut.
void service_expire(struct service *service);

#endif
