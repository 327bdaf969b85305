// `ravelin import nginx FILE`: prints a configuration of Ravelin with the behaviour of an nginx
// one.
//
// A comment names each directive that is left out. A protection without a counterpart is never left
// out silently: its route or site responds with 403. The command reads only FILE and writes only
// standard output.
//
// Only main.c uses this folder.
#ifndef RAVELIN_IMPORT_IMPORT_H
#define RAVELIN_IMPORT_IMPORT_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdio.h>

#define IMPORT_ERROR_SIZE 512

// Runs the command. `words`: the arguments after `import`. Returns the exit code.
int import_command(int count, char **words);

// Translates a text. `path`: of its file, for messages. False: `error` has "FILE:LINE: problem",
// and nothing was written.
bool import_nginx(const char *path, struct slice text, FILE *out, char error[IMPORT_ERROR_SIZE]);

#endif
