// A timer wheel: timers for many objects. Setting and removing a timer takes constant time.
//
// A node is a member of the object that waits, and carries the callback of that object. So one
// wheel serves objects of many kinds. The wheel allocates nothing and never owns a node: remove a
// node before you free its object.
//
// A node is due at most WHEEL_SLOT_MS after its time, and never before. Exception: a node whose
// time is more than WHEEL_SPAN_MS away is due earlier. Its callback compares the time and puts the
// node in again.
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
    int64_t at_ms; // when the node is due; 0: it is in no wheel
    // Called when the node is due. The node is in no wheel then. The callback may put in and remove
    // any node, and free the node's object.
    void (*due)(struct wheel_node *node);
};

struct wheel {
    int64_t done; // number of the last processed slot, counted from time 0
    uint64_t occupied[WHEEL_SLOTS / 64];
    struct list_node slots[WHEEL_SLOTS];
};

static inline void wheel_node_init(struct wheel_node *node, void (*due)(struct wheel_node *node)) {
    list_init(&node->node);
    node->at_ms = 0;
    node->due = due;
}

void wheel_init(struct wheel *wheel, int64_t now_ms);
// Puts a node in, or moves it, so that it is due at `at_ms`, which is more than 0.
void wheel_put(struct wheel *wheel, struct wheel_node *node, int64_t at_ms);
// Does nothing to a node that is in no wheel.
void wheel_remove(struct wheel *wheel, struct wheel_node *node);
// Removes and returns a node that is due; NULL: none is. A node that is put in meanwhile with a
// time after `now_ms` is not returned at this `now_ms`.
struct wheel_node *wheel_take(struct wheel *wheel, int64_t now_ms);
// Removes at most `most` nodes that are due and calls their callbacks. Not among them is a node
// that a callback puts in with a time after `now_ms`.
void wheel_run(struct wheel *wheel, int64_t now_ms, uint32_t most);
// The time at which wheel_take() will return a node; INT64_MAX: the wheel is empty.
int64_t wheel_next_ms(const struct wheel *wheel);

#endif
