// The successor: this master as the next one of an upgrade. upgrade.h is the former side,
// handover.h has their messages. A master that was started normally has no successor state.
//
// Received things are private here until the owner uses them: keys in locked memory, sockets in a
// struct handed. A thing with another layout than this program's is dropped, with a note for the
// log; its state then starts empty.
//
// Before GO, this master must accept no connection, write nothing that the former master writes,
// and notify no service manager. If the former master dies before GO, this one exits. After GO,
// this one continues alone.
#ifndef RAVELIN_PROCESS_SUCCESSOR_H
#define RAVELIN_PROCESS_SUCCESSOR_H

#include "config/config.h"
#include "observe/log.h"
#include "process/formers.h"
#include "process/handed.h"
#include "process/shares.h"
#include "process/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <ev.h>

#define SUCCESSOR_WAIT_S 10 // seconds; longest wait for one message, before there is a loop

struct successor_handler {
    void (*go)(void *context);       // accept connections now
    void (*released)(void *context); // this is the main process now
    void (*orphaned)(void *context); // the former master died before GO
    void *context;
};

struct successor_secrets;
struct servers_order;
struct servers_check;
struct names_record;

// Zeroed: no upgrade.
struct successor {
    pid_t former; // pid; 0: this master replaces none
    int fd;       // of the hand-over; 0: none
    bool goes;    // GO was received
    bool serves;  // SERVING was sent
    uint8_t due;  // HANDOVER_DUE_ bits; valid in released()
    struct successor_secrets *secrets;
    struct names_record *addresses;
    size_t address_count;
    struct servers_order *orders;
    size_t order_count;
    struct servers_check *checks;
    size_t check_count;
    struct {
        int fd;
        pid_t pid;
    } formers[FORMERS_MAX];
    size_t former_count;
    char notes[512]; // lines for the log; empty: none
    struct successor_handler handler;
    ev_io talk;
};

// Checks whether a former master has started this one, and receives its state. Sockets go to
// `handed`. RESULT_EOF: no former master. RESULT_ERROR: `error` has the reason, and so does the
// former master. Removes the variable in all cases.
enum result successor_begin(struct successor *successor, struct handed *handed, const char *version,
                            char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
// Uses the received keys in place of new ones, and wipes them here. *keys_age_s: seconds since the
// ticket keys changed. False: no keys were received.
bool successor_use_keys(struct successor *successor, const struct shares *shares,
                        uint32_t *keys_age_s);
// Applies the received addresses of names, the orders for servers and the state of checks. Logs
// which orders were applied and which were not.
void successor_use_servers(struct successor *successor, const struct source *source,
                           const struct shares *shares, struct log *log);
// Sends the reason for a failed start to the former master. Does nothing without one.
void successor_fail(const struct successor *successor, const char *why);

// Needs a loop.
void successor_listen(struct successor *successor, struct ev_loop *loop,
                      const struct successor_handler *handler);
void successor_say_ready(const struct successor *successor);
// Reports that the workers accept. If the former master is dead, released() is called at once.
void successor_say_serving(struct successor *successor);
// Reports that this master has the commands. The hand-over, and those of masters that still drain,
// become members of `formers`.
void successor_say_done(struct successor *successor, struct formers *formers);
void successor_free(struct successor *successor);

#endif
