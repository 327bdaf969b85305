// What the monitor has found out about the names of servers, handed to the master in a part
// (base/region.h) that the monitor writes. A generation has one, if it has names.
//
// Each name has a head and room for the addresses that may be used. A version that is odd while the
// monitor writes tells the master what is whole and new; the master tries again later instead of
// waiting. Sizes, and where each name has its room, are private to each process.
//
// The monitor talks to the network, so the master believes nothing here. Invariant: what
// server_answers_read() returns are addresses of TCP servers that may be asked, of a bounded
// number, with ranks and shares in their range. So a monitor that an attacker controls can send
// requests to wrong addresses, and do nothing else.
#ifndef RAVELIN_BACKEND_SERVER_ANSWERS_H
#define RAVELIN_BACKEND_SERVER_ANSWERS_H

#include "backend/server_places.h"
#include "base/region.h"
#include "base/result.h"
#include "config/config.h"

enum answer_state {
    ANSWER_NONE, // no resolver has answered yet
    ANSWER_FOUND,
    ANSWER_EMPTY,  // the name does not exist or has no address
    ANSWER_SILENT, // no resolver answers
    ANSWER_FAILED, // a resolver answers with an error, or nothing that makes sense
    ANSWER_STATE_COUNT
};

struct server_answer {
    enum answer_state state; // of the last answers
    bool is_answered;        // `records` are to be used; else those from before stay
    size_t count;
    size_t found;   // addresses that the name has; more than `count` if some find no place
    size_t refused; // by server_answers_read(): addresses that nothing may be sent to
    struct address first_refused;
    struct server_record *records; // [count], room for config_server_places() of the name
};

// One name in this part.
struct answer_place {
    size_t head, record; // offsets
    size_t places;
    uint32_t seen; // version that was read last
    // What the master has logged of the name.
    enum answer_state state;
    size_t found, refused;
};

struct server_answers {
    struct region_part part; // data NULL: the configuration has no names
    struct answer_place *places;
    size_t count; // of names, in the order of server_name_next()
};

// For the master: makes one, empty. False, with errno: nothing was made.
bool server_answers_make(struct server_answers *answers, const struct config *config);
// For the monitor. Owns the descriptor, on failure too.
bool server_answers_open(struct server_answers *answers, const struct config *config, int fd);
void server_answers_close(struct server_answers *answers); // does nothing to a zeroed one

// For the monitor: what is known of a name. `count` must not be more than its places.
void server_answers_write(const struct server_answers *answers, size_t name,
                          const struct server_answer *answer);
// For the master. RESULT_AGAIN: there is nothing new, or it is being written.
enum result server_answers_read(struct server_answers *answers, size_t name,
                                struct server_answer *answer) MUST_CHECK;

// Whether a request may go to an address that the DNS gives: a unicast address that is not
// link-local, with a port.
bool server_address_is_usable(const struct address *address);

#endif
