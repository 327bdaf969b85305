// Writes a file completely or not at all: first with the name PATH.new, then renamed. Removes the
// rest of an interrupted attempt. Does not follow a link at either path.
#ifndef RAVELIN_ACME_FILE_H
#define RAVELIN_ACME_FILE_H

#include "base/slice.h"

#include <stdbool.h>
#include <sys/types.h>

// The new file has exactly this mode and was synced to disk. False, with the errno of the first
// failure: nothing has changed. The path must be shorter than ACME_PATH_MAX.
bool acme_write_file(const char *path, struct slice content, mode_t mode);

#endif
