// The addresses of server names that the monitor has found, in a part of shared memory
// (base/region.h) that the monitor writes and the master reads. A generation with names has one.
//
// Each name has a head and space for its addresses. The version of a name is odd while the monitor
// writes. If it is odd, the master tries again later and does not wait. Sizes and offsets are in
// the private memory of each process.
//
// The monitor uses the network, so the master trusts nothing here. Invariant: server_answers_read()
// returns only addresses of TCP servers that may be used, in a bounded number, with ranks and
// shares in their range. So a monitor that an attacker controls can send requests to wrong
// addresses, and nothing else.
#ifndef RAVELIN_BACKEND_SERVER_ANSWERS_H
#define RAVELIN_BACKEND_SERVER_ANSWERS_H

#include "backend/server_places.h"
#include "base/region.h"
#include "base/result.h"
#include "config/config.h"

enum answer_state {
    ANSWER_NONE, // no resolver has responded yet
    ANSWER_FOUND,
    ANSWER_EMPTY,  // the name does not exist or has no address
    ANSWER_SILENT, // no resolver responds
    ANSWER_FAILED, // a resolver responds with an error, or with an invalid message
    ANSWER_STATE_COUNT
};

struct server_answer {
    enum answer_state state; // state of the last lookup
    bool is_answered;        // `records` are new; false: the former records stay
    size_t count;
    size_t found;   // addresses of the name; more than `count` if some have no place
    size_t refused; // addresses that server_answers_read() did not allow
    struct address first_refused;
    struct server_record *records; // [count], with space for config_server_places() of the name
};

// One name in this part.
struct answer_place {
    size_t head, record; // offsets
    size_t places;
    uint32_t seen; // last version that was read
    // Values of the last log line about the name.
    enum answer_state state;
    size_t found, refused;
};

struct server_answers {
    struct region_part part; // data NULL: the configuration has no names
    struct answer_place *places;
    size_t count; // number of names, in the order of server_name_next()
};

// For the master: makes an empty part. False with errno: nothing was made.
bool server_answers_make(struct server_answers *answers, const struct config *config);
// For the monitor. Owns the descriptor, on failure too.
bool server_answers_open(struct server_answers *answers, const struct config *config, int fd);
void server_answers_close(struct server_answers *answers); // does nothing to a zeroed one

// For the monitor: writes the addresses of a name. `count` is at most the number of its places.
void server_answers_write(const struct server_answers *answers, size_t name,
                          const struct server_answer *answer);
// For the master: reads the addresses of a name. RESULT_AGAIN: nothing new, or the monitor is
// writing.
enum result server_answers_read(struct server_answers *answers, size_t name,
                                struct server_answer *answer) MUST_CHECK;

// Whether a request may be sent to an address from DNS: a unicast address that is not link-local,
// with a port.
bool server_address_is_usable(const struct address *address);

#endif
