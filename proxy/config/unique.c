#include "config/unique.h"

#include "config/value.h"

#include <stdlib.h>
#include <string.h>

bool claims_add(struct claims *claims, const char *noun, uint32_t scope, int line,
                const char *text) {
    char *copy = strdup(text);
    struct claim *claim =
        copy == NULL ? NULL : array_append(&claims->items, &claims->count, sizeof(*claim));
    if (claim == NULL) {
        free(copy);
        return false;
    }
    *claim = (struct claim){.noun = noun, .scope = scope, .line = line, .text = copy};
    return true;
}

static int compare_names(const struct claim *a, const struct claim *b) {
    int order = strcmp(a->noun, b->noun);
    if (order == 0) {
        order = (a->scope > b->scope) - (a->scope < b->scope);
    }
    return order != 0 ? order : strcmp(a->text, b->text);
}

static int compare_claims(const void *left, const void *right) {
    const struct claim *a = left;
    const struct claim *b = right;
    int order = compare_names(a, b);
    return order != 0 ? order : (a->line > b->line) - (a->line < b->line);
}

void claims_check(struct claims *claims, struct report *report) {
    if (claims->count == 0) {
        return;
    }
    qsort(claims->items, claims->count, sizeof(*claims->items), compare_claims);
    const struct claim *first = claims->items;
    for (size_t i = 1; i < claims->count; i++) {
        const struct claim *claim = &claims->items[i];
        if (compare_names(first, claim) != 0) {
            first = claim;
            continue;
        }
        char where[REPORT_FIRST_SIZE];
        report_add(report, claim->line, "duplicate %s '%.*s', first %s", claim->noun,
                   REPORT_QUOTE_MAX, claim->text,
                   report_describe(report, first->line, claim->line, where));
    }
}

void claims_free(struct claims *claims) {
    for (size_t i = 0; i < claims->count; i++) {
        free(claims->items[i].text);
    }
    free(claims->items);
    *claims = (struct claims){0};
}
