// Rights: the user of workers and signers, and how a process drops the rights that it does not
// need.
//
// The master keeps its rights, because a reload reads keys and may bind low ports. It exchanges
// messages only with its children and clients of its control socket. Each other process first calls
// privilege_drop(). Exceptions are the reader, and processes whose spawn.h row keeps the rights.
//
// conf/ravelin.service starts the master as a user with two capabilities (ports below 1024, and
// keys of other users). Then all processes have this user, and privilege_drop() removes the
// capabilities. A worker is kept from the master by its sandbox (sandbox.h), and because no memory
// is dumpable.
#ifndef RAVELIN_PROCESS_PRIVILEGE_H
#define RAVELIN_PROCESS_PRIVILEGE_H

#include "base/result.h"
#include "config/config.h"

#include <stdbool.h>
#include <sys/types.h>

#define PRIVILEGE_GROUPS_MAX 64

// The user to become. `change` is false if the master was not started as root: all processes then
// keep their user.
struct privilege {
    bool change;
    uid_t uid;
    gid_t gid;
    gid_t groups[PRIVILEGE_GROUPS_MAX];
    int group_count;
};

// Finds the configured user. For root without a configured user: "nobody". Refuses root under any
// name. The error is "file:line: ...".
enum result privilege_find(const struct config *config, struct privilege *privilege,
                           char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
// Whether both configurations name the same user. Compares only the configurations, because finding
// a user may ask a server. So the master finds the user only at the start.
bool privilege_is_same(const struct config *a, const struct config *b);

// Forbids core dumps and ptrace by other processes, and sets the umask. A build with sanitizers
// allows ptrace for its leak checker.
void privilege_seal_memory(void);
// In a child: becomes `privilege`, drops all capabilities, can never gain rights again, and seals
// its memory. On failure, *why is the name of the failed call, and the process must exit.
enum result privilege_drop(const struct privilege *privilege, const char **why) MUST_CHECK;

// Raises the soft limit of open descriptors to the hard limit. Children inherit it.
void privilege_raise_descriptor_limit(void);

#endif
