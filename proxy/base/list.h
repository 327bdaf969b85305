// A doubly linked list. The nodes are members of the objects in the list, and the list itself is a
// node, too. The list never owns its objects: remove an object before you free it.
#ifndef RAVELIN_BASE_LIST_H
#define RAVELIN_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_node {
    struct list_node *previous, *next;
};

// The object of this type whose member is the node.
#define LIST_ENTRY(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void list_init(struct list_node *list) {
    list->previous = list->next = list;
}

static inline bool list_is_empty(const struct list_node *list) {
    return list->next == list;
}

static inline void list_push_first(struct list_node *list, struct list_node *node) {
    node->previous = list;
    node->next = list->next;
    list->next->previous = node;
    list->next = node;
}

static inline void list_push_last(struct list_node *list, struct list_node *node) {
    list_push_first(list->previous, node);
}

// Initialises the node afterwards. Does nothing to a node that is in no list, if list_init() or
// list_remove() was called for it.
static inline void list_remove(struct list_node *node) {
    node->previous->next = node->next;
    node->next->previous = node->previous;
    list_init(node);
}

#endif
