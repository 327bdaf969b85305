// Messages between a worker and its auth process, on a SOCK_SEQPACKET socket pair. A datagram has
// one request or one response. Each request gets one response with the same number.
//
// An auth process only compares a password with the hash of a user. Both sides check the size of a
// datagram before they read a member, and the sizes of texts before they read a text.
#ifndef RAVELIN_SESSION_LOGIN_MESSAGE_H
#define RAVELIN_SESSION_LOGIN_MESSAGE_H

#include "config/config.h"
#include "http/basic.h"

#include <stdint.h>

#define LOGIN_PASSWORD_MAX BASIC_PASSWORD_MAX

struct login_request {
    uint64_t number;
    struct users_mark file; // identifies the file of users
    uint16_t user_size;     // 1 to USERS_NAME_MAX
    uint16_t password_size; // 0 to LOGIN_PASSWORD_MAX; no byte is 0
    char user[USERS_NAME_MAX];
    char password[LOGIN_PASSWORD_MAX];
};

enum login_verdict {
    LOGIN_FAILED, // not checked: unknown file, or the hash cannot be computed
    LOGIN_GRANTED,
    LOGIN_WRONG, // no such user, or a wrong password
    LOGIN_LATER, // not checked: too many wrong passwords for this user, or from this client
    LOGIN_BUSY,  // not checked: too many passwords in all
    LOGIN_VERDICTS,
};

struct login_response {
    uint64_t number;
    uint32_t wait_s; // LATER and BUSY: seconds until the next try; at most LOGIN_WAIT_MAX_S
    uint32_t verdict;
};

#define LOGIN_WAIT_MAX_S 3600

#endif
