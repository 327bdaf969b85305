// The masters that upgrades have replaced and that still drain, as the present master knows them:
// through the hand-over (handover.h) that each of them keeps open. There can be several, because
// another upgrade may begin before the first master has drained.
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
    uint32_t connections; // of its last report
    ev_io talk;           // watches the hand-over
};

// The owner sets the members above the line and zeroes the others.
struct formers {
    struct ev_loop *loop;
    struct log *log;
    void (*ended)(void *context); // a former master has exited
    void *context;
    // ----
    // Each is allocated separately, because the loop has pointers to it.
    struct former *list[FORMERS_MAX];
    size_t count;
};

// Adds a former master, and takes ownership of the descriptor. False: no space or memory, and the
// descriptor is closed. The former master drains in any case.
bool formers_add(struct formers *formers, int fd, pid_t pid);
// Sends a message to all of them.
void formers_say(struct formers *formers, enum handover_type type);
// Forgets all of them, because another master has them or this one exits.
void formers_forget(struct formers *formers);

#endif
