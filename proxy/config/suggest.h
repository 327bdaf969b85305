// The nearest right name for a misspelt one, by the number of letters inserted, left out, changed
// or swapped (optimal string alignment). Offer every name that would be right, then ask.
#ifndef RAVELIN_CONFIG_SUGGEST_H
#define RAVELIN_CONFIG_SUGGEST_H

#include <stddef.h>

struct suggestion {
    const char *word; // as written
    const char *best; // NULL when nothing offered is near enough to be meant
    size_t distance;
};

void suggestion_init(struct suggestion *suggestion, const char *word);
void suggestion_offer(struct suggestion *suggestion, const char *candidate);

#define SUGGESTION_TEXT_SIZE 96
// "; did you mean 'weight'?", or "" when nothing is near.
void suggestion_format(const struct suggestion *suggestion, char text[SUGGESTION_TEXT_SIZE]);

#endif
