// Counters in shared memory: one slot per worker, one writer per slot, any reader.
//
// The master maps the region before it forks (metrics_map). A worker adds to its own slot with
// plain relaxed stores; no other worker can write there (base/region.h). A replaced worker goes on
// in the slot of the one it replaces, so totals never go back; gauges (open sessions ...) are
// zeroed by the master when a worker died. A reader sees each value whole, but not all values of
// one instant.
//
// A worker that was taken over can write any value into its slot. Sums saturate; a limit that
// counts over all workers uses metrics_bounded_sum(), in which one slot counts for a part only.
#ifndef RAVELIN_OBSERVE_METRICS_H
#define RAVELIN_OBSERVE_METRICS_H

#include "base/json.h"
#include "base/region.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

// name, kind, help. COUNTER: only grows, summed over the slots. GAUGE: now, summed over the slots.
// LATEST: now, the same thing in every slot, so the largest is reported and not the sum.
#define METRICS(X)                                                                                 \
    X(sessions_accepted, COUNTER, "client connections accepted")                                   \
    X(sessions_open, GAUGE, "client connections open now")                                         \
    X(sessions_idle, GAUGE, "keep-alive sessions that wait for a request and hold no buffer")      \
    X(sessions_refused, COUNTER,                                                                   \
      "client connections closed at once because the limit was reached")                           \
    X(handshakes_full, COUNTER, "full TLS handshakes completed")                                   \
    X(handshakes_resumed, COUNTER, "resumed TLS handshakes completed")                             \
    X(handshakes_failed, COUNTER, "TLS handshakes refused or broken off")                          \
    X(handshakes_open, GAUGE, "TLS handshakes in progress, each holding a wolfSSL object")         \
    X(suite_aes_128_gcm_sha256, COUNTER, "handshakes with TLS_AES_128_GCM_SHA256")                 \
    X(suite_aes_256_gcm_sha384, COUNTER, "handshakes with TLS_AES_256_GCM_SHA384")                 \
    X(suite_chacha20_poly1305_sha256, COUNTER, "handshakes with TLS_CHACHA20_POLY1305_SHA256")     \
    X(group_x25519mlkem768, COUNTER, "full handshakes with X25519MLKEM768")                        \
    X(group_secp256r1mlkem768, COUNTER, "full handshakes with SecP256r1MLKEM768")                  \
    X(group_x25519, COUNTER, "full handshakes with X25519")                                        \
    X(group_p256, COUNTER, "full handshakes with P-256")                                           \
    X(group_p384, COUNTER, "full handshakes with P-384")                                           \
    X(refused_plain_http, COUNTER, "refused: plain HTTP on the TLS port")                          \
    X(refused_not_tls, COUNTER, "refused: neither TLS nor HTTP")                                   \
    X(refused_old_version, COUNTER, "refused: no TLS 1.3 offered")                                 \
    X(refused_no_suite, COUNTER, "refused: no common cipher suite")                                \
    X(refused_no_group, COUNTER, "refused: no common group")                                       \
    X(refused_no_post_quantum, COUNTER, "refused: no post-quantum group, which is required")       \
    X(refused_no_signature, COUNTER, "refused: no signature algorithm for the site's keys")        \
    X(refused_no_protocol, COUNTER, "refused: only other protocols than HTTP/1 (ALPN)")            \
    X(refused_unknown_name, COUNTER, "refused: a name that no site has")                           \
    X(refused_no_parameters, COUNTER, "refused: nothing else in common")                           \
    X(refused_missing_extension, COUNTER, "refused: a mandatory extension is missing")             \
    X(refused_malformed, COUNTER, "refused: a malformed message")                                  \
    X(refused_illegal, COUNTER, "refused: a value that is not allowed")                            \
    X(refused_unexpected, COUNTER, "refused: a message or record out of turn")                     \
    X(refused_oversized, COUNTER, "refused: a record that is too long")                            \
    X(refused_bad_record, COUNTER, "refused: a record that does not authenticate")                 \
    X(refused_bad_proof, COUNTER, "refused: a wrong Finished, binder or signature")                \
    X(refused_bad_certificate, COUNTER, "refused: the client's certificate")                       \
    X(refused_client_alert, COUNTER, "broken off by an alert of the client")                       \
    X(refused_client_left, COUNTER, "broken off: the client closed the connection")                \
    X(refused_timeout, COUNTER, "broken off: the handshake took too long")                         \
    X(refused_signer, COUNTER, "broken off: the signer gave no signature")                         \
    X(refused_library, COUNTER, "refused by the TLS library for another reason")                   \
    X(refused_internal, COUNTER, "broken off by a fault of our own, or for want of memory")        \
    X(signatures, COUNTER, "signatures asked of the signer")                                       \
    X(requests, COUNTER, "requests read")                                                          \
    X(responses_1xx, COUNTER, "interim responses forwarded")                                       \
    X(responses_2xx, COUNTER, "responses with a 2xx status")                                       \
    X(responses_3xx, COUNTER, "responses with a 3xx status")                                       \
    X(responses_4xx, COUNTER, "responses with a 4xx status")                                       \
    X(responses_5xx, COUNTER, "responses with a 5xx status")                                       \
    X(request_body_bytes, COUNTER, "request body bytes forwarded")                                 \
    X(response_body_bytes, COUNTER, "response body bytes forwarded")                               \
    X(server_connections, COUNTER, "connections made to servers")                                  \
    X(server_reuses, COUNTER, "requests sent on a pooled server connection")                       \
    X(server_retries, COUNTER, "requests sent again after a server connection failed")             \
    X(server_failures, COUNTER, "server connections that failed or broke off")                     \
    X(server_unasked, COUNTER,                                                                     \
      "idle server connections that were closed because of bytes that nobody asked for")           \
    X(pool_idle, GAUGE, "idle server connections in the pools")                                    \
    X(records_sealed, COUNTER, "TLS records sealed")                                               \
    X(records_opened, COUNTER, "TLS records opened")                                               \
    X(key_updates, COUNTER, "key updates in either direction")                                     \
    X(receive_buffers, GAUGE, "receive rings held by sessions")                                    \
    X(send_buffers, GAUGE, "send buffers held by sessions")                                        \
    X(log_lines_lost, COUNTER,                                                                     \
      "lines of the access log and of workers' error logs that were lost")                         \
    X(generation, LATEST, "the generation new exchanges use")                                      \
    X(generations_held, GAUGE, "generations some exchange still holds")

enum metric {
#define METRIC_ENUM(name, kind, help) METRIC_##name,
    METRICS(METRIC_ENUM)
#undef METRIC_ENUM
        METRIC_COUNT,
};

struct metrics_slot {
    _Alignas(REGION_PAGE) _Atomic uint64_t values[METRIC_COUNT];
};

static inline void metric_add(struct metrics_slot *slot, enum metric metric, uint64_t amount) {
    atomic_store_explicit(&slot->values[metric],
                          atomic_load_explicit(&slot->values[metric], memory_order_relaxed) +
                              amount,
                          memory_order_relaxed);
}

static inline void metric_subtract(struct metrics_slot *slot, enum metric metric, uint64_t amount) {
    metric_add(slot, metric, 0 - amount);
}

static inline void metric_set(struct metrics_slot *slot, enum metric metric, uint64_t value) {
    atomic_store_explicit(&slot->values[metric], value, memory_order_relaxed);
}

// Maps `slots` slots (at least 1), zeroed. The result is the writable view: of all slots in the
// master, of the lent one in a worker. NULL when memory is short. The master unmaps.
struct metrics_slot *metrics_map(size_t slots);
void metrics_unmap(struct metrics_slot *map, size_t slots); // NULL is fine
// The read-only view of all slots, which a forked process with a slot has too.
const struct metrics_slot *metrics_readable(const struct metrics_slot *map, size_t slots);
// Which slot the processes can write that are forked from now on; REGION_NO_SLOT: they get nothing.
void metrics_lend(struct metrics_slot *map, size_t slots, size_t slot);
void metrics_clear_gauges(struct metrics_slot *slot); // all but the counters
// Sum over all slots, at most UINT64_MAX; of a LATEST the largest value.
uint64_t metrics_sum(const struct metrics_slot *map, size_t slots, enum metric metric);
// The same for a limit: the slot `own` counts in full, every other one for at most `most`.
uint64_t metrics_bounded_sum(const struct metrics_slot *map, size_t slots, size_t own,
                             uint64_t most, enum metric metric);
const char *metric_name(enum metric metric);
// All sums as one JSON object of this name (json.h); they take less than 4 KiB.
void metrics_to_json(const struct metrics_slot *map, size_t slots, struct json *json,
                     const char *name);

#endif
