// The upgrade, in the master that serves: starts the executable anew, hands everything over that
// must not be lost, and gives way once the next master serves. The other side is successor.h, what
// they say to each other handover.h.
//
// Until the next master has said that its workers serve, nothing changes here: this master and its
// workers go on. They also go on when the next one fails, dies, says nonsense, or is not ready
// within UPGRADE_TIMEOUT_S; it is killed then, and who asked is told why, and the log. Once it has
// said so, this master drains, whatever becomes of the other one. Both use the same listening
// sockets, so that connections in their queues are accepted by either.
//
// The next master is a child of this one, of the same user and with the same rights: root, or
// the capabilities of the unit. It reads the configuration and the keys by itself, as at any start.
//
// One upgrade at a time. No reload begins meanwhile. Asked for by who may give commands, and by
// USR2.
#ifndef RAVELIN_PROCESS_UPGRADE_H
#define RAVELIN_PROCESS_UPGRADE_H

#include "process/children.h"
#include "process/executable.h"
#include "process/formers.h"
#include "process/handover.h"
#include "process/ticket_rotation.h"

#define UPGRADE_TIMEOUT_S 50   // less than CONTROL_TIMEOUT_S: who asked is told
#define UPGRADE_FAREWELL_S 0.2 // for commands that came before the next master has their socket
#define UPGRADE_HELLO_S 10     // until it has said that it is a Ravelin that can take over

enum upgrade_phase {
    UPGRADE_IDLE,
    UPGRADE_STARTING, // HELLO is waited for
    UPGRADE_HANDING,
    UPGRADE_PROVING, // all is handed over
    UPGRADE_GOING,   // GO was said
    UPGRADE_LEAVING, // the next one serves. Commands may still come here
    UPGRADE_OVER,
};

struct upgrade_handler {
    // The next master serves. This one must drain now, and notify no service manager any more.
    void (*replaced)(void *context, pid_t by);
    // No command can come here any more: this master may end.
    void (*left)(void *context);
    // The upgrade has failed, and everything is as before.
    void (*failed)(void *context);
    // Tells who asked.
    void (*answer)(void *context, uint64_t client, int exit_code, const char *text);
    // What the next master asks for while this one drains.
    void (*reopen)(void *context);
    void (*stop)(void *context);
    void *context;
};

// The owner sets what is above the line; the rest is zero at the start.
struct upgrade {
    struct children *children;
    const struct ticket_rotation *rotation;
    struct formers *formers;
    const char *executable; // path, absolute
    const char *config_path;
    const char *version; // of this program
    struct upgrade_handler handler;
    // ----
    enum upgrade_phase phase;
    pid_t pid; // of the next master; 0: none
    uint64_t client;
    enum handover_type item; // what the next WANT gets
    size_t item_at;
    ev_io talk;   // fd 0: none
    ev_io errors; // what the next one writes to stderr before HELLO; fd 0: none
    ev_timer limit;
    char next_version[64];
    char words[512]; // that came there
    char refusal[EXECUTABLE_TEXT_SIZE];
};

// `client`: who asks; 0: a signal. Returns NULL, or why it is refused.
const char *upgrade_begin(struct upgrade *upgrade, uint64_t client);
// Ends one that has not come to its end, with this reason; none: nothing.
void upgrade_abort(struct upgrade *upgrade, const char *why);
// Under way, or over: no reload may begin.
bool upgrade_is_idle(const struct upgrade *upgrade);
const char *upgrade_phase_name(const struct upgrade *upgrade);
// A process was reaped. One of which it knows nothing: nothing.
void upgrade_note_death(struct upgrade *upgrade, pid_t pid, int status);
// Says how far the drain is, if there is a next master.
void upgrade_tell_state(struct upgrade *upgrade, uint32_t connections);
void upgrade_free(struct upgrade *upgrade);

#endif
