#include "base/network_set.h"

#include <stdlib.h>

struct network_run {
    struct network form; // its length and family
    size_t first, count;
};

static int compare_forms(const struct network *a, const struct network *b) {
    return a->v6 != b->v6 ? a->v6 - b->v6 : a->bits - b->bits;
}

static int compare(const void *left, const void *right) {
    const struct network *a = left;
    const struct network *b = right;
    int order = compare_forms(a, b);
    return order != 0 ? order : memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static void drop_repeats(struct network_set *set) {
    size_t kept = 0;
    for (size_t i = 0; i < set->count; i++) {
        if (kept == 0 || compare(&set->items[kept - 1], &set->items[i]) != 0) {
            set->items[kept++] = set->items[i];
        }
    }
    set->count = kept;
}

bool network_set_build(struct network_set *set) {
    if (set->count == 0) {
        return true;
    }
    qsort(set->items, set->count, sizeof(*set->items), compare);
    drop_repeats(set);
    size_t runs = 1;
    for (size_t i = 1; i < set->count; i++) {
        runs += compare_forms(&set->items[i - 1], &set->items[i]) != 0;
    }
    set->runs = calloc(runs, sizeof(*set->runs));
    if (set->runs == NULL) {
        return false;
    }
    for (size_t i = 0; i < set->count; i++) {
        if (i == 0 || compare_forms(&set->items[i - 1], &set->items[i]) != 0) {
            set->runs[set->run_count++] = (struct network_run){.form = set->items[i], .first = i};
        }
        set->runs[set->run_count - 1].count++;
    }
    return true;
}

bool network_set_contains(const struct network_set *set, const struct sockaddr *address) {
    for (size_t i = 0; i < set->run_count; i++) {
        const struct network_run *run = &set->runs[i];
        struct network wanted = {.bits = run->form.bits, .v6 = run->form.v6};
        if (network_of(address, &wanted) && bsearch(&wanted, set->items + run->first, run->count,
                                                    sizeof(wanted), compare) != NULL) {
            return true;
        }
    }
    return false;
}

void network_set_free(struct network_set *set) {
    free(set->items);
    free(set->runs);
    *set = (struct network_set){0};
}
