// `ravelin import nginx FILE`: prints a configuration of Ravelin that does what one of nginx does.
//
// Everything that is left out is named in a comment. What would let in more than before is never
// left out silently: a route, or a site, whose protection has no counterpart is closed with 403.
// Nothing but FILE is read, and nothing is written but standard output.
//
// Beside doctor/: main.c alone knows it.
#ifndef RAVELIN_IMPORT_IMPORT_H
#define RAVELIN_IMPORT_IMPORT_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdio.h>

#define IMPORT_ERROR_SIZE 512

// Runs the command with the words behind `import`. Returns its exit code.
int import_command(int count, char **words);

// Writes the configuration for a text. `path`: of its file, for messages. False: `error` has
// "FILE:LINE: problem", and nothing was written.
bool import_nginx(const char *path, struct slice text, FILE *out, char error[IMPORT_ERROR_SIZE]);

#endif
