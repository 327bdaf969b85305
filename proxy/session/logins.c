#include "session/logins.h"

#include "base/clock.h"
#include "base/secret.h"
#include "observe/metrics.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// Retry-After for a question without a place.
enum { BUSY_WAIT_S = 2 };

static const struct client_bucket guesses = {
    .purpose = UINT64_C(0x736e69676f4c7652), // "RvLogins"
    .interval_us = LOGINS_WRONG_INTERVAL_S * INT64_C(1000000),
    .burst = LOGINS_WRONG_BURST,
};

// A question. It is free if it has no waits and the auth process does not have it.
struct question {
    struct login_request request;
    struct login_mac mac;
    struct list_node waits;
    uint64_t client;
    uint64_t order; // of asking; 0: free
    int64_t asked_ms;
};

struct logins_places {
    struct question questions[LOGINS_MAX];
    struct question *sent; // NULL: the auth process has none
    uint64_t last_order;
    uint64_t last_number;
};

static void send_next(struct logins *logins);

// --- The socket ---

static void detach(struct logins *logins) {
    if (logins->fd >= 0) {
        ev_io_stop(logins->loop, &logins->watcher);
        (void)close(logins->fd);
        logins->fd = -1;
    }
}

// --- Questions ---

static void release(struct question *question) {
    secret_wipe(question, sizeof(*question));
    list_init(&question->waits);
}

static void move_waits(struct list_node *from, struct list_node *to) {
    while (!list_is_empty(from)) {
        struct list_node *node = from->next;
        list_remove(node);
        list_push_last(to, node);
    }
}

// Sends the verdict to all waits of the list. Their callbacks may ask a new question.
static void tell(struct list_node *waits, uint32_t verdict, uint32_t wait_s) {
    while (!list_is_empty(waits)) {
        struct login_wait *wait = LIST_ENTRY(waits->next, struct login_wait, node);
        list_remove(&wait->node);
        wait->verdict = verdict;
        wait->wait_s = wait_s;
        wait->judged(wait);
    }
}

static void settle(struct question *question, uint32_t verdict, uint32_t wait_s) {
    struct list_node waits;
    list_init(&waits);
    move_waits(&question->waits, &waits);
    release(question);
    tell(&waits, verdict, wait_s);
}

// The same, but the callbacks are called in the next turn of the loop.
static void give_up(struct logins *logins, struct question *question) {
    move_waits(&question->waits, &logins->given_up);
    release(question);
    ev_timer_start(logins->loop, &logins->telling);
}

static void on_telling(struct ev_loop *loop, ev_timer *timer, int events) {
    struct logins *logins = timer->data;
    (void)loop;
    (void)events;
    tell(&logins->given_up, LOGIN_BUSY, BUSY_WAIT_S);
}

static struct question *oldest_unsent(const struct logins_places *places) {
    struct question *oldest = NULL;
    for (size_t i = 0; i < LOGINS_MAX; i++) {
        struct question *question = (struct question *)&places->questions[i];
        if (question->order != 0 && question != places->sent &&
            (oldest == NULL || question->order < oldest->order)) {
            oldest = question;
        }
    }
    return oldest;
}

static void send_next(struct logins *logins) {
    struct logins_places *places = logins->places;
    struct question *question =
        logins->fd < 0 || places == NULL || places->sent != NULL ? NULL : oldest_unsent(places);
    if (question == NULL) {
        return;
    }
    question->request.number = ++places->last_number;
    ssize_t sent = send(logins->fd, &question->request, sizeof(question->request),
                        MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent == (ssize_t)sizeof(question->request)) {
        places->sent = question;
        metric_add(logins->metrics, METRIC_passwords_checked, 1);
    } else if (sent >= 0 || (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)) {
        detach(logins); // the auth process is gone; the master sends the socket of the next one
    }                   // otherwise it is tried again at the next tick
}

// --- Answers ---

static void note_wrong(struct logins *logins, const struct question *question) {
    metric_add(logins->metrics, METRIC_passwords_wrong, 1);
    client_table_charge(logins->clients, logins->slot, question->client, &guesses,
                        clock_monotonic_us());
}

static void take_answer(struct logins *logins, const struct login_response *response) {
    struct question *question = logins->places == NULL ? NULL : logins->places->sent;
    if (question == NULL || response->number != question->request.number ||
        response->verdict >= LOGIN_VERDICTS || response->wait_s > LOGIN_WAIT_MAX_S) {
        return; // nothing was asked, the question was given up, or the response is invalid
    }
    logins->places->sent = NULL;
    if (response->verdict == LOGIN_GRANTED || response->verdict == LOGIN_WRONG) {
        login_cache_add(&logins->cache, &question->mac, response->verdict == LOGIN_GRANTED,
                        question->asked_ms);
    }
    if (response->verdict == LOGIN_WRONG) {
        note_wrong(logins, question);
    } else if (response->verdict != LOGIN_GRANTED) {
        metric_add(logins->metrics, METRIC_logins_limited, 1);
    }
    settle(question, response->verdict, response->wait_s);
    send_next(logins);
}

static void on_answer(struct ev_loop *loop, ev_io *watcher, int events) {
    struct logins *logins = watcher->data;
    struct login_response response;
    (void)loop;
    (void)events;
    // With MSG_TRUNC the true size is returned.
    ssize_t received = recv(logins->fd, &response, sizeof(response), MSG_DONTWAIT | MSG_TRUNC);
    if (received == (ssize_t)sizeof(response)) {
        take_answer(logins, &response);
    } else if (received == 0 || (received < 0 && errno != EAGAIN && errno != EINTR)) {
        detach(logins);
    }
}

// --- Asking ---

void logins_init(struct logins *logins, struct ev_loop *loop, struct metrics_slot *metrics,
                 struct client_table *clients, size_t slot) {
    *logins = (struct logins){
        .loop = loop, .metrics = metrics, .clients = clients, .slot = slot, .fd = -1};
    ev_init(&logins->watcher, on_answer);
    ev_timer_init(&logins->telling, on_telling, 0., 0.);
    list_init(&logins->given_up);
    logins->watcher.data = logins->telling.data = logins;
}

void logins_free(struct logins *logins) {
    detach(logins);
    ev_timer_stop(logins->loop, &logins->telling);
    login_cache_free(&logins->cache);
    if (logins->places != NULL) {
        secret_unmap(logins->places, sizeof(*logins->places));
        logins->places = NULL;
    }
}

void logins_attach(struct logins *logins, int fd) {
    detach(logins);
    logins->fd = fd;
    ev_io_set(&logins->watcher, fd, EV_READ);
    ev_io_start(logins->loop, &logins->watcher);
    if (logins->places != NULL) {
        struct question *sent = logins->places->sent; // sent again first, because it is the oldest
        logins->places->sent = NULL;
        if (sent != NULL && list_is_empty(&sent->waits)) {
            release(sent);
        }
        send_next(logins);
    }
}

static bool allocate(struct logins *logins) {
    if (logins->places != NULL) {
        return true;
    }
    logins->places = secret_map(sizeof(*logins->places));
    for (size_t i = 0; logins->places != NULL && i < LOGINS_MAX; i++) {
        list_init(&logins->places->questions[i].waits);
    }
    return logins->places != NULL;
}

static struct question *find_same(struct logins_places *places, const struct login_mac *mac) {
    struct question *found = NULL;
    for (size_t i = 0; i < LOGINS_MAX; i++) {
        struct question *question = &places->questions[i];
        bool same = secret_equal(question->mac.bytes, mac->bytes, sizeof(mac->bytes));
        found = same && question->order != 0 ? question : found;
    }
    return found;
}

static unsigned count_of(const struct logins_places *places, uint64_t client) {
    unsigned count = 0;
    for (size_t i = 0; i < LOGINS_MAX; i++) {
        count += places->questions[i].order != 0 && places->questions[i].client == client;
    }
    return count;
}

// The youngest question of the client that has most of them, and more than one. NULL: none.
static struct question *find_greedy(const struct logins_places *places) {
    struct question *greedy = NULL;
    unsigned most = 1;
    for (size_t i = 0; i < LOGINS_MAX; i++) {
        struct question *question = (struct question *)&places->questions[i];
        unsigned count = count_of(places, question->client);
        if (question != places->sent && (count > most || (count == most && greedy != NULL &&
                                                          question->order > greedy->order))) {
            greedy = question;
            most = count;
        }
    }
    return greedy;
}

// Returns a place for a question of this client; NULL: none.
static struct question *find_place(struct logins *logins, uint64_t client) {
    struct logins_places *places = logins->places;
    unsigned own = count_of(places, client);
    if (own >= LOGINS_PER_CLIENT) {
        return NULL;
    }
    for (size_t i = 0; i < LOGINS_MAX; i++) {
        if (places->questions[i].order == 0) {
            return &places->questions[i];
        }
    }
    struct question *greedy = find_greedy(places);
    if (greedy == NULL || count_of(places, greedy->client) <= own + 1) {
        return NULL;
    }
    give_up(logins, greedy);
    return greedy;
}

static void fill(struct question *question, const struct login_ask *ask,
                 const struct login_mac *mac, uint64_t order) {
    struct login_request *request = &question->request;
    question->mac = *mac;
    question->client = ask->client;
    question->order = order;
    question->asked_ms = ask->now_us / 1000;
    request->file = ask->file;
    request->user_size = (uint16_t)ask->user.size;
    request->password_size = (uint16_t)ask->password.size;
    memcpy(request->user, ask->user.data, ask->user.size);
    memcpy(request->password, ask->password.data, ask->password.size);
}

static bool decide(struct login_wait *wait, uint32_t verdict, uint32_t wait_s) {
    wait->verdict = verdict;
    wait->wait_s = wait_s;
    return true;
}

static bool ask_anew(struct logins *logins, const struct login_ask *ask,
                     const struct login_mac *mac, struct login_wait *wait) {
    int64_t wait_us =
        client_table_peek(logins->clients, logins->slot, ask->client, &guesses, ask->now_us);
    if (wait_us > 0) {
        metric_add(logins->metrics, METRIC_logins_limited, 1);
        return decide(wait, LOGIN_LATER, (uint32_t)((wait_us + 999999) / 1000000));
    }
    struct question *question = find_place(logins, ask->client);
    if (question == NULL) {
        metric_add(logins->metrics, METRIC_logins_limited, 1);
        return decide(wait, LOGIN_BUSY, BUSY_WAIT_S);
    }
    fill(question, ask, mac, ++logins->places->last_order);
    list_push_last(&question->waits, &wait->node);
    send_next(logins);
    return false;
}

bool logins_ask(struct logins *logins, const struct login_ask *ask, struct login_wait *wait) {
    struct login_mac mac;
    if (ask->user.size == 0 || ask->user.size > USERS_NAME_MAX ||
        ask->password.size > LOGIN_PASSWORD_MAX || !allocate(logins) ||
        !login_cache_mac(&logins->cache, &ask->file, ask->user, ask->password, &mac)) {
        return decide(wait, LOGIN_FAILED, 0);
    }
    enum login_known known = login_cache_find(&logins->cache, &mac, ask->now_us / 1000);
    bool decided = known != LOGIN_UNKNOWN;
    if (decided) {
        (void)decide(wait, known == LOGIN_KNOWN_RIGHT ? LOGIN_GRANTED : LOGIN_WRONG, 0);
    } else {
        struct question *same = find_same(logins->places, &mac);
        if (same != NULL) {
            list_push_last(&same->waits, &wait->node);
        } else {
            decided = ask_anew(logins, ask, &mac, wait);
        }
    }
    secret_wipe(&mac, sizeof(mac));
    return decided;
}

void logins_forget(struct logins *logins, struct login_wait *wait) {
    if (wait->node.next == NULL || wait->node.next == &wait->node) {
        return;
    }
    list_remove(&wait->node);
    for (size_t i = 0; i < LOGINS_MAX; i++) {
        struct question *question = &logins->places->questions[i];
        if (question->order != 0 && question != logins->places->sent &&
            list_is_empty(&question->waits)) {
            release(question);
        }
    }
}

void logins_tick(struct logins *logins, int64_t now_ms) {
    login_cache_expire(&logins->cache, now_ms);
    struct logins_places *places = logins->places;
    for (size_t i = 0; places != NULL && i < LOGINS_MAX; i++) {
        struct question *question = &places->questions[i];
        if (question->order != 0 && now_ms - question->asked_ms >= LOGINS_WAIT_MS) {
            if (question == places->sent) {
                places->sent = NULL; // its answer has a number that is not waited for
            }
            settle(question, LOGIN_BUSY, BUSY_WAIT_S);
        }
    }
    send_next(logins);
}
