// Finds names that must be unique but are given twice. They are collected while the text is read
// and compared at its end.
#ifndef RAVELIN_CONFIG_UNIQUE_H
#define RAVELIN_CONFIG_UNIQUE_H

#include "config/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One name in the text. Two claims with the same noun, scope and text are a fault.
struct claim {
    const char *noun; // "host name", "route"; belongs to the option table
    uint32_t scope;   // number of the section in which the name must be unique
    int line;
    char *text; // the name; owned
};

struct claims {
    struct claim *items;
    size_t count;
};

// Adds a claim with a copy of `text`. False: memory is short.
bool claims_add(struct claims *claims, const char *noun, uint32_t scope, int line,
                const char *text);
// Sorts the claims by noun and text, and reports each that repeats an earlier one.
void claims_check(struct claims *claims, struct report *report);
void claims_free(struct claims *claims);

#endif
