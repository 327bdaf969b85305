// Reads the list of children, and kills them; changes no member of a child.
#include "process/children.h"

#include <signal.h>
#include <stdio.h>

const char *child_state_name(enum child_state state) {
    static const char *const names[] = {
        [CHILD_DEAD] = "dead", [CHILD_STARTING] = "starting", [CHILD_RUNNING] = "running"};
    return names[state];
}

void child_name(const struct child *child, char name[CHILD_NAME_SIZE]) {
    if (child->kind->is_single) {
        (void)snprintf(name, CHILD_NAME_SIZE, "%s", child->kind->name);
    } else {
        (void)snprintf(name, CHILD_NAME_SIZE, "%s %u", child->kind->name, child->slot);
    }
}

bool child_is_wanted(const struct child *child, const struct source *source) {
    return child->kind->is_wanted == NULL || child->kind->is_wanted(source);
}

struct child *child_first(const struct children *children, const struct child_kind *kind) {
    for (size_t i = 0; i < children->count; i++) {
        if (kind == NULL || children->list[i].kind == kind) {
            return &children->list[i];
        }
    }
    return NULL;
}

struct child *child_next(const struct child *child, const struct child_kind *kind) {
    const struct children *children = child->children;
    size_t next = (size_t)(child - children->list) + 1;
    return next < children->count && (kind == NULL || children->list[next].kind == kind)
               ? &children->list[next]
               : NULL;
}

struct child *children_find(struct children *children, pid_t pid) {
    for (size_t i = 0; i < children->count; i++) {
        if (children->list[i].pid == pid) {
            return &children->list[i];
        }
    }
    return NULL;
}

bool children_all_loaded(const struct children *children) {
    for (size_t i = 0; i < children->count; i++) {
        const struct child *child = &children->list[i];
        if (child->state != CHILD_RUNNING && !child->is_loaded &&
            child_is_wanted(child, children->current)) {
            return false;
        }
    }
    return true;
}

bool children_all_run(const struct children *children) {
    for (size_t i = 0; i < children->count; i++) {
        const struct child *child = &children->list[i];
        if (child->state != CHILD_RUNNING && child_is_wanted(child, children->current)) {
            return false;
        }
    }
    return true;
}

bool children_are_reopening(const struct children *children) {
    for (size_t i = 0; i < children->count; i++) {
        if (children->list[i].state != CHILD_DEAD && children->list[i].reopens > 0) {
            return true;
        }
    }
    return false;
}

unsigned children_alive(const struct children *children) {
    unsigned alive = 0;
    for (size_t i = 0; i < children->count; i++) {
        alive += children->list[i].pid > 0;
    }
    return alive;
}

bool children_serve(const struct children *children) {
    for (size_t i = 0; i < children->count; i++) {
        if (children->list[i].pid > 0 && !children->list[i].kind->is_helper) {
            return true;
        }
    }
    return false;
}

bool children_order(const struct children *children) {
    for (const struct child *child = child_first(children, NULL); child != NULL;
         child = child_next(child, NULL)) {
        if (child->kind->orders && child_is_wanted(child, children->current)) {
            return true;
        }
    }
    return false;
}

bool child_is_paired(const struct child *child) {
    return child->kind->data[PAIR_SIGNATURES] != DATA_NONE ||
           child->kind->data[PAIR_LOGINS] != DATA_NONE;
}

void children_kill_all(struct children *children) {
    for (size_t i = 0; i < children->count; i++) {
        if (children->list[i].pid > 0) {
            (void)kill(children->list[i].pid, SIGKILL);
        }
    }
}
