// For the tests of a client's flight: a flight, and the client that sends it.
#ifndef RAVELIN_TESTS_FLIGHT_LAB_H
#define RAVELIN_TESTS_FLIGHT_LAB_H

#include "record_peer.h"
#include "tls/handshake/flight.h"

enum { CLIENT_HELLO = 1, CERTIFICATE = 11, CERTIFICATE_VERIFY = 15, FINISHED = 20 };

// A flight beside the fixture's client, which seals under f->sends.
struct client_flight {
    struct fixture f;
    struct flight flight;
    struct record_layer library; // opens what is fed to it
};

static inline int set_up(void **state) {
    struct client_flight *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return -1;
    }
    c->f.engine = record_engine_new();
    c->f.peer_engine = aead_engine_new(NULL);
    fixture_start(&c->f, SUITE_AES_128_GCM_SHA256, 0);
    flight_init(&c->flight);
    *state = c;
    return 0;
}

static inline int tear_down(void **state) {
    struct client_flight *c = *state;
    flight_free(&c->flight);
    record_engine_free(c->f.engine);
    record_engine_free(c->f.peer_engine);
    free(c);
    return 0;
}

static inline void restart(struct client_flight *c) {
    flight_free(&c->flight);
    flight_init(&c->flight);
    c->f.sends.sequence = 0;
}

// Reads a copy of exactly these bytes, so that AddressSanitizer sees a byte read past them.
static inline enum result feed(struct client_flight *c, const void *data, size_t size,
                               size_t *used) {
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    assert_non_null(copy);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    enum result result = flight_read(&c->flight, c->f.engine, copy, size, used);
    assert_true(*used <= size);
    assert_int_equal(result == RESULT_ERROR, c->flight.refusal.reason != REFUSAL_NONE);
    free(copy);
    return result;
}

static inline void assert_refused_with(struct client_flight *c, enum result result,
                                       enum tls_alert alert) {
    assert_int_equal(result, RESULT_ERROR);
    if (c->flight.refusal.alert != alert) {
        fail_msg("%s (%s) instead of %s", alert_name(c->flight.refusal.alert),
                 c->flight.refusal.text, alert_name(alert));
    }
}

static inline void assert_plain_refused(struct client_flight *c, const void *data, size_t size,
                                        enum tls_alert alert) {
    size_t used;
    assert_refused_with(c, feed(c, data, size, &used), alert);
}

static inline void assert_taken(struct client_flight *c, const void *data, size_t size) {
    size_t used;
    assert_int_equal(feed(c, data, size, &used), RESULT_AGAIN);
    assert_int_equal(used, size);
}

static const uint8_t ccs[] = {RECORD_CHANGE_CIPHER_SPEC, 3, 3, 0, 1, 1};

#define FLIGHT_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#endif
