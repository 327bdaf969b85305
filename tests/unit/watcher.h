// The watching client (tls/client) against our own server, in memory.
#ifndef RAVELIN_TESTS_WATCHER_H
#define RAVELIN_TESTS_WATCHER_H

#include "handshake_lab.h"
#include "tls/probe/probe.h"

static const uint16_t WATCHER_SUITES[] = {0x1301, 0x1302, 0x1303};
static const uint16_t WATCHER_GROUPS[] = {GROUP_X25519, GROUP_P256, GROUP_P384};
static const uint16_t WATCHER_SIGNATURES[] = {0x0403, 0x0503, 0x0807, 0x0804, 0x0805, 0x0806};

static inline struct probe_wishes usual_wishes(void) {
    return (struct probe_wishes){
        .name = SLICE("a.test"),
        .suites = NUMBERS(WATCHER_SUITES),
        .groups = NUMBERS(WATCHER_GROUPS),
        .signatures = NUMBERS(WATCHER_SIGNATURES),
        .shares = {WATCHER_GROUPS, 1},
        .modes = PSK_DHE_KE,
    };
}

// What has happened so far.
struct watcher {
    struct link *link;
    struct probe *client;
    enum result result;
    unsigned handshakes, tickets, alerts, ends;
    size_t data_size;
    char data[1024];
};

static inline struct watcher watcher_open(struct lab *lab, const struct probe_wishes *wishes) {
    struct watcher watcher = {.link = link_open(lab, NULL), .client = probe_new(wishes)};
    assert_non_null(watcher.client);
    return watcher;
}

static inline void watcher_close(struct watcher *watcher) {
    probe_free(watcher->client);
    link_close(watcher->link);
}

static inline void watcher_note(struct watcher *watcher, enum probe_event event,
                                struct slice data) {
    watcher->handshakes += event == PROBE_HANDSHAKE_DONE;
    watcher->tickets += event == PROBE_TICKET;
    watcher->alerts += event == PROBE_ALERT;
    watcher->ends += event == PROBE_CLOSED;
    if (event == PROBE_DATA) {
        assert_true(watcher->data_size + data.size < sizeof(watcher->data));
        memcpy(watcher->data + watcher->data_size, data.data, data.size);
        watcher->data_size += data.size;
    }
}

// Takes what has come; at most `piece` bytes at a time.
static inline void watcher_take(struct watcher *watcher, size_t piece) {
    struct queue *queue = &watcher->link->to_client;
    enum probe_event event;
    struct slice data;
    for (;;) {
        watcher->result = probe_advance(watcher->client, &event, &data);
        watcher_note(watcher, event, data);
        size_t left = queue_size(queue);
        if (watcher->result == RESULT_ERROR || (watcher->result == RESULT_AGAIN && left == 0)) {
            return;
        }
        if (watcher->result == RESULT_AGAIN) {
            queue->begin += probe_feed(watcher->client, queue->data + queue->begin,
                                       left < piece ? left : piece);
        }
    }
}

static inline void watcher_send(struct watcher *watcher) {
    struct slice output = probe_output(watcher->client);
    queue_put(&watcher->link->to_server, output.data, output.size);
    probe_sent(watcher->client, output.size);
}

// Until nothing moves any more.
static inline void watcher_run(struct watcher *watcher, size_t piece) {
    size_t before;
    do {
        before = watcher->link->to_server.end + watcher->link->to_client.begin;
        watcher_send(watcher);
        if (watcher->link->handshake != NULL) {
            link_run(watcher->link);
        }
        watcher_take(watcher, piece);
    } while (before != watcher->link->to_server.end + watcher->link->to_client.begin);
}

// A handshake that must succeed on both sides.
static inline struct watcher watcher_connect(struct lab *lab, const struct probe_wishes *wishes) {
    struct watcher watcher = watcher_open(lab, wishes);
    watcher_run(&watcher, SIZE_MAX);
    if (watcher.handshakes != 1 || watcher.link->result != RESULT_OK) {
        fail_msg("server: %d %s; client: %s", watcher.link->result,
                 handshake_refusal(watcher.link->handshake)->text, probe_failure(watcher.client));
    }
    link_finish(watcher.link);
    return watcher;
}

#endif
