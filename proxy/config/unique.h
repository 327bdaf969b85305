// What may be given once only: collected while the text is read, compared at its end.
#ifndef RAVELIN_CONFIG_UNIQUE_H
#define RAVELIN_CONFIG_UNIQUE_H

#include "config/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Something the text gave a name to. Two claims of the same noun, scope and text are one too many.
struct claim {
    const char *noun; // "host name", "route": not owned, from the option table
    uint32_t scope;   // the section it must be unique in
    int line;
    char *text;
};

struct claims {
    struct claim *items;
    size_t count;
};

// Copies the text. False: out of memory.
bool claims_add(struct claims *claims, const char *noun, uint32_t scope, int line,
                const char *text);
// Reports each that repeats an earlier one, in the order of nouns and texts. Sorts the claims.
void claims_check(struct claims *claims, struct report *report);
void claims_free(struct claims *claims);

#endif
