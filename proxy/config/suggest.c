#include "config/suggest.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX 40 // longer words are not typing mistakes

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size) {
    uint8_t cost[WORD_MAX + 1][WORD_MAX + 1];
    for (size_t i = 0; i <= a_size; i++) {
        for (size_t j = 0; j <= b_size; j++) {
            if (i == 0 || j == 0) {
                cost[i][j] = (uint8_t)(i + j);
                continue;
            }
            size_t changed = a[i - 1] != b[j - 1];
            size_t best = smaller(cost[i - 1][j], cost[i][j - 1]) + 1;
            best = smaller(best, cost[i - 1][j - 1] + changed);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                best = smaller(best, (size_t)cost[i - 2][j - 2] + 1);
            }
            cost[i][j] = (uint8_t)best;
        }
    }
    return cost[a_size][b_size];
}

void suggestion_init(struct suggestion *suggestion, const char *word) {
    // A suggestion has at most one mistake for three letters.
    *suggestion = (struct suggestion){.word = word, .distance = (strlen(word) + 2) / 3 + 1};
}

void suggestion_offer(struct suggestion *suggestion, const char *candidate) {
    size_t word_size = strlen(suggestion->word);
    size_t candidate_size = strlen(candidate);
    if (word_size > WORD_MAX || candidate_size > WORD_MAX) {
        return;
    }
    size_t steps = distance(suggestion->word, word_size, candidate, candidate_size);
    if (steps < suggestion->distance) {
        suggestion->distance = steps;
        suggestion->best = candidate;
    }
}

void suggestion_format(const struct suggestion *suggestion, char text[SUGGESTION_TEXT_SIZE]) {
    text[0] = '\0';
    if (suggestion->best != NULL) {
        (void)snprintf(text, SUGGESTION_TEXT_SIZE, "; did you mean '%s'?", suggestion->best);
    }
}
