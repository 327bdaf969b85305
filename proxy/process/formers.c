#include "process/formers.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void end(struct former *former) {
    ev_io_stop(former->formers->loop, &former->talk);
    (void)close(former->talk.fd);
    free(former);
}

static void drop(struct former *former) {
    struct formers *formers = former->formers;
    size_t i = 0;
    while (formers->list[i] != former) {
        i++;
    }
    formers->list[i] = formers->list[--formers->count];
    end(former);
}

static void note_state(struct former *former, const struct handover_message *message) {
    if (message->type == HANDOVER_STATE && message->size == sizeof(former->connections)) {
        memcpy(&former->connections, message->data, sizeof(former->connections));
    }
}

static void on_message(struct ev_loop *loop, ev_io *watcher, int events) {
    struct former *former = watcher->data;
    struct formers *formers = former->formers;
    struct handover_message message;
    (void)loop;
    (void)events;
    switch (handover_receive(watcher->fd, &message)) {
    case RESULT_OK:
        note_state(former, &message);
        handover_close_fds(&message);
        break;
    case RESULT_AGAIN:
        break;
    default:
        log_info(formers->log, "the former master (pid %ld) has ended", (long)former->pid);
        drop(former);
        formers->ended(formers->context);
        break;
    }
}

bool formers_add(struct formers *formers, int fd, pid_t pid) {
    struct former *former = formers->count == FORMERS_MAX ? NULL : malloc(sizeof(*former));
    if (former == NULL) {
        (void)close(fd);
        return false;
    }
    *former = (struct former){.formers = formers, .pid = pid};
    ev_io_init(&former->talk, on_message, fd, EV_READ);
    former->talk.data = former;
    ev_io_start(formers->loop, &former->talk);
    formers->list[formers->count++] = former;
    return true;
}

void formers_say(struct formers *formers, enum handover_type type) {
    for (size_t i = 0; i < formers->count; i++) {
        // A former master that has exited is ignored.
        (void)handover_say(formers->list[i]->talk.fd, type);
    }
}

void formers_forget(struct formers *formers) {
    for (size_t i = 0; i < formers->count; i++) {
        end(formers->list[i]);
    }
    formers->count = 0;
}
