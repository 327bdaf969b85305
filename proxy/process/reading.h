// Reading: the config file and all files that it names, read and parsed in a process of its own.
//
// libconfuse exits its process if memory is short, and a reader waits for a file on a mount whose
// server is gone. The master must do neither. The reader has the master's rights, because private
// keys are files that only root may read. It reads and checks everything, sends the descriptors of
// all bundles (config/bundle.h) and exits. The master gets the checked config from the bundle. If
// the reader crashes or does not end, only the reload fails.
#ifndef RAVELIN_PROCESS_READING_H
#define RAVELIN_PROCESS_READING_H

#include "process/source.h"
#include "process/spawn.h"
#include "process/validate.h"

#define READING_TIMEOUT_S 30

// The reading of a child under way.
struct reading {
    struct validation child;         // `text` is the error, or the warnings of the bundles
    int files_fd, keys_fd, users_fd; // received bundles, owned by the caller; -1: none
    bool same; // the bundles would be the same as those of `former`, and none came
};

struct reading_input {
    const char *path;            // of the config file
    const struct source *former; // NULL, or: read its config text, and the present files
    const struct title *title;
};

void reading_init(struct reading *reading); // no reading is under way
enum result reading_start(struct reading *reading, const struct reading_input *input) MUST_CHECK;
// RESULT_AGAIN: not ended yet. RESULT_OK: bundles came, or `same`. RESULT_ERROR: child.text has the
// reason. After OK and ERROR, the child is reaped and its descriptor is closed.
enum result reading_receive(struct reading *reading) MUST_CHECK;
// Cancels a reading, if one is under way: kills the child, reaps it and closes received
// descriptors.
void reading_cancel(struct reading *reading);
// Makes a source of the received bundles, and takes ownership of them. `path`: name of the config
// file in messages; NULL: its absolute path.
struct source *reading_take(struct reading *reading, const char *path, uint64_t number,
                            char error[CONFIG_ERROR_SIZE]);
// All of this in one call: waits at most READING_TIMEOUT_S. NULL with `error`.
struct source *reading_wait(const struct reading_input *input, uint64_t number,
                            char error[CONFIG_ERROR_SIZE]);

#endif
