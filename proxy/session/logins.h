// Logins: the link of a worker to its auth process (login_message.h), on one SOCK_SEQPACKET socket.
// A password check never blocks the worker's loop.
//
// A password with a cached verdict is not asked about again (login_cache.h). Requests with the same
// name and password share one question. Bounds:
//   guesses    wrong passwords are counted for each client (an IPv4 address or an IPv6 /64 network)
//              over all workers. For a client with too many, no question is asked for some time.
//              Cached right passwords still work
//   questions  at most LOGINS_MAX wait, and LOGINS_PER_CLIENT of one client. If all places are
//              used, a new client replaces a question of the client that has most of them
//   time       a question without a response within LOGINS_WAIT_MS is given up
//
// The auth process gets one question at a time, the oldest first. If the auth process dies, its
// question is sent again on the socket of the next auth process. Passwords of questions are in
// locked memory. They are wiped with the response.
#ifndef RAVELIN_SESSION_LOGINS_H
#define RAVELIN_SESSION_LOGINS_H

#include "base/list.h"
#include "exchange/client_table.h"
#include "session/login_cache.h"
#include "session/login_message.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#define LOGINS_MAX 64
#define LOGINS_PER_CLIENT 4
#define LOGINS_WAIT_MS 10000
// Wrong passwords of one client: LOGINS_WRONG_BURST at once, then one in LOGINS_WRONG_INTERVAL_S.
#define LOGINS_WRONG_BURST 10
#define LOGINS_WRONG_INTERVAL_S 30

struct logins_places;
struct metrics_slot;

struct logins {
    struct ev_loop *loop;
    struct metrics_slot *metrics;
    struct client_table *clients; // shared by all workers
    size_t slot;
    struct login_cache cache;
    ev_io watcher;
    ev_timer telling;
    struct list_node given_up;    // waits whose question has lost its place
    int fd;                       // -1: no auth process now
    struct logins_places *places; // from secret_map(); NULL: no question so far
};

// A wait for a verdict: a member of the object that waits. Zero it before logins_ask().
struct login_wait {
    struct list_node node; // in the list of waits for the same question; zero: in none
    // Called with the verdict. The wait is over, and its owner may free it.
    void (*judged)(struct login_wait *wait);
    uint32_t verdict; // an enum login_verdict
    uint32_t wait_s;  // LATER and BUSY: seconds until the next try
};

struct login_ask {
    struct users_mark file;
    struct slice user, password;
    uint64_t client; // client_table_key()
    int64_t now_us;  // monotonic clock
};

void logins_init(struct logins *logins, struct ev_loop *loop, struct metrics_slot *metrics,
                 struct client_table *clients, size_t slot);
// No wait may be left.
void logins_free(struct logins *logins);
// Sets the socket of the auth process, and takes ownership of it. Closes the former socket.
void logins_attach(struct logins *logins, int fd);
// Asks for a verdict. True: the verdict is in *wait. False: judged() will be called later, never
// from inside this function. Exception: logins_forget() is called first.
bool logins_ask(struct logins *logins, const struct login_ask *ask, struct login_wait *wait);
// Ends the wait without a verdict. Does nothing if `wait` does not wait.
void logins_forget(struct logins *logins, struct login_wait *wait);
// Call it once a second. Gives up late questions and forgets old verdicts.
void logins_tick(struct logins *logins, int64_t now_ms);

#endif
