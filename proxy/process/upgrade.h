// The upgrade on the side of the former master: starts the executable, hands over all state that
// must not be lost, and drains after the next master serves. The other side is successor.h;
// handover.h has their messages.
//
// Nothing changes here until the next master has reported SERVING: this master and its workers
// continue. They also continue if the next master fails, dies, sends invalid messages, or is not
// ready within UPGRADE_TIMEOUT_S. It is killed then, and the reason is logged and sent to the
// client. After SERVING, this master drains in any case. Both masters use the same listening
// sockets, so that either accepts the connections in their queues.
//
// The next master has the same user and the same rights: root, or the capabilities of the unit. It
// reads the configuration and the keys by itself, as at any start. It is a child of this one.
// Under a service manager it is a child of that (CLONE_PARENT): systemd waits for the end of the
// main process, and notices its death, only if that is a child of its own.
//
// Only one upgrade runs at a time, and no reload begins meanwhile. Orders and USR2 begin an
// upgrade.
#ifndef RAVELIN_PROCESS_UPGRADE_H
#define RAVELIN_PROCESS_UPGRADE_H

#include "process/children.h"
#include "process/executable.h"
#include "process/formers.h"
#include "process/handover.h"
#include "process/ticket_rotation.h"

// Seconds; less than CONTROL_TIMEOUT_S, so that the client gets a reply.
#define UPGRADE_TIMEOUT_S 50
#define UPGRADE_FAREWELL_S 0.2 // for commands that came before the next master has their socket
#define UPGRADE_HELLO_S 10     // seconds; longest wait for HELLO

enum upgrade_phase {
    UPGRADE_IDLE,
    UPGRADE_STARTING, // waits for HELLO
    UPGRADE_HANDING,
    UPGRADE_PROVING, // everything was handed over
    UPGRADE_GOING,   // GO was sent
    UPGRADE_LEAVING, // the next master serves. Commands may still arrive here
    UPGRADE_OVER,
};

struct upgrade_handler {
    // The next master serves. This master must drain now, and notify no service manager any more.
    void (*replaced)(void *context, pid_t by);
    // No command can arrive here any more. This master may exit.
    void (*left)(void *context);
    // The upgrade has failed, and nothing has changed.
    void (*failed)(void *context);
    // Sends the result to the client.
    void (*answer)(void *context, uint64_t client, int exit_code, const char *text);
    // Requests of the next master while this one drains.
    void (*reopen)(void *context);
    void (*stop)(void *context);
    void *context;
};

// The owner sets the members above the line and zeroes the others.
struct upgrade {
    struct children *children;
    const struct ticket_rotation *rotation;
    struct formers *formers;
    const char *executable; // path, absolute
    const char *config_path;
    const char *version; // of this program
    const uint8_t *due;  // HANDOVER_DUE_ bits: what the next master has to do
    struct upgrade_handler handler;
    // ----
    enum upgrade_phase phase;
    pid_t pid;   // pid of the next master; 0: none
    int process; // pidfd of it; 0: it is a child of this process
    uint64_t client;
    enum handover_type item; // what the next WANT gets
    size_t item_at;
    size_t check_at; // checks follow the last order
    ev_io talk;      // watches the hand-over; fd 0: none
    ev_io errors;    // watches stderr of the next master before HELLO; fd 0: none
    ev_timer limit;
    char next_version[64];
    char words[512]; // text that it wrote there
    char refusal[EXECUTABLE_TEXT_SIZE];
};

// Begins an upgrade. `client`: its id; 0: a signal. Returns NULL, or the reason of a refusal.
const char *upgrade_begin(struct upgrade *upgrade, uint64_t client);
// Ends an unfinished upgrade with this reason. Does nothing without one.
void upgrade_abort(struct upgrade *upgrade, const char *why);
// False: an upgrade is under way or over, and no reload may begin.
bool upgrade_is_idle(const struct upgrade *upgrade);
const char *upgrade_phase_name(const struct upgrade *upgrade);
// A process was reaped. Does nothing if it is not one of this upgrade.
void upgrade_note_death(struct upgrade *upgrade, pid_t pid, int status);
// Sends the number of open connections to the next master, if there is one.
void upgrade_tell_state(struct upgrade *upgrade, uint32_t connections);
void upgrade_free(struct upgrade *upgrade);

#endif
