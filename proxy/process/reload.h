// Reload: changes the generation in all running processes, or in none.
//
//   1. read the files (in a child: reading.h)
//   2. validate them (in another child: validate.h)
//   3. open new sockets and logs
//   4. LOAD in every child, kind by kind in the order of the rows (kinds.h)
//   5. COMMIT in every child of a kind that commits
//
// A failure before COMMIT (an error, a death, no reply within RELOAD_TIMEOUT_S) aborts the reload
// in every process and changes nothing. COMMIT cannot fail. The reload is over when every child has
// committed. Only one reload runs at a time. A change of the number of workers or of their user is
// an error, because running processes cannot change it.
//
// This module does not know the handler's owner, which logs the result and sends it to the client.
#ifndef RAVELIN_PROCESS_RELOAD_H
#define RAVELIN_PROCESS_RELOAD_H

#include "process/children.h"
#include "process/log_writer.h"
#include "process/reading.h"
#include "process/source.h"
#include "process/validate.h"

#define RELOAD_TIMEOUT_S 30

// The phases follow in this order.
enum reload_phase {
    RELOAD_IDLE,
    RELOAD_READ, // the reader reads the files
    RELOAD_VALIDATE,
    RELOAD_LOAD,   // LOAD was sent to all kinds up to `kind`
    RELOAD_COMMIT, // COMMIT was sent: the reload cannot fail any more
};

enum reload_result { RELOAD_DONE, RELOAD_FAILED, RELOAD_SAME }; // SAME: the files are the same

// The origin of a reload.
enum reload_asker {
    RELOAD_BY_NONE, // no request
    RELOAD_BY_SIGNAL,
    RELOAD_BY_CLIENT, // a client of the control socket, which waits for the result
    RELOAD_BY_CHANGE, // changed files: the config text in use stays
};

struct reload_request {
    enum reload_asker by; // id of the client, if RELOAD_BY_CLIENT; else 0
    uint64_t client;      // RELOAD_BY_CLIENT: who; else 0
};

// The result of a reload, which is idle again.
struct reload_end {
    enum reload_result result;
    int exit_code;
    const char *text; // for the origin of the request
    const char *who;  // child that wrote the text: "validator"; NULL: the master
    struct reload_request request;
    struct reload_request next; // came during the reload, to be begun next
};

struct reload_handler {
    // A reload begins, for a signal or a client.
    void (*began)(void *context);
    // The reader of a RELOAD_BY_CHANGE has ended.
    void (*read)(void *context);
    // `staged` is now the generation of all children. The handler must free the former one.
    void (*committed)(void *context, struct source *staged);
    // The reload has ended. May begin the next one.
    void (*ended)(void *context, const struct reload_end *end);
    void *context;
};

// The owner sets the members above the line and calls reload_init(). Their objects outlive the
// reload.
struct reload {
    struct children *children; // a reload replaces their `current`
    const char *config_path;
    const struct source_helpers *helpers;
    uint64_t last_number; // last number given to a generation
    struct reload_handler handler;
    // ----
    enum reload_phase phase;
    size_t kind;     // row of the kind that loads
    const char *who; // as in struct reload_end
    struct source *staged;
    struct reading reading;
    struct validation validation;
    ev_io verdict; // watches the reader, then the validator
    ev_timer timeout;
    struct reload_request request; // RELOAD_BY_NONE while idle
    struct reload_request next;    // came from a signal or client during the reload
};

void reload_init(struct reload *reload);
// Begins a reload. `client`: its id; 0: a signal. During another reload, a signal is stored as the
// next request. So is one client, if the other reload is RELOAD_BY_CHANGE. Returns NULL, or the
// reason of a refusal.
const char *reload_begin(struct reload *reload, uint64_t client);
// Begins a reload with the config text in use, because files that it names have changed. No reload
// may be under way.
void reload_changed_files(struct reload *reload);
// Ends a reload with this reason. Does nothing if none is under way.
void reload_abort(struct reload *reload, const char *why);
// Whether children have messages of this reload. Before that, the reader or the validator works,
// and the children and their generation may change as without a reload.
bool reload_concerns_children(const struct reload *reload);
// A process was reaped. Does nothing if it is not one of this reload.
void reload_note_death(struct reload *reload, pid_t pid, int status);

// Reports of children (children.h). Ignored for other generations than the staged one.
void reload_child_ready(struct reload *reload, struct child *child, uint64_t generation);
void reload_child_committed(struct reload *reload, struct child *child, uint64_t generation);
void reload_child_failed(struct reload *reload, struct child *child, uint64_t generation,
                         const char *why);
void reload_child_died(struct reload *reload, const char *how);

#endif
