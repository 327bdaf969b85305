// Parses the value of Authorization for basic authentication (RFC 7617), strictly.
//
// Accepted are the scheme in any case, one or more blanks, and base64 (RFC 4648 4) with its
// padding. The decoded text must be UTF-8 without control characters: a name of 1 to USERS_NAME_MAX
// bytes, a colon, and a password of at most BASIC_PASSWORD_MAX bytes, which may be empty.
#ifndef RAVELIN_HTTP_BASIC_H
#define RAVELIN_HTTP_BASIC_H

#include "base/slice.h"
#include "config/config.h"

#include <stdbool.h>

#define BASIC_PASSWORD_MAX 256 // bytes
#define BASIC_SIZE_MAX (USERS_NAME_MAX + 1 + BASIC_PASSWORD_MAX)

struct http_basic {
    struct slice user, password; // parts of `bytes`
    char bytes[BASIC_SIZE_MAX + 2];
};

// False: the value has another scheme or is malformed; then *basic has no secret. After success,
// the caller wipes *basic.
bool http_basic_read(struct slice value, struct http_basic *basic);

#endif
