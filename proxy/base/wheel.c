#include "base/wheel.h"

#include <stddef.h>

static size_t place_of(int64_t slot) {
    return (size_t)slot & (WHEEL_SLOTS - 1);
}

void wheel_init(struct wheel *wheel, int64_t now_ms) {
    *wheel = (struct wheel){.done = now_ms / WHEEL_SLOT_MS};
    for (size_t i = 0; i < WHEEL_SLOTS; i++) {
        list_init(&wheel->slots[i]);
    }
}

void wheel_remove(struct wheel *wheel, struct wheel_node *node) {
    struct list_node *next = node->node.next; // the slot, if the node is the last one
    bool was_last = node->at_ms != 0 && next == node->node.previous;
    list_remove(&node->node);
    node->at_ms = 0;
    if (was_last) {
        size_t place = (size_t)(next - wheel->slots);
        wheel->occupied[place / 64] &= ~(UINT64_C(1) << place % 64);
    }
}

void wheel_put(struct wheel *wheel, struct wheel_node *node, int64_t at_ms) {
    wheel_remove(wheel, node);
    int64_t slot = at_ms / WHEEL_SLOT_MS + (at_ms % WHEEL_SLOT_MS > 0);
    int64_t last = wheel->done + WHEEL_SLOTS;
    if (slot <= wheel->done) {
        slot = wheel->done + 1;
    } else if (slot > last) {
        slot = last;
        at_ms = last * WHEEL_SLOT_MS;
    }
    node->at_ms = at_ms;
    size_t place = place_of(slot);
    list_push_last(&wheel->slots[place], &node->node);
    wheel->occupied[place / 64] |= UINT64_C(1) << place % 64;
}

// The first slot behind the processed ones that has a node; -1: none.
static int64_t first_occupied(const struct wheel *wheel) {
    for (int64_t slot = wheel->done + 1; slot <= wheel->done + WHEEL_SLOTS;) {
        size_t place = place_of(slot);
        uint64_t rest = wheel->occupied[place / 64] >> place % 64;
        if (rest != 0) {
            slot += __builtin_ctzll(rest);
            return slot <= wheel->done + WHEEL_SLOTS ? slot : -1;
        }
        slot += 64 - (int64_t)(place % 64);
    }
    return -1;
}

struct wheel_node *wheel_take(struct wheel *wheel, int64_t now_ms) {
    int64_t present = now_ms / WHEEL_SLOT_MS;
    int64_t slot = first_occupied(wheel);
    if (slot < 0 || slot > present) {
        wheel->done = present > wheel->done ? present : wheel->done;
        return NULL;
    }
    wheel->done = slot - 1;
    struct wheel_node *node =
        LIST_ENTRY(wheel->slots[place_of(slot)].next, struct wheel_node, node);
    wheel_remove(wheel, node);
    return node;
}

void wheel_run(struct wheel *wheel, int64_t now_ms, uint32_t most) {
    struct wheel_node *node;
    for (uint32_t i = 0; i < most && (node = wheel_take(wheel, now_ms)) != NULL; i++) {
        node->due(node);
    }
}

int64_t wheel_next_ms(const struct wheel *wheel) {
    int64_t slot = first_occupied(wheel);
    return slot < 0 ? INT64_MAX : slot * WHEEL_SLOT_MS;
}
