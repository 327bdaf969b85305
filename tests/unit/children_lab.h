// Children that are no processes: the test holds the child's end of each control socket.
#ifndef RAVELIN_TESTS_CHILDREN_LAB_H
#define RAVELIN_TESTS_CHILDREN_LAB_H

#include "process/children.h"
#include "process/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LAB_KEYS, LAB_SINGLE, LAB_CLIENTS, LAB_KINDS, LAB_SLOTS = 2, LAB_CHILDREN = 5 };

// No process has a number as high as these.
enum { LAB_FIRST_PID = 1 << 24 };

struct children_lab {
    struct children children;
    struct log log;
    struct config config;
    struct source source;
    int ends[LAB_CHILDREN]; // by place in the list; -1: never started
    pid_t last_pid;
    char started[256]; // names in the order of starting
    bool cannot_fork;
    uint64_t without_single; // a generation that does not want it; 0: none
};

static struct children_lab lab;

static int *lab_end(const struct child *child) {
    return &lab.ends[child - lab.children.list];
}

static pid_t lab_spawn(const struct child *child, const struct spawn *spawn) {
    int *end = lab_end(child);
    size_t used = strlen(lab.started);
    if (lab.cannot_fork) {
        errno = EAGAIN;
        return -1;
    }
    if (*end >= 0) {
        (void)close(*end);
    }
    *end = fcntl(spawn->keep[0], F_DUPFD_CLOEXEC, 3);
    (void)snprintf(lab.started + used, sizeof(lab.started) - used, "%s|%s;", spawn->name,
                   spawn->title);
    return ++lab.last_pid;
}

static void lab_fill_load(const struct child *child, const struct source *source,
                          struct ipc_message *load) {
    (void)child;
    (void)source;
    load->log_level = LOG_LEVEL_INFO;
}

static bool lab_wants_single(const struct source *source) {
    return source->number != lab.without_single;
}

static const struct child_kind lab_kinds[LAB_KINDS] = {
    [LAB_KEYS] = {.name = "keys",
                  .is_helper = true,
                  .data = {[PAIR_SIGNATURES] = DATA_ANSWERS},
                  .spawn = lab_spawn,
                  .fill_load = lab_fill_load},
    [LAB_SINGLE] = {.name = "single",
                    .is_single = true,
                    .orders = true,
                    .is_helper = true,
                    .is_wanted = lab_wants_single,
                    .spawn = lab_spawn,
                    .fill_load = lab_fill_load},
    [LAB_CLIENTS] = {.name = "clients",
                     .commits = true,
                     .is_told = true,
                     .data = {[PAIR_SIGNATURES] = DATA_ASKS},
                     .spawn = lab_spawn,
                     .fill_load = lab_fill_load},
};

static struct child *lab_child(int kind, unsigned slot) {
    struct child *child = child_first(&lab.children, &lab_kinds[kind]);
    return slot == 0 ? child : child_next(child, &lab_kinds[kind]);
}

// What a child has received since the last time, one letter a message.
static const char *lab_received(const struct child *child) {
    static char letters[32];
    struct ipc_message message;
    size_t count = 0;
    while (count < sizeof(letters) - 1 && ipc_receive(*lab_end(child), &message) == RESULT_OK) {
        letters[count++] = message.type == IPC_LOAD     ? 'L'
                           : message.type == IPC_COMMIT ? 'C'
                           : message.type == IPC_ABORT  ? 'A'
                           : message.type == IPC_DATA   ? 'D'
                           : message.type == IPC_REOPEN ? 'R'
                           : message.type == IPC_STOP   ? 'S'
                                                        : '?';
        ipc_close(&message);
    }
    letters[count] = '\0';
    return letters;
}

static void lab_turn(void) {
    ev_now_update(lab.children.loop);
    ev_run(lab.children.loop, EVRUN_NOWAIT);
}

// A child sends, and the master receives. `text` NULL: none.
static void lab_say(const struct child *child, enum ipc_type type, uint64_t generation,
                    const char *text) {
    struct ipc_message message;
    ipc_init(&message, type, generation);
    (void)snprintf(message.text, sizeof(message.text), "%s", text == NULL ? "" : text);
    if (ipc_send(*lab_end(child), &message) != RESULT_OK) {
        abort();
    }
    lab_turn();
}

static void lab_open(const struct children_handler *handler) {
    static const struct title title;
    static const struct privilege privilege;
    memset(&lab, 0, sizeof(lab));
    memset(lab.ends, -1, sizeof(lab.ends));
    lab.last_pid = LAB_FIRST_PID;
    lab.source = (struct source){.number = 7, .config = &lab.config};
    log_init(&lab.log, -1, SINK_NO_DAEMON, SEVERITY_DEBUG, "master");
    lab.children = (struct children){
        .loop = ev_loop_new(EVFLAG_AUTO),
        .log = &lab.log,
        .title = &title,
        .privilege = &privilege,
        .kinds = lab_kinds,
        .kind_count = LAB_KINDS,
        .slot_count = LAB_SLOTS,
        .handler = *handler,
        .current = &lab.source,
    };
    if (lab.children.loop == NULL || children_init(&lab.children) != RESULT_OK) {
        abort();
    }
}

// Starts all and lets them load their first generation.
static void lab_run(void) {
    children_start(&lab.children);
    for (struct child *child = child_first(&lab.children, NULL); child != NULL;
         child = child_next(child, NULL)) {
        lab_say(child, IPC_READY, 7, NULL);
        if (child->kind->commits) {
            lab_say(child, IPC_COMMITTED, 7, NULL);
        }
        (void)lab_received(child);
    }
    children_run(&lab.children);
}

static void lab_close(void) {
    children_free(&lab.children);
    ev_loop_destroy(lab.children.loop);
    for (size_t i = 0; i < LAB_CHILDREN; i++) {
        if (lab.ends[i] >= 0) {
            (void)close(lab.ends[i]);
        }
    }
}

#endif
