// What the option table says, in words: for messages, for `ravelin help config` and conf/README.md.
#ifndef RAVELIN_CONFIG_REFERENCE_H
#define RAVELIN_CONFIG_REFERENCE_H

#include "config/options.h"

#include <stdio.h>

#define REFERENCE_TEXT_SIZE 256
// What a value of this option must be: "a time from 100ms to 1d", "yes or no", "json or combined".
void reference_describe(const struct option *option, char text[REFERENCE_TEXT_SIZE]);
// Every section and option with default, range and help, laid out like a config file.
void reference_print(FILE *out);

#endif
