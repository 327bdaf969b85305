#include "backend/balance.h"

// Each candidate gains its weight; the one that has gained most serves and pays the total.
static size_t choose_weighted(const struct balance_view *view, size_t failed, bool with_penalised,
                              int64_t now_ms) {
    size_t best = BALANCE_NONE;
    int64_t total = 0;
    for (size_t i = 0; i < view->count; i++) {
        struct server_state *state = &view->states[i];
        if (i == failed || (!with_penalised && state->penalty_until_ms > now_ms)) {
            continue;
        }
        state->current_weight += view->entries[i].weight;
        total += view->entries[i].weight;
        if (best == BALANCE_NONE || state->current_weight > view->states[best].current_weight) {
            best = i;
        }
    }
    if (best != BALANCE_NONE) {
        view->states[best].current_weight -= total;
    }
    return best;
}

size_t balance_choose(const struct balance_view *view, size_t failed, int64_t now_ms) {
    if (view->count == 1) {
        return 0;
    }
    size_t index = choose_weighted(view, failed, false, now_ms);
    return index != BALANCE_NONE ? index : choose_weighted(view, failed, true, now_ms);
}

void balance_punish(const struct balance_view *view, size_t index, int64_t until_ms) {
    view->states[index].penalty_until_ms = until_ms;
}
