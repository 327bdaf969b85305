// Reload: the change of the generation in running processes, all of them or none.
//
//   read the files (in a child: reading.h) -> validate (in another child) -> open new sockets and logs
//   -> LOAD in every signer -> LOAD in every worker -> COMMIT in every worker
// Any failure before COMMIT (an error, a death, no answer within RELOAD_TIMEOUT_S) aborts in every
// process and changes nothing. COMMIT cannot fail; the reload is over, and its client answered,
// when every worker has done it. One reload at a time: HUP during one starts another afterwards; a
// command is refused, but waits for the end of an automatic one. What cannot change in running
// processes, the number of workers and their user, is an error.
#ifndef RAVELIN_PROCESS_RELOAD_H
#define RAVELIN_PROCESS_RELOAD_H

#include "process/master_state.h"

#define RELOAD_TIMEOUT_S 30

// `client`: who is answered through the control socket with the outcome; 0: nobody, the log has it.
void reload_begin(struct master *master, uint64_t client);
// With the config text that is in use, when files that it names have changed (auto_reload.h, which
// is told how it ends). None must be under way.
void reload_changed_files(struct master *master);
// Ends one that is under way, with this reason; none: nothing.
void reload_abort(struct master *master, const char *why);

// What children do, told by children.c. Answers for another generation than the staged one are
// ignored.
void reload_child_ready(struct child *child, uint64_t generation);
void reload_child_committed(struct child *child, uint64_t generation);
void reload_child_failed(struct child *child, uint64_t generation, const char *why);
void reload_child_died(struct child *child, const char *how);

#endif
