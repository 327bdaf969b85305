#include "backend/balance.h"

#include "base/hash.h"

#include <math.h>

// The servers that may be chosen now.
struct group {
    const struct balance_wish *wish;
    enum server_standing standing;
    bool with_ejected;
    uint32_t rank; // of backup servers; RANK_ANY: all
};

#define RANK_ANY UINT32_MAX

bool balance_is_free(const struct balance_view *view, size_t index) {
    const struct server_entry *entry = &view->entries[index];
    return entry->connections_max == 0 ||
           server_counter_total(&view->counter, entry->cell) < entry->connections_max;
}

static inline const struct health *health_of(const struct balance_view *view, size_t i) {
    return &view->health[view->entries[i].cell];
}

static bool is_up(const struct balance_view *view, size_t i) {
    return view->checks == NULL || check_standing(&view->checks[view->entries[i].cell]) == CHECK_UP;
}

static bool was_tried(const struct balance_wish *wish, size_t i) {
    uint32_t k = 0;
    while (k < wish->tried_count && wish->tried[k] != i) {
        k++;
    }
    return k < wish->tried_count;
}

static uint32_t rank_of(const struct balance_view *view, size_t i) {
    return atomic_load_explicit(&view->entries[i].rank, memory_order_relaxed);
}

// Whether a server belongs to the group, for any number of its connections.
static inline bool is_member(const struct balance_view *view, const struct group *group, size_t i) {
    return server_entry_standing(&view->entries[i]) == group->standing &&
           (group->rank == RANK_ANY || rank_of(view, i) == group->rank) &&
           (group->with_ejected ||
            (health_until(health_of(view, i)) <= group->wish->due_ms && is_up(view, i))) &&
           (group->wish->tried_count == 0 || !was_tried(group->wish, i));
}

static inline bool is_in(const struct balance_view *view, const struct group *group, size_t i) {
    return is_member(view, group, i) && (!view->is_limited || balance_is_free(view, i));
}

// The weight of a server, with slow start in 256ths.
static inline uint64_t weight_of(const struct balance_view *view, const struct group *group,
                                 size_t i) {
    uint64_t weight = view->entries[i].weight;
    if (view->slow_start_ms == 0) {
        return weight;
    }
    const struct health *health = health_of(view, i);
    int64_t since_ms = health_is_out(health) ? 0 : health_since(health);
    int64_t up_ms = view->checks == NULL ? 0 : check_since(&view->checks[view->entries[i].cell]);
    since_ms = up_ms > since_ms ? up_ms : since_ms;
    return weight * health_share(since_ms, view->slow_start_ms, group->wish->now_ms);
}

// --- Load ---

// Connections in use relative to a weight, compared as quotients.
struct load {
    uint32_t used;
    uint64_t weight;
};

static const struct load WHATEVER = {1, 0}; // more than any other

static struct load load_of(const struct balance_view *view, const struct group *group, size_t i) {
    const struct server_entry *entry = &view->entries[i];
    return (struct load){server_counter_sum(&view->counter, entry->cell),
                         weight_of(view, group, i)};
}

static bool is_less(struct load a, struct load b) {
    return a.used * b.weight < b.used * a.weight;
}

// --- Turns ---

// Each candidate gains its weight. The one with the largest sum is chosen and pays the total of all
// weights. A server with more than `most` connections is not a candidate.
static size_t choose_by_turn(const struct balance_view *view, const struct group *group,
                             const struct load *most) {
    size_t best = BALANCE_NONE;
    int64_t total = 0;
    for (size_t i = 0; i < view->count; i++) {
        struct server_state *state = &view->states[i];
        if (!is_in(view, group, i) || (most != NULL && is_less(*most, load_of(view, group, i)))) {
            continue;
        }
        int64_t weight = (int64_t)weight_of(view, group, i);
        state->current_weight += weight;
        total += weight;
        if (best == BALANCE_NONE || state->current_weight > view->states[best].current_weight) {
            best = i;
        }
    }
    if (best != BALANCE_NONE) {
        view->states[best].current_weight -= total;
    }
    return best;
}

static size_t choose_idlest(const struct balance_view *view, const struct group *group) {
    struct load least = WHATEVER;
    size_t first = BALANCE_NONE;
    for (size_t i = 0; i < view->count; i++) {
        if (is_in(view, group, i) && is_less(load_of(view, group, i), least)) {
            least = load_of(view, group, i);
            first = i;
        }
    }
    size_t index = first == BALANCE_NONE ? first : choose_by_turn(view, group, &least);
    return index != BALANCE_NONE ? index : first; // other workers may have counted meanwhile
}

// --- Chance ---

static uint64_t weigh(const struct balance_view *view, const struct group *group, size_t without) {
    uint64_t total = 0;
    for (size_t i = 0; i < view->count; i++) {
        total += i != without && is_in(view, group, i) ? weight_of(view, group, i) : 0;
    }
    return total;
}

// Draws one of the candidates except `without`, by weight.
static size_t draw(const struct balance_view *view, const struct group *group, size_t without,
                   uint64_t random) {
    uint64_t total = weigh(view, group, without);
    uint64_t left = total == 0 ? 0 : random % total;
    for (size_t i = 0; total > 0 && i < view->count; i++) {
        uint64_t weight = i != without && is_in(view, group, i) ? weight_of(view, group, i) : 0;
        if (left < weight) {
            return i;
        }
        left -= weight;
    }
    return BALANCE_NONE;
}

static size_t choose_of_two(const struct balance_view *view, const struct group *group) {
    uint64_t random = group->wish->number;
    size_t first = draw(view, group, BALANCE_NONE, random);
    size_t second = draw(view, group, first, hash_mix(random));
    return second != BALANCE_NONE &&
                   is_less(load_of(view, group, second), load_of(view, group, first))
               ? second
               : first;
}

// --- Hash ---

// The number of a server in a draw: with u uniform in (0, 1), log(u) / weight is the largest with a
// probability in proportion to the weight.
static double draw_of(const struct server_entry *entry, uint64_t key, uint64_t weight) {
    uint64_t own = atomic_load_explicit(&entry->address_hash, memory_order_relaxed);
    uint64_t number = hash_mix(key ^ own) >> 11; // as many bits as a double has
    double uniform = ((double)number + 0.5) * 0x1p-53;
    return log(uniform) / (double)weight;
}

static size_t choose_by_key(const struct balance_view *view, const struct group *group) {
    size_t best = BALANCE_NONE;
    double most = 0;
    for (size_t i = 0; i < view->count; i++) {
        if (is_in(view, group, i)) {
            double drawn =
                draw_of(&view->entries[i], group->wish->number, weight_of(view, group, i));
            if (best == BALANCE_NONE || drawn > most) {
                best = i;
                most = drawn;
            }
        }
    }
    return best;
}

// --- Choosing ---

static size_t choose(const struct balance_view *view, const struct group *group) {
    switch (group->wish->how) {
    case BALANCE_LEAST_CONNECTIONS:
        return choose_idlest(view, group);
    case BALANCE_RANDOM_TWO:
        return choose_of_two(view, group);
    case BALANCE_HASH:
        return choose_by_key(view, group);
    default:
        return choose_by_turn(view, group, NULL);
    }
}

// The groups for a wish, in their order.
#define GROUPS(wish)                                                                               \
    {                                                                                              \
        {(wish), SERVER_PRIMARY, .with_ejected = false, .rank = RANK_ANY},                         \
            {(wish), SERVER_BACKUP, .with_ejected = false, .rank = RANK_ANY},                      \
            {(wish), SERVER_PRIMARY, .with_ejected = true, .rank = RANK_ANY},                      \
            {(wish), SERVER_BACKUP, .with_ejected = true, .rank = RANK_ANY},                       \
    }
enum { GROUP_COUNT = 4 };

static bool is_empty(const struct balance_view *view, const struct group *group) {
    size_t i = 0;
    while (i < view->count && !is_member(view, group, i)) {
        i++;
    }
    return i == view->count;
}

bool balance_is_up(const struct balance_view *view) {
    size_t i = 0;
    while (i < view->count && server_entry_standing(&view->entries[i]) > SERVER_BACKUP) {
        i++;
    }
    return i < view->count;
}

// For backup servers, the lowest rank that has a member.
static struct group first_of(const struct balance_view *view, const struct group *group) {
    struct group first = *group;
    uint32_t lowest = RANK_ANY;
    for (size_t i = 0; group->standing == SERVER_BACKUP && i < view->count; i++) {
        lowest = is_member(view, group, i) && rank_of(view, i) < lowest ? rank_of(view, i) : lowest;
    }
    first.rank = lowest;
    return first;
}

size_t balance_choose(const struct balance_view *view, const struct balance_wish *wish) {
    if (view->count == 1) {
        bool up = server_entry_standing(&view->entries[0]) <= SERVER_BACKUP;
        return up && balance_is_free(view, 0) ? 0 : BALANCE_NONE;
    }
    const struct group groups[GROUP_COUNT] = GROUPS(wish);
    for (size_t i = 0; i < GROUP_COUNT; i++) {
        const struct group group = first_of(view, &groups[i]);
        size_t index = choose(view, &group);
        if (index != BALANCE_NONE || (view->is_limited && !is_empty(view, &group))) {
            return index;
        }
    }
    return BALANCE_NONE;
}

bool balance_has_room(const struct balance_view *view, int64_t now_ms) {
    const struct balance_wish wish = {.now_ms = now_ms, .due_ms = now_ms};
    const struct group groups[GROUP_COUNT] = GROUPS(&wish);
    size_t at = 0;
    while (at + 1 < GROUP_COUNT && is_empty(view, &groups[at])) {
        at++;
    }
    const struct group group = first_of(view, &groups[at]);
    size_t i = 0;
    while (i < view->count && !is_in(view, &group, i)) {
        i++;
    }
    return i < view->count;
}

bool balance_has_working(const struct balance_view *view, const struct balance_wish *wish) {
    const struct group primary = {wish, SERVER_PRIMARY, .with_ejected = false, .rank = RANK_ANY};
    const struct group backup = {wish, SERVER_BACKUP, .with_ejected = false, .rank = RANK_ANY};
    return !is_empty(view, &primary) || !is_empty(view, &backup);
}
