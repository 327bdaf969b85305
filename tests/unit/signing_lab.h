// For the tests of the link to the signer: the signer is the test itself, at the other end of the
// socket, and so are the owners of the requests.
#ifndef RAVELIN_TESTS_SIGNING_LAB_H
#define RAVELIN_TESTS_SIGNING_LAB_H

#include "loop.h"
#include "observe/metrics.h"
#include "session/signing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SESSIONS = 1000 };

// What a session was told.
struct told {
    struct signing_owner owner;
    unsigned times;
    size_t size;
    uint8_t signature[SIGNATURE_SIZE_MAX];
};

struct fixture {
    struct ev_loop *loop;
    struct metrics_slot *metrics;
    struct signing signing;
    int signer;                                // the other end; -1: none
    struct sign_request batch[SIGN_BATCH_MAX]; // the last datagram it received
    size_t batch_count;
    size_t batch_next;
    struct sign_request requests[SESSIONS];
    uint64_t numbers[SESSIONS];
    struct told told[SESSIONS];
};

static struct fixture fixture;

static inline void on_answer(struct signing_owner *owner, const uint8_t *signature, size_t size) {
    struct told *told = LIST_ENTRY(owner, struct told, owner);
    told->times++;
    told->size = size;
    memcpy(told->signature, signature, size);
}

static inline void attach_signer(struct fixture *f) {
    int pair[2];
    if (f->signer >= 0) {
        (void)close(f->signer);
    }
    f->batch_count = f->batch_next = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    f->signer = pair[1];
    signing_attach(&f->signing, pair[0]);
}

static inline void forget_answers(struct fixture *f) {
    memset(f->told, 0, sizeof(f->told));
    for (size_t i = 0; i < SESSIONS; i++) {
        f->told[i].owner.answered = on_answer;
    }
}

static inline int set_up(void **state) {
    struct fixture *f = &fixture;
    memset(f, 0, sizeof(*f));
    f->loop = ev_loop_new(EVFLAG_AUTO);
    f->metrics = metrics_map(1);
    assert_true(f->loop != NULL && f->metrics != NULL);
    f->signer = -1;
    forget_answers(f);
    signing_init(&f->signing, f->loop, f->metrics);
    attach_signer(f);
    *state = f;
    return 0;
}

static inline int tear_down(void **state) {
    struct fixture *f = *state;
    signing_free(&f->signing);
    if (f->signer >= 0) {
        (void)close(f->signer);
    }
    metrics_unmap(f->metrics, 1);
    ev_loop_destroy(f->loop);
    return 0;
}

static inline void ask(struct fixture *f, size_t session) {
    struct sign_request *request = &f->requests[session];
    memset(request, 0, sizeof(*request));
    memcpy(request->data, &session, sizeof(session));
    request->data_size = sizeof(session);
    f->numbers[session] = signing_ask(&f->signing, &f->told[session].owner, request);
    assert_true(f->numbers[session] != 0);
    assert_int_equal(f->told[session].times, 0); // never from in there
}

static inline void ask_first(struct fixture *f, size_t count) {
    for (size_t i = 0; i < count; i++) {
        ask(f, i);
    }
}

// Receives a datagram for the signer; false when there is none now.
static inline bool take_batch(struct fixture *f) {
    ssize_t size = recv(f->signer, f->batch, sizeof(f->batch), MSG_DONTWAIT | MSG_TRUNC);
    if (size < 0) {
        assert_int_equal(errno, EAGAIN);
        return false;
    }
    assert_int_equal((size_t)size % sizeof(f->batch[0]), 0);
    f->batch_next = 0;
    f->batch_count = (size_t)size / sizeof(f->batch[0]);
    assert_in_range(f->batch_count, 1, SIGN_BATCH_MAX);
    return true;
}

// The next request the signer has; false when there is none now.
static inline bool take(struct fixture *f, struct sign_request *request) {
    if (f->batch_next == f->batch_count && !take_batch(f)) {
        return false;
    }
    *request = f->batch[f->batch_next++];
    return true;
}

static inline size_t session_of(const struct sign_request *request) {
    size_t session;
    memcpy(&session, request->data, sizeof(session));
    assert_in_range(session, 0, SESSIONS - 1);
    return session;
}

static inline struct sign_response make_response(uint64_t number, size_t session) {
    struct sign_response response = {.number = number, .signature_size = sizeof(session)};
    memcpy(response.signature, &session, sizeof(session));
    return response;
}

static inline void send_response(struct fixture *f, const void *response, size_t size) {
    assert_int_equal(send(f->signer, response, size, MSG_NOSIGNAL), size);
}

static inline void answer(struct fixture *f, const struct sign_request *request) {
    struct sign_response response = make_response(request->number, session_of(request));
    send_response(f, &response, sizeof(response));
}

static inline void assert_told(const struct fixture *f, size_t session) {
    assert_int_equal(f->told[session].times, 1);
    assert_int_equal(f->told[session].size, sizeof(session));
    assert_memory_equal(f->told[session].signature, &session, sizeof(session));
}

static inline size_t count_told(const struct fixture *f) {
    size_t sum = 0;
    for (size_t i = 0; i < SESSIONS; i++) {
        sum += f->told[i].times;
    }
    return sum;
}

// The next request, waited for: the loop may have to send it first.
static inline struct sign_request next_request(struct fixture *f) {
    struct sign_request request = {0};
    bool taken = false;
    RUN_UNTIL(f->loop, taken || (taken = take(f, &request)));
    return request;
}

#define SIGNING_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#endif
