// A timer wheel: says of many things in what order they are due, coarsely and at no cost that grows
// with their number.
//
// A node is part of the object that waits, and carries the callback that the object wants called.
// So one wheel serves objects of many kinds and knows none of them.
//
// A node is due at most WHEEL_SLOT_MS after its time and never before it. A node whose time is
// further away than WHEEL_SPAN_MS is due earlier: its callback compares the time and puts it in
// again. Nothing is allocated; a wheel never owns what is in it.
#ifndef RAVELIN_BASE_WHEEL_H
#define RAVELIN_BASE_WHEEL_H

#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

#define WHEEL_SLOT_MS 32
#define WHEEL_SLOTS 1024 // a power of 2
#define WHEEL_SPAN_MS ((int64_t)WHEEL_SLOT_MS * WHEEL_SLOTS)

struct wheel_node {
    struct list_node node;
    int64_t at_ms; // when it comes up; 0: it is in no wheel
    // The node is in no wheel when this is called. It may put any node in, remove any, and free its
    // own.
    void (*due)(struct wheel_node *node);
};

struct wheel {
    int64_t done; // slots are counted from time 0: up to this one, all have been taken
    uint64_t occupied[WHEEL_SLOTS / 64];
    struct list_node slots[WHEEL_SLOTS];
};

static inline void wheel_node_init(struct wheel_node *node, void (*due)(struct wheel_node *node)) {
    list_init(&node->node);
    node->at_ms = 0;
    node->due = due;
}

void wheel_init(struct wheel *wheel, int64_t now_ms);
// Puts it in, or moves it, to come up at `at_ms`, which is more than 0.
void wheel_put(struct wheel *wheel, struct wheel_node *node, int64_t at_ms);
void wheel_remove(struct wheel *wheel, struct wheel_node *node); // also one that is in none
// The next one that is due, which is in no wheel then; NULL when there is none. What is put in
// while this is called again and again at the same `now_ms`, with a later time, is not among them.
struct wheel_node *wheel_take(struct wheel *wheel, int64_t now_ms);
// Takes at most `most` nodes that are due and calls their callbacks. A node that a callback puts in
// with a time after `now_ms` is not among them.
void wheel_run(struct wheel *wheel, int64_t now_ms, uint32_t most);
// When wheel_take() will have one; INT64_MAX: never.
int64_t wheel_next_ms(const struct wheel *wheel);

#endif
