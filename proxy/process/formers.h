// The masters that were replaced by upgrades and still drain: what the one that serves knows of
// them, over the hand-over (handover.h) that each has kept open. It is a list of a few, because
// another upgrade may come before the first has drained.
#ifndef RAVELIN_PROCESS_FORMERS_H
#define RAVELIN_PROCESS_FORMERS_H

#include "observe/log.h"
#include "process/handover.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <ev.h>

#define FORMERS_MAX 8

struct formers;

struct former {
    struct formers *formers;
    pid_t pid;
    uint32_t connections; // as it said last
    ev_io talk;
};

// The owner sets what is above the line; the rest is zero at the start.
struct formers {
    struct ev_loop *loop;
    struct log *log;
    void (*ended)(void *context); // one of them
    void *context;
    // ----
    struct former *list[FORMERS_MAX]; // each of its own memory: the loop has pointers to them
    size_t count;
};

// Takes the descriptor. False: there is no room or no memory, and it is closed; the master drains
// all the same.
bool formers_add(struct formers *formers, int fd, pid_t pid);
// Says it to all of them.
void formers_say(struct formers *formers, enum handover_type type);
// Knows of them no more: another master does, or this one ends.
void formers_forget(struct formers *formers);

#endif
