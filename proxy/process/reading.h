// Reading: the config file and every file it names, read and parsed in a process of its own.
//
// libconfuse ends its process when memory is short, and a file on a mount whose server is gone lets
// its reader wait. The master can afford neither. The reader has the master's rights, because
// private keys are files that root alone may read. It reads and checks everything, sends the
// descriptors of both bundles (config/bundle.h) and ends. The master takes the checked config from
// the bundle. A crash of the reader, or one that does not come to an end, costs the reload that
// asked.
#ifndef RAVELIN_PROCESS_READING_H
#define RAVELIN_PROCESS_READING_H

#include "process/source.h"
#include "process/spawn.h"
#include "process/validate.h"

#define READING_TIMEOUT_S 30

// A reading under way in a child.
struct reading {
    struct validation child; // its text is the error, or the warnings of the bundles
    int files_fd, keys_fd;   // of the bundles that came: the caller's; -1: none
    bool same;               // they are what `former` holds, and there are none
};

struct reading_input {
    const char *path;            // of the config file
    const struct source *former; // NULL, or: read the text it holds, and the files as they are now
    const struct title *title;
};

void reading_init(struct reading *reading); // none
enum result reading_start(struct reading *reading, const struct reading_input *input) MUST_CHECK;
// RESULT_AGAIN: not at its end. RESULT_OK: bundles came, or `same`. RESULT_ERROR: child.text says
// why not. At the end the child is reaped and its descriptor is closed.
enum result reading_receive(struct reading *reading) MUST_CHECK;
// Gives up: kills the child, reaps it and closes what came. None: nothing.
void reading_cancel(struct reading *reading);
// Makes a source of the bundles that came, which it takes. `path`: how the config file is named in
// messages; NULL: by its absolute path.
struct source *reading_take(struct reading *reading, const char *path, uint64_t number,
                            char error[CONFIG_ERROR_SIZE]);
// All of this at once: waits READING_TIMEOUT_S at most. NULL with `error`.
struct source *reading_wait(const struct reading_input *input, uint64_t number,
                            char error[CONFIG_ERROR_SIZE]);

#endif
