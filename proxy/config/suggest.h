// Finds the nearest valid name for a misspelt one, by the number of letters inserted, left out,
// changed or swapped (optimal string alignment). Offer every valid name, then read `best`.
#ifndef RAVELIN_CONFIG_SUGGEST_H
#define RAVELIN_CONFIG_SUGGEST_H

#include <stddef.h>

struct suggestion {
    const char *word; // the misspelt name
    const char *best; // the nearest name; NULL: no name is near enough
    size_t distance;
};

void suggestion_init(struct suggestion *suggestion, const char *word);
void suggestion_offer(struct suggestion *suggestion, const char *candidate);

#define SUGGESTION_TEXT_SIZE 96
// Writes "; did you mean 'weight'?", or "" if no name is near enough.
void suggestion_format(const struct suggestion *suggestion, char text[SUGGESTION_TEXT_SIZE]);

#endif
