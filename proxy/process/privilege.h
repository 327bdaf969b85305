// Rights: who the workers and signers run as, and how a process gives up what it does not need.
//
// The master keeps its rights (a reload reads keys and may bind low ports) and talks to nobody but
// its children and the owner of its control socket. Everybody else calls privilege_drop() before
// anything else.
//
// conf/ravelin.service starts the master as a user with two capabilities (ports below 1024, and
// keys of other users). Then all processes have that user, and privilege_drop() takes the
// capabilities away. What keeps a worker from the master is its sandbox (sandbox.h), and that no
// memory is dumpable.
#ifndef RAVELIN_PROCESS_PRIVILEGE_H
#define RAVELIN_PROCESS_PRIVILEGE_H

#include "base/result.h"
#include "config/config.h"

#include <stdbool.h>
#include <sys/types.h>

#define PRIVILEGE_GROUPS_MAX 64

// Whom to become. `change` is false when the master was not started as root: then everybody stays
// who they are.
struct privilege {
    bool change;
    uid_t uid;
    gid_t gid;
    gid_t groups[PRIVILEGE_GROUPS_MAX];
    int group_count;
};

// Looks up the configured user; as root without one, "nobody". Root by whatever name is refused.
// The error is "file:line: ...".
enum result privilege_find(const struct config *config, struct privilege *privilege,
                           char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
// Whether both configurations name the same user. A look into the configurations alone: to look up
// a user may mean to ask a server, so the master does it at the start only.
bool privilege_is_same(const struct config *a, const struct config *b);

// No core dumps, no ptrace by others (a sanitizer's build stays open to its leak checker), umask.
void privilege_seal_memory(void);
// In a child: becomes `privilege`, keeps no capability, can never gain rights again, and seals its
// memory. On failure *why names the call that failed; the process must end.
enum result privilege_drop(const struct privilege *privilege, const char **why) MUST_CHECK;

// The soft limit of open descriptors up to the hard one; what children inherit.
void privilege_raise_descriptor_limit(void);

#endif
