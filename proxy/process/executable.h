// Which program an upgrade starts: the path by which this one was started. It is looked at again
// for each upgrade, so that a link which leads to another version by then is followed.
#ifndef RAVELIN_PROCESS_EXECUTABLE_H
#define RAVELIN_PROCESS_EXECUTABLE_H

#include <limits.h>
#include <stdbool.h>

#define EXECUTABLE_TEXT_SIZE (PATH_MAX + 128)

// Finds the path of this process, whose argv[0] is `name`: in the folder in which it was started,
// or in PATH. A name that leads to another file is not believed: then it is the path that the
// kernel tells. Empty: it is not known.
void executable_find(const char *name, char path[PATH_MAX]);
// Whether a program can be started there now. Refuses one that any local user may write. False:
// `why` is a text for people.
bool executable_check(const char *path, char why[EXECUTABLE_TEXT_SIZE]);

#endif
