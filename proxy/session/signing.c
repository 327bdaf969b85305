#include "session/signing.h"

#include "observe/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PLACES_FIRST = 64, PLACES_MAX = 1 << 20, NO_PLACE = UINT32_MAX };

static void detach(struct signing *signing) {
    if (signing->fd >= 0) {
        ev_io_stop(signing->loop, &signing->read_watcher);
        ev_io_stop(signing->loop, &signing->write_watcher);
        ev_prepare_stop(signing->loop, &signing->turn_end);
        close(signing->fd);
        signing->fd = -1;
    }
}

// --- Requests that were not sent yet ---

static void push_unsent(struct signing *signing, uint32_t index) {
    struct signing_place *place = &signing->places[index];
    place->sent = false;
    place->next = NO_PLACE;
    place->previous = signing->last_unsent;
    if (signing->last_unsent == NO_PLACE) {
        signing->first_unsent = index;
    } else {
        signing->places[signing->last_unsent].next = index;
    }
    signing->last_unsent = index;
    signing->unsent++;
}

static void remove_unsent(struct signing *signing, uint32_t index) {
    const struct signing_place *place = &signing->places[index];
    if (place->previous == NO_PLACE) {
        signing->first_unsent = place->next;
    } else {
        signing->places[place->previous].next = place->next;
    }
    if (place->next == NO_PLACE) {
        signing->last_unsent = place->previous;
    } else {
        signing->places[place->next].previous = place->previous;
    }
    signing->unsent--;
}

// Sends the first requests in one datagram. Returns their number; 0: the socket is full.
static uint32_t send_some(struct signing *signing) {
    struct iovec parts[SIGN_BATCH_MAX];
    uint32_t count = 0;
    for (uint32_t i = signing->first_unsent; i != NO_PLACE && count < SIGN_BATCH_MAX;
         i = signing->places[i].next) {
        const struct sign_request *request = signing->places[i].request;
        parts[count++] = (struct iovec){(void *)(uintptr_t)request, sizeof(*request)};
    }
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    return sendmsg(signing->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? 0 : count;
}

static void send_unsent(struct signing *signing) {
    ev_prepare_stop(signing->loop, &signing->turn_end);
    while (signing->unsent > 0 && signing->fd >= 0 && !ev_is_active(&signing->write_watcher)) {
        uint32_t count = send_some(signing);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t index = signing->first_unsent;
            remove_unsent(signing, index);
            signing->places[index].sent = true;
        }
        signing->unanswered += count;
        if (count == 0 && errno == EAGAIN) {
            ev_io_start(signing->loop, &signing->write_watcher);
        } else if (count == 0 && errno != EINTR) {
            detach(signing); // the signer is gone; the master sends the socket of the next one
        }
    }
}

static void on_turn_end(struct ev_loop *loop, ev_prepare *watcher, int events) {
    (void)loop, (void)events;
    send_unsent(watcher->data);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)events;
    ev_io_stop(loop, watcher);
    send_unsent(watcher->data);
}

// --- Places ---

static void release_place(struct signing *signing, uint32_t index) {
    struct signing_place *place = &signing->places[index];
    if (!place->sent) {
        remove_unsent(signing, index);
    }
    place->owner = NULL;
    place->serial++;
    place->next = signing->first_free;
    signing->first_free = index;
}

static struct signing_place *find_place(struct signing *signing, uint64_t number) {
    uint32_t index = (uint32_t)number - 1;
    if ((uint32_t)number == 0 || index >= signing->place_count) {
        return NULL;
    }
    struct signing_place *place = &signing->places[index];
    return place->owner != NULL && place->serial == number >> 32 ? place : NULL;
}

static void take_answer(struct signing *signing, const struct sign_response *response) {
    signing->unanswered -= signing->unanswered > 0 ? 1 : 0;
    struct signing_place *place = find_place(signing, response->number);
    if (place != NULL && response->signature_size <= SIGNATURE_SIZE_MAX) {
        struct signing_owner *owner = place->owner;
        release_place(signing, (uint32_t)(place - signing->places));
        owner->answered(owner, response->signature, response->signature_size);
    } // otherwise the owner has left, or the response is invalid
}

static void on_answer(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)loop, (void)events;
    struct signing *signing = watcher->data;
    __attribute__((uninitialized)) struct sign_response responses[SIGN_BATCH_MAX];
    // With MSG_TRUNC the true size is returned.
    ssize_t received = recv(signing->fd, responses, sizeof(responses), MSG_DONTWAIT | MSG_TRUNC);
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (received <= 0) {
        detach(signing);
        return;
    }
    size_t size = (size_t)received;
    if (size > sizeof(responses) || size % sizeof(responses[0]) != 0) {
        return;
    }
    for (size_t i = 0; i < size / sizeof(responses[0]); i++) {
        take_answer(signing, &responses[i]);
    }
}

void signing_init(struct signing *signing, struct ev_loop *loop, struct metrics_slot *metrics) {
    *signing = (struct signing){.loop = loop,
                                .metrics = metrics,
                                .fd = -1,
                                .first_free = NO_PLACE,
                                .first_unsent = NO_PLACE,
                                .last_unsent = NO_PLACE};
    ev_init(&signing->read_watcher, on_answer);
    ev_init(&signing->write_watcher, on_writable);
    ev_prepare_init(&signing->turn_end, on_turn_end);
    signing->read_watcher.data = signing->write_watcher.data = signing->turn_end.data = signing;
}

void signing_free(struct signing *signing) {
    detach(signing);
    free(signing->places);
}

void signing_attach(struct signing *signing, int fd) {
    detach(signing);
    signing->fd = fd;
    ev_io_set(&signing->read_watcher, fd, EV_READ);
    ev_io_set(&signing->write_watcher, fd, EV_WRITE);
    ev_io_start(signing->loop, &signing->read_watcher);
    signing->unanswered = 0;
    for (uint32_t i = 0; i < signing->place_count; i++) {
        if (signing->places[i].owner != NULL && signing->places[i].sent) {
            push_unsent(signing, i);
        }
    }
    send_unsent(signing);
}

static bool grow(struct signing *signing) {
    uint32_t count = signing->place_count == 0 ? PLACES_FIRST : signing->place_count * 2;
    if (count > PLACES_MAX) {
        return false;
    }
    struct signing_place *places = realloc(signing->places, count * sizeof(*places));
    if (places == NULL) {
        return false;
    }
    for (uint32_t i = signing->place_count; i < count; i++) {
        places[i] = (struct signing_place){.next = i + 1 == count ? signing->first_free : i + 1};
    }
    signing->first_free = signing->place_count;
    signing->places = places;
    signing->place_count = count;
    return true;
}

uint64_t signing_ask(struct signing *signing, struct signing_owner *owner,
                     struct sign_request *request) {
    if (signing->first_free == NO_PLACE && !grow(signing)) {
        return 0;
    }
    uint32_t index = signing->first_free;
    struct signing_place *place = &signing->places[index];
    signing->first_free = place->next;
    place->owner = owner;
    place->request = request;
    push_unsent(signing, index);
    request->number = (uint64_t)place->serial << 32 | (index + 1);
    metric_add(signing->metrics, METRIC_signatures, 1);
    if (signing->unanswered == 0 || signing->unsent >= SIGN_BATCH_MAX) {
        send_unsent(signing);
    } else if (signing->fd >= 0) {
        ev_prepare_start(signing->loop, &signing->turn_end);
    }
    return request->number;
}

void signing_forget(struct signing *signing, uint64_t number) {
    struct signing_place *place = find_place(signing, number);
    if (place != NULL) {
        release_place(signing, (uint32_t)(place - signing->places));
    }
}
