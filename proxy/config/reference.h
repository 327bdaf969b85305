// The option table in words: for messages, for `ravelin help config` and for conf/README.md.
#ifndef RAVELIN_CONFIG_REFERENCE_H
#define RAVELIN_CONFIG_REFERENCE_H

#include "config/options.h"

#include <stdio.h>

#define REFERENCE_TEXT_SIZE 256
// Describes the values of an option: "a time from 100ms to 1d", "yes or no", "json or combined".
void reference_describe(const struct option *option, char text[REFERENCE_TEXT_SIZE]);
// Describes how a section begins: "listen ADDRESS { ... }", or "" for the outermost.
void reference_begin(const struct section *section, char text[REFERENCE_TEXT_SIZE]);
// Prints every section and option with default, range and help, in the layout of a configuration.
void reference_print(FILE *out);

#endif
