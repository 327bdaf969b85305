// The account of one exchange: the data for the access log, the error log and the counters.
//
// The exchange sets the members while it runs. Texts are copied when the request is read, each cut
// to 2 KiB, into one block of memory. The caller may use a part of this block. A connection of
// plain TCP has no texts.
#ifndef RAVELIN_EXCHANGE_ACCOUNT_H
#define RAVELIN_EXCHANGE_ACCOUNT_H

#include "exchange/rules.h"

// The texts of a request, at the begin of the block that has their bytes. Empty: not known.
struct account_texts {
    struct slice method, target, host, referer, user_agent;
    struct slice request_line, protocol;  // of a request that was refused unparsed
    struct slice client_unread;           // client address of a trusted proxy that cannot be parsed
    struct slice protocols;               // protocols of an upgrade
    struct slice request_id, traceparent; // as sent to the server
};

extern const struct account_texts account_no_texts;

struct account {
    uint16_t status;                   // of the response; 0: none yet
    uint8_t minor_version;             // of the client
    bool answered;                     // Ravelin generated the response
    bool http2;                        // of the stream
    bool tcp;                          // a connection of plain TCP
    bool refused;                      // the head was malformed, or never complete
    bool server_reused;                // the connection to the server came from the pool
    bool has_request_id;               // the configuration wants request_id and traceparent
    bool texts_are_small;              // the block of the texts is from the slab
    const char *ended;                 // static; reason of an unusual end; NULL: none
    const char *server;                // address of the last server that was tried, or NULL
    struct series_cell *server_series; // of the same server, or NULL
    int64_t head_us;    // time in which the request head arrived; 0: it arrived at once
    int64_t started_us; // wall clock, at the begin of the loop turn in which the head was complete
    int64_t started_mono_us;        // the same time, monotonic clock
    int64_t connect_begun_us;       // this and the next three: of the last attempt
    int64_t connect_us;             // -1: not connected
    int64_t request_sent_us;        // when the last byte of the request was written; 0: not yet
    int64_t response_us;            // from request_sent_us to the final response head; -1: none
    uint64_t request_bytes;         // of the body
    uint64_t response_bytes;        // of the body
    struct account_texts *texts;    // block with the texts and the caller's part; NULL: not kept
    struct slice *request_headers;  // values for the access log; NULL: none
    struct slice *response_headers; // the same of the response
    char *user;                     // user name that the client sent; NULL: none
};

// The texts, or empty ones.
static inline const struct account_texts *account_texts(const struct account *account) {
    return account->texts == NULL ? &account_no_texts : account->texts;
}

// Call it when the request head is complete. `head_since_ms`: when its first byte arrived; 0: all
// arrived at once.
void account_begin(struct account *account, const struct shared *shared, int64_t head_since_ms);
// Copies the texts of a request. Call this or account_keep_refused(), once.
//   told     from a trusted proxy, or NULL
//   Returns  `more` bytes for the caller, valid as long as the account. NULL: no memory; the texts
//            are not logged
char *account_keep_request(struct account *account, struct shared *shared,
                           const struct http_request *request, const struct http_told *told,
                           size_t more);
// Copies the texts of a request that is refused unparsed. `bytes`: its head or a part of it.
void account_keep_refused(struct account *account, struct shared *shared, struct slice bytes);
// Closes the account of a subrequest. Counts it only for its server; no text was kept.
void account_close_subrequest(const struct account *account);
// Copies the user name that the client sent, for the log. If memory is short, the name is not
// logged.
void account_keep_user(struct account *account, struct slice user);
// Copies the values of the wanted headers into *kept, if there is an access log. If memory is
// short, they are not logged.
void account_keep_headers(struct slice **kept, const struct choice *choice,
                          const struct access_headers *wanted, const struct http_fields *fields);

// Copies the values of the headers that the configuration logs.
static inline void account_keep_request_headers(struct account *account,
                                                const struct choice *choice,
                                                const struct http_fields *fields) {
    const struct access_headers *wanted =
        &choice->generation->config->access_log_fields.request_headers;
    if (wanted->count > 0) {
        account_keep_headers(&account->request_headers, choice, wanted, fields);
    }
}

// The same for the final response of a server.
static inline void account_keep_response_headers(struct account *account,
                                                 const struct choice *choice,
                                                 const struct http_fields *fields) {
    const struct access_headers *wanted =
        &choice->generation->config->access_log_fields.response_headers;
    if (wanted->count > 0) {
        account_keep_headers(&account->response_headers, choice, wanted, fields);
    }
}

// Counts the exchange and writes its access log line. For a refused request, also writes a line in
// the error log. Then frees the memory of the account. `done`: the whole response was sent.
void account_close(struct account *account, const struct choice *choice, bool done);

#endif
