// Finds the program that an upgrade starts: the path by which this process was started. Each
// upgrade resolves the path again, and so follows a link that was changed to another version.
#ifndef RAVELIN_PROCESS_EXECUTABLE_H
#define RAVELIN_PROCESS_EXECUTABLE_H

#include <limits.h>
#include <stdbool.h>

#define EXECUTABLE_TEXT_SIZE (PATH_MAX + 128)

// Finds the path of this process, whose argv[0] is `name`: in the folder in which it was started,
// or in PATH. If `name` leads to another file, uses the path of the kernel instead. Empty: unknown.
void executable_find(const char *name, char path[PATH_MAX]);
// Whether the program at this path can be started now. Refuses a program that any local user may
// write. False: `why` is a message for operators.
bool executable_check(const char *path, char why[EXECUTABLE_TEXT_SIZE]);

#endif
