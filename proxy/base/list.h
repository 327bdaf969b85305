// Intrusive doubly linked list with a sentinel. The list never owns what it links.
#ifndef RAVELIN_BASE_LIST_H
#define RAVELIN_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_node {
    struct list_node *previous, *next;
};

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

// Also right for a node that is in no list, once it was initialised with list_init().
static inline void list_remove(struct list_node *node) {
    node->previous->next = node->next;
    node->next->previous = node->previous;
    list_init(node);
}

#endif
