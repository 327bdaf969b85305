// Users and the hashes of their passwords, and the check of a password. For auth processes.
//
// Files of the two generations before the current one are kept, so that requests that began before
// a reload can finish. Older files are wiped.
//
// An unknown name takes as long as a known one: its password is compared with the hash of another
// user, chosen by the name. Wrong passwords are counted for each name, known or not. A name with
// too many of them is not checked for some time. Each auth process counts alone and serves one
// worker. So a worker that was taken over can use only its own auth process, at the same rate for
// the same names, and learns no hash.
//
// It never hands out a hash, nor logs a name or a password.
#ifndef RAVELIN_PROCESS_USERS_H
#define RAVELIN_PROCESS_USERS_H

#include "base/result.h"
#include "config/bundle.h"
#include "session/login_message.h"

#include <stdint.h>

// Wrong passwords for one name: USERS_WRONG_BURST at once, then one in USERS_WRONG_INTERVAL_MS.
#define USERS_WRONG_BURST 30
#define USERS_WRONG_INTERVAL_MS 10000
// Passwords in all: USERS_ASK_BURST at once, then one in USERS_ASK_INTERVAL_MS.
#define USERS_ASK_BURST 100
#define USERS_ASK_INTERVAL_MS 20

struct users;

// NULL: memory or random bytes are short.
struct users *users_new(void);
void users_free(struct users *users); // wipes the hashes
// Adds the files of a generation. Does not keep the bundle's mapping.
enum result users_load(struct users *users, uint64_t generation,
                       const struct bundle *bundle) MUST_CHECK;
// Wipes the files of the newest generation, if its number is `generation`, because its reload
// failed.
void users_drop(struct users *users, uint64_t generation);
// Sets the whole response. FAILED if the request is invalid.
void users_judge(struct users *users, const struct login_request *request, int64_t now_ms,
                 struct login_response *response);

#endif
