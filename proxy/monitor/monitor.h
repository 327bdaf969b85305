// The monitor: one process for all workers. It serves /ready and /metrics on the sockets of
// `admin`, checks servers (health.h), and looks up server names (names.h).
//
// It loads a generation like a worker, in two steps: monitor_stage(), then monitor_commit() or
// monitor_abort(). It reads counters that workers write, and must check them, because an attacker
// may control a worker. It has no sessions, no TLS and no requests of clients.
#ifndef RAVELIN_MONITOR_MONITOR_H
#define RAVELIN_MONITOR_MONITOR_H

#include "base/result.h"
#include "monitor/watched.h"

struct monitor;

struct monitor *monitor_new(const struct monitor_options *options); // NULL: memory is short
void monitor_free(struct monitor *monitor);
// Builds a generation, and drops one that was staged before. RESULT_ERROR: `error` has the reason.
enum result monitor_stage(struct monitor *monitor, const struct monitor_load *load,
                          char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
void monitor_commit(struct monitor *monitor); // makes the staged generation current
void monitor_abort(struct monitor *monitor);  // drops the staged generation, if any
// Serves on these sockets in place of the former ones. Owns the descriptors.
void monitor_replace_admin(struct monitor *monitor, const int *fds, size_t count);

#endif
