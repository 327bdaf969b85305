#include "session/signing.h"

#include "observe/metrics.h"
#include "session/session.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PLACES_FIRST = 64, PLACES_MAX = 1 << 20, NO_PLACE = UINT32_MAX };

static void detach(struct signing *signing) {
    if (signing->fd >= 0) {
        ev_io_stop(signing->loop, &signing->read_watcher);
        ev_io_stop(signing->loop, &signing->write_watcher);
        close(signing->fd);
        signing->fd = -1;
    }
}

static void send_place(struct signing *signing, struct signing_place *place) {
    if (signing->fd < 0) {
        return;
    }
    ssize_t sent =
        send(signing->fd, place->request, sizeof(*place->request), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent == (ssize_t)sizeof(*place->request)) {
        place->sent = true;
        signing->unsent--;
    } else if (errno == EAGAIN) {
        ev_io_start(signing->loop, &signing->write_watcher);
    } else { // the signer is gone; the master brings another one
        detach(signing);
    }
}

static void send_unsent(struct signing *signing) {
    ev_io_stop(signing->loop, &signing->write_watcher);
    for (uint32_t i = 0; i < signing->place_count && signing->unsent > 0 && signing->fd >= 0; i++) {
        struct signing_place *place = &signing->places[i];
        if (place->session != NULL && !place->sent) {
            send_place(signing, place);
            if (ev_is_active(&signing->write_watcher)) {
                return;
            }
        }
    }
}

static void release_place(struct signing *signing, uint32_t index) {
    struct signing_place *place = &signing->places[index];
    if (!place->sent) {
        signing->unsent--;
    }
    place->session = NULL;
    place->serial++;
    place->next_free = signing->first_free;
    signing->first_free = index;
}

static struct signing_place *find_place(struct signing *signing, uint64_t number) {
    uint32_t index = (uint32_t)number - 1;
    if ((uint32_t)number == 0 || index >= signing->place_count) {
        return NULL;
    }
    struct signing_place *place = &signing->places[index];
    return place->session != NULL && place->serial == number >> 32 ? place : NULL;
}

static void on_answer(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)loop, (void)events;
    struct signing *signing = watcher->data;
    struct sign_response response;
    // With MSG_TRUNC the true size is returned.
    ssize_t received = recv(signing->fd, &response, sizeof(response), MSG_DONTWAIT | MSG_TRUNC);
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (received <= 0) {
        detach(signing);
        return;
    }
    if (received != (ssize_t)sizeof(response) || response.signature_size > SIGNATURE_SIZE_MAX) {
        return;
    }
    struct signing_place *place = find_place(signing, response.number);
    if (place != NULL) { // else the session ended meanwhile
        struct session *session = place->session;
        release_place(signing, (uint32_t)(place - signing->places));
        session_signed(session, response.signature, response.signature_size);
    }
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)loop, (void)events;
    send_unsent(watcher->data);
}

void signing_init(struct signing *signing, struct ev_loop *loop, struct metrics_slot *metrics) {
    *signing = (struct signing){.loop = loop, .metrics = metrics, .fd = -1, .first_free = NO_PLACE};
    ev_init(&signing->read_watcher, on_answer);
    ev_init(&signing->write_watcher, on_writable);
    signing->read_watcher.data = signing->write_watcher.data = signing;
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
    signing->unsent = 0;
    for (uint32_t i = 0; i < signing->place_count; i++) {
        if (signing->places[i].session != NULL) {
            signing->places[i].sent = false;
            signing->unsent++;
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
        places[i] =
            (struct signing_place){.next_free = i + 1 == count ? signing->first_free : i + 1};
    }
    signing->first_free = signing->place_count;
    signing->places = places;
    signing->place_count = count;
    return true;
}

uint64_t signing_ask(struct signing *signing, struct session *session,
                     struct sign_request *request) {
    if (signing->first_free == NO_PLACE && !grow(signing)) {
        return 0;
    }
    uint32_t index = signing->first_free;
    struct signing_place *place = &signing->places[index];
    signing->first_free = place->next_free;
    place->session = session;
    place->request = request;
    place->sent = false;
    signing->unsent++;
    request->number = (uint64_t)place->serial << 32 | (index + 1);
    metric_add(signing->metrics, METRIC_signatures, 1);
    send_place(signing, place);
    return request->number;
}

void signing_forget(struct signing *signing, uint64_t number) {
    struct signing_place *place = find_place(signing, number);
    if (place != NULL) {
        release_place(signing, (uint32_t)(place - signing->places));
    }
}
