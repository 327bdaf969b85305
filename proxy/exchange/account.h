// The account of one exchange: what the access log, the error log and the counters tell of it.
//
// An exchange fills it in on its way. Texts are copied when the request is read, each cut to 2 KiB,
// into one block of memory, which the caller may share.
#ifndef RAVELIN_EXCHANGE_ACCOUNT_H
#define RAVELIN_EXCHANGE_ACCOUNT_H

#include "exchange/rules.h"

struct account {
    uint16_t status;                   // of the response; 0: none yet
    uint8_t minor_version;             // of the client
    bool answered;                     // by Ravelin itself
    bool http2;                        // of the stream
    bool refused;                      // the head was not understood, or never whole
    bool server_reused;                // the connection to the server came from the pool
    const char *ended;                 // static: why, when not in the usual way
    const char *server;                // address of the last one that was asked, or NULL
    struct series_cell *server_series; // of the same server, or NULL
    int64_t head_us;                   // how long the request head took to arrive, 0: it came whole
    int64_t started_us;       // wall clock, as the loop turn began in which the head was whole
    int64_t started_mono_us;  // the same, monotonic clock
    int64_t connect_begun_us; // these four: of the last attempt
    int64_t connect_us;       // -1: it is not connected
    int64_t request_sent_us;  // when the last byte of the request was written, 0: not yet
    int64_t response_us;      // from request_sent_us to the final response head, -1: none
    uint64_t request_bytes;   // of the body
    uint64_t response_bytes;  // of the body
    char *memory;             // of the texts, and what else is kept with them
    bool memory_is_small;     // it is of the slab
    struct slice method, target, host, referer, user_agent;
    struct slice request_line, protocol;  // of a request that is refused unread
    struct slice client_unread;           // what a trusted proxy wrote and is not understood
    struct slice protocols;               // of an upgrade
    struct slice request_id, traceparent; // as the server gets them
    bool has_request_id;                  // the configuration asks for these two
};

// The request is whole now. `head_since_ms`: its first byte came then, 0 if all came at once.
void account_begin(struct account *account, const struct shared *shared, int64_t head_since_ms);
// Keeps the texts of a request. `told`: by a trusted proxy, or NULL. Returns `more` bytes for the
// caller, which are valid as long as the account. NULL: no memory; the texts are not logged then.
// One of these two is called, once.
char *account_keep_request(struct account *account, struct shared *shared,
                           const struct http_request *request, const struct http_told *told,
                           size_t more);
// The same of a request that is refused unread, `bytes` being its head or a part of it.
void account_keep_refused(struct account *account, struct shared *shared, struct slice bytes);
// Counts the exchange, writes the access log line and, for a refused request, one in the error log.
// `done`: the response was sent as a whole. Then frees what the account holds.
void account_close(struct account *account, const struct choice *choice, bool done);

#endif
