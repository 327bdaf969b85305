// The successor: this master as the next one of an upgrade (upgrade.h is the former side,
// handover.h what they say to each other). A master that was started in the usual way has none of
// this.
//
// What is taken over is private here until the owner uses it: the keys in locked memory, sockets in
// a struct handed. A thing of another layout than this program's is left out, with a note for the
// log: what it was for begins anew.
//
// Until GO this master must accept no connection, write nothing that the former one writes, and
// tell no service manager anything. If the former one dies before GO, this one ends; after GO it
// serves alone.
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

#define SUCCESSOR_WAIT_S 10 // the longest wait for one answer, before there is a loop

struct successor_handler {
    void (*go)(void *context);       // accept connections now
    void (*released)(void *context); // this is the main process
    void (*orphaned)(void *context); // the former master died before GO
    void *context;
};

struct successor_secrets;
struct servers_order;
struct names_record;

// Zeroed: none.
struct successor {
    pid_t former; // 0: this master replaces none
    int fd;       // of the hand-over; 0: none
    bool goes;    // GO has come
    bool serves;  // and SERVING was said
    struct successor_secrets *secrets;
    struct names_record *addresses;
    size_t address_count;
    struct servers_order *orders;
    size_t order_count;
    struct {
        int fd;
        pid_t pid;
    } formers[FORMERS_MAX];
    size_t former_count;
    char notes[512]; // lines for the log; empty: none
    struct successor_handler handler;
    ev_io talk;
};

// Looks whether a former master has started this one, and receives what it hands over: sockets go
// to `handed`. RESULT_EOF: there is none. RESULT_ERROR: `error` says why not; the former master is
// told. Removes the variable in any case.
enum result successor_begin(struct successor *successor, struct handed *handed, const char *version,
                            char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
// Puts the keys that came in place of new ones, and wipes them here. *keys_age_s: since the keys of
// tickets changed. False: there are none.
bool successor_use_keys(struct successor *successor, const struct shares *shares,
                        uint32_t *keys_age_s);
// Gives names of servers the addresses, and servers the orders that they had. Logs what was taken
// over or not.
void successor_use_servers(struct successor *successor, const struct source *source,
                           const struct shares *shares, struct log *log);
// Tells the former master why this one cannot start. There is none: nothing.
void successor_fail(const struct successor *successor, const char *why);

// With a loop.
void successor_listen(struct successor *successor, struct ev_loop *loop,
                      const struct successor_handler *handler);
void successor_say_ready(const struct successor *successor);
// Its workers accept. If the former master is dead, it is released at once.
void successor_say_serving(struct successor *successor);
// It answers commands. The hand-over, and those of masters that drain longer, go to `formers`.
void successor_say_done(struct successor *successor, struct formers *formers);
void successor_free(struct successor *successor);

#endif
