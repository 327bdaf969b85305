// Reload: the change of the generation in running processes, all of them or none.
//
//   read the files (in a child: reading.h) -> validate (in another child) -> open new sockets and
//   logs
//   -> LOAD in every child, kind by kind in the order of the rows (kinds.h)
//   -> COMMIT in every child of a kind that commits
// Any failure before COMMIT (an error, a death, no answer within RELOAD_TIMEOUT_S) aborts in every
// process and changes nothing. COMMIT cannot fail; the reload is over when every child has done it.
// One reload at a time. What cannot change in running processes, the number of workers and their
// user, is an error.
//
// Nothing here knows the handler's owner, which logs how a reload ended and tells who asked for it.
#ifndef RAVELIN_PROCESS_RELOAD_H
#define RAVELIN_PROCESS_RELOAD_H

#include "process/children.h"
#include "process/log_writer.h"
#include "process/reading.h"
#include "process/source.h"
#include "process/validate.h"

#define RELOAD_TIMEOUT_S 30

// In this order.
enum reload_phase {
    RELOAD_IDLE,
    RELOAD_READ, // the reader reads the files
    RELOAD_VALIDATE,
    RELOAD_LOAD,   // LOAD was sent to all kinds up to `kind`
    RELOAD_COMMIT, // COMMIT was sent: nothing can go back any more
};

enum reload_result { RELOAD_DONE, RELOAD_FAILED, RELOAD_SAME }; // the files are the same

// Who asks for a reload.
enum reload_asker {
    RELOAD_BY_NONE, // there is no request
    RELOAD_BY_SIGNAL,
    RELOAD_BY_CLIENT, // of the control socket, who waits for the outcome
    RELOAD_BY_CHANGE, // of files: the config text that is in use stays
};

struct reload_request {
    enum reload_asker by;
    uint64_t client; // RELOAD_BY_CLIENT: who; else 0
};

// How a reload ended. By then it is idle again.
struct reload_end {
    enum reload_result result;
    int exit_code;
    const char *text; // for who asked
    const char *who;  // the child that wrote the text: "validator"; NULL: the master
    struct reload_request request;
    struct reload_request next; // came meanwhile and is to be begun
};

struct reload_handler {
    // A reload begins that a signal or a client asked for.
    void (*began)(void *context);
    // The reader of a reload by change has ended.
    void (*read)(void *context);
    // `staged` has become the generation of all children. The former one is the handler's to free.
    void (*committed)(void *context, struct source *staged);
    // May begin the next one.
    void (*ended)(void *context, const struct reload_end *end);
    void *context;
};

// The owner sets what is above the line and calls reload_init(); all of it outlives the reload.
struct reload {
    struct children *children; // their `current` is what a reload replaces
    const char *config_path;
    const struct source_helpers *helpers;
    uint64_t last_number; // of a generation, used or tried
    struct reload_handler handler;
    // ----
    enum reload_phase phase;
    size_t kind;     // row of the kind that loads
    const char *who; // as in struct reload_end
    struct source *staged;
    struct reading reading;
    struct validation validation;
    ev_io verdict; // of the reader, then of the validator
    ev_timer timeout;
    struct reload_request request; // by none while idle
    struct reload_request next;    // came meanwhile, by a signal or a client
};

void reload_init(struct reload *reload);
// `client`: who asks; 0: a signal. While one runs, a signal is remembered as the next request, and
// so is one client if the one that runs is by change. Returns NULL, or why it is refused.
const char *reload_begin(struct reload *reload, uint64_t client);
// With the config text that is in use, when files that it names have changed. None must be under
// way.
void reload_changed_files(struct reload *reload);
// Ends one that is under way, with this reason; none: nothing.
void reload_abort(struct reload *reload, const char *why);
// A process was reaped. One of which it knows nothing: nothing.
void reload_note_death(struct reload *reload, pid_t pid, int status);

// What children report (children.h). Answers for another generation than the staged one are
// ignored.
void reload_child_ready(struct reload *reload, struct child *child, uint64_t generation);
void reload_child_committed(struct reload *reload, struct child *child, uint64_t generation);
void reload_child_failed(struct reload *reload, struct child *child, uint64_t generation,
                         const char *why);
void reload_child_died(struct reload *reload, const char *how);

#endif
