// A verdict: a decision for which an exchange waits before its request goes to a server. It allows
// or denies the request (`guards` of struct config_route).
//
// Each kind of guard has an asker: a function in shared->askers. It is called once for each request
// of a route with this guard, with the complete head of the request. The asker returns an answer
// that is sent at once, or allows the request, or makes a verdict. The exchange owns the verdict.
// All guards of the route are called in the order of enum route_guard. The exchange then waits for
// their verdicts one after the other.
//
// While the exchange waits for a verdict, no server of the route is used, the body is not read
// beyond what the stream holds, and no 100 (Continue) is sent. Other rules are as in the queue of a
// backend: the exchange keeps its generation through a reload, `request-timeout` continues, and a
// drain that ends responds with 503. If the client leaves, leave() is called.
//
// Invariant: a request of a guarded route reaches its server only after advance() of each verdict
// has returned RESULT_OK. A guard without an asker, or whose asker fails, refuses the request.
#ifndef RAVELIN_EXCHANGE_VERDICT_H
#define RAVELIN_EXCHANGE_VERDICT_H

#include "exchange/answer.h"
#include "exchange/stream.h"

struct account;
struct choice;
struct generation;
struct http_told;
struct verdict;

struct verdict_verbs {
    // Does all that can be done now. It is not called again after RESULT_OK and RESULT_ERROR.
    //   OK     the request may continue, with `fields` and `response_fields`
    //   AGAIN  waits: call verdict_wake() after a change
    //   ERROR  `answer` is sent in place of a response: see verdict_refuse()
    enum result (*advance)(struct verdict *verdict);
    // Called when nothing more can be done now. Sets `deadline_ms`, and watchers. NULL: nothing to
    // set.
    void (*arm)(struct verdict *verdict);
    // `deadline_ms` has passed. RESULT_OK: advance() is called again. RESULT_ERROR: as of
    // advance().
    enum result (*timed_out)(struct verdict *verdict);
    // Frees the verdict. Called once for each verdict, after `fields` or `answer` were used.
    void (*leave)(struct verdict *verdict);
};

// A member of the asker's object. The asker sets `verbs` and `deadline_ms`.
struct verdict {
    const struct verdict_verbs *verbs;
    struct stream *stream; // stream of the exchange; set by the exchange
    struct verdict *next;  // next verdict of the exchange, set by the exchange; NULL: the last one
    int64_t deadline_ms;   // of shared_now_ms(); INT64_MAX: none
    struct answer answer;  // its fields and text may be memory of the verdict
    // Lines, each with CRLF, for the end of the head for the server. Their names should be reserved
    // (struct config_changes), so that the client cannot set them.
    struct slice fields;
    // The same for the end of the response head for the client.
    struct slice response_fields;
};

// The data of a request for an asker. `choice` and its pointers are valid as long as the verdict.
// All other pointers are valid during the call.
struct verdict_question {
    const struct choice *choice;
    struct stream *stream;
    struct generation *generation; // of `choice`; hold a reference to use it longer
    const struct http_request *request;
    const struct http_told *told; // see rules_find_client()
    struct slice request_id;      // as sent to the server; empty: none
    struct account *account;      // of the exchange, for the log
};

// Returns an answer to send at once. NO_ANSWER: the request continues, after *verdict if it was
// set. *verdict is NULL before.
typedef struct answer verdict_asker(const struct verdict_question *question,
                                    struct verdict **verdict);

// Has advance() called, perhaps before this call returns. Do not call it in a verb.
static inline void verdict_wake(struct verdict *verdict) {
    verdict->stream->verbs->wake(verdict->stream);
}

// For advance() and timed_out(): sets the answer. Always RESULT_ERROR.
static inline enum result verdict_refuse(struct verdict *verdict, struct answer answer) {
    verdict->answer = answer;
    return RESULT_ERROR;
}

#endif
