// Counters in shared memory: one slot per worker, one writer per slot, any reader.
//
// The master maps the region before it forks (metrics_map) and unmaps it. A worker adds to its own
// slot with relaxed stores; no other worker can write this slot (base/region.h). When a worker
// dies, its replacement continues in the same slot, so totals never decrease; the master sets the
// gauges of the slot to 0. A reader sees each value whole, but the values may be from different
// instants.
//
// An attacker who controls a worker can write any value into its slot. Sums therefore saturate. A
// limit that counts over all workers uses metrics_bounded_sum(), in which one other slot counts
// only up to a bound.
#ifndef RAVELIN_OBSERVE_METRICS_H
#define RAVELIN_OBSERVE_METRICS_H

#include "base/json.h"
#include "base/region.h"
#include "observe/histogram.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// name, kind, help. COUNTER only grows; the total is the sum over the slots. GAUGE is the present
// value; the total is the sum. LATEST is the same value in every slot; the total is the largest.
#define METRICS(X)                                                                                 \
    X(sessions_accepted, COUNTER, "client connections accepted")                                   \
    X(sessions_open, GAUGE, "client connections open now")                                         \
    X(sessions_idle, GAUGE, "idle client connections that hold no buffer")                         \
    X(sessions_refused, COUNTER, "client connections closed at once because of a limit")           \
    X(handshakes_full, COUNTER, "full TLS handshakes completed")                                   \
    X(handshakes_resumed, COUNTER, "resumed TLS handshakes completed")                             \
    X(handshakes_failed, COUNTER, "TLS handshakes refused or ended early")                         \
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
    X(refused_no_protocol, COUNTER, "refused: only other protocols than HTTP (ALPN)")              \
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
    X(refused_client_alert, COUNTER, "ended by an alert of the client")                            \
    X(refused_client_left, COUNTER, "ended: the client closed the connection")                     \
    X(refused_timeout, COUNTER, "ended: the handshake took too long")                              \
    X(refused_signer, COUNTER, "ended: the signer gave no signature")                              \
    X(refused_library, COUNTER, "refused by the TLS library for another reason")                   \
    X(refused_internal, COUNTER, "failed: an internal error, or too little memory")                \
    X(signatures, COUNTER, "signatures requested from the signer")                                 \
    X(requests, COUNTER, "requests read")                                                          \
    X(requests_http2, COUNTER, "requests read from HTTP/2 connections")                            \
    X(sessions_http2, GAUGE, "client connections open now that speak HTTP/2")                      \
    X(http2_faults, COUNTER, "HTTP/2 connections ended for a fault of the client")                 \
    X(http2_floods, COUNTER, "HTTP/2 connections ended for a flood")                               \
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
    X(retries_refused, COUNTER, "requests not sent again because of retry-budget")                 \
    X(server_failures, COUNTER, "server connections that failed or ended early")                   \
    X(server_ejections, COUNTER, "times that a worker took a server out of use")                   \
    X(server_unasked, COUNTER, "idle server connections closed because of unexpected bytes")       \
    X(checks, COUNTER, "checks of servers that have ended")                                        \
    X(checks_failed, COUNTER, "checks of servers that were bad")                                   \
    X(lookups_found, COUNTER, "DNS lookups that found records")                                    \
    X(lookups_empty, COUNTER, "DNS lookups of names without such records")                         \
    X(lookups_silent, COUNTER, "DNS lookups to which no DNS server replied")                       \
    X(lookups_failed, COUNTER, "DNS lookups to which a DNS server replied with an error")          \
    X(queue_waiting, GAUGE, "requests that wait for a connection to a server")                     \
    X(queue_refused, COUNTER, "requests that waited in vain, or could not wait")                   \
    X(authorize_waiting, GAUGE, "requests that wait for an authorization")                         \
    X(authorize_allowed, COUNTER, "requests that an authorization let pass")                       \
    X(authorize_denied, COUNTER, "requests that an authorization refused")                         \
    X(authorize_failed, COUNTER, "requests refused because their authorization failed")            \
    X(passwords_checked, COUNTER, "passwords that were compared with a hash")                      \
    X(passwords_wrong, COUNTER, "passwords that were wrong, or for an unknown user")               \
    X(logins_limited, COUNTER, "requests with a password that was not checked because of a limit") \
    X(pool_idle, GAUGE, "idle server connections in the pools")                                    \
    X(records_sealed, COUNTER, "TLS records sealed")                                               \
    X(records_opened, COUNTER, "TLS records opened")                                               \
    X(key_updates, COUNTER, "key updates in either direction")                                     \
    X(receive_buffers, GAUGE, "receive rings that client connections hold")                        \
    X(send_buffers, GAUGE, "send buffers that client connections hold")                            \
    X(log_lines_lost, COUNTER,                                                                     \
      "lines of the access log and of workers' error logs that were lost")                         \
    X(generation, LATEST, "the generation that new requests use")                                  \
    X(generations_held, GAUGE, "generations that a request still holds")

enum metric {
#define METRIC_ENUM(name, kind, help) METRIC_##name,
    METRICS(METRIC_ENUM)
#undef METRIC_ENUM
        METRIC_COUNT,
};

// Times, see histogram.h.
enum metric_time {
    TIME_HANDSHAKE, // from accepting a connection to the end of its TLS handshake
    TIME_REQUEST,   // from a whole request head to the end of the response
    TIME_CONNECT,   // until a new connection to a server was made, failed or was given up
    TIME_QUEUE,     // that a request waited for a connection to a server, in vain or not
    TIME_COUNT
};

struct metric_times {
    _Atomic uint64_t buckets[HISTOGRAM_BUCKETS];
    _Atomic uint64_t sum_us;
};

struct metrics_slot {
    _Alignas(REGION_PAGE) _Atomic uint64_t values[METRIC_COUNT];
    struct metric_times times[TIME_COUNT];
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

static inline void metric_note_time(struct metrics_slot *slot, enum metric_time time, int64_t us) {
    struct metric_times *times = &slot->times[time];
    _Atomic uint64_t *bucket = &times->buckets[histogram_bucket(us)];
    atomic_store_explicit(bucket, atomic_load_explicit(bucket, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    uint64_t sum = atomic_load_explicit(&times->sum_us, memory_order_relaxed);
    atomic_store_explicit(&times->sum_us, sum + (us > 0 ? (uint64_t)us : 0), memory_order_relaxed);
}

// Maps `slots` slots (at least 1), zeroed. Returns the writable view: of all slots in the master,
// of the lent slot in a worker. NULL: memory is short.
struct metrics_slot *metrics_map(size_t slots);
void metrics_unmap(struct metrics_slot *map, size_t slots); // does nothing to NULL
// The read-only view of all slots, in the master and in every process with a slot.
const struct metrics_slot *metrics_readable(const struct metrics_slot *map, size_t slots);
// Sets which slot the processes can write that are forked from now on. REGION_NO_SLOT: no view.
void metrics_lend(struct metrics_slot *map, size_t slots, size_t slot);
void metrics_clear_gauges(struct metrics_slot *slot); // sets GAUGE and LATEST to 0
// The sum over all slots, at most UINT64_MAX; for LATEST the largest value.
uint64_t metrics_sum(const struct metrics_slot *map, size_t slots, enum metric metric);
// The same for a limit: the slot `own` counts in full, every other slot at most `most`.
uint64_t metrics_bounded_sum(const struct metrics_slot *map, size_t slots, size_t own,
                             uint64_t most, enum metric metric);
// The sums of all slots, each at most UINT64_MAX.
struct time_sums {
    uint64_t buckets[HISTOGRAM_BUCKETS];
    uint64_t sum_us;
};
void metrics_sum_times(const struct metrics_slot *map, size_t slots, enum metric_time time,
                       struct time_sums *sums);
const char *metric_name(enum metric metric);
const char *metric_help(enum metric metric);
bool metric_is_counter(enum metric metric); // false: a gauge
// Writes all sums as one JSON object of this name (base/json.h), in less than 4 KiB.
void metrics_to_json(const struct metrics_slot *map, size_t slots, struct json *json,
                     const char *name);

#endif
