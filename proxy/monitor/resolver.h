// Asks DNS servers with c-ares, which does ids, source ports, retries, the choice of a server, and
// TCP after a truncated response. Never waits, and looks up no name in a file. dns_answer.h parses
// the responses.
//
// A process has one resolver, with at most RESOLVER_QUESTIONS_MAX questions under way. Other
// questions wait. c-ares opens files when the resolver is made, so make it before the sandbox.
#ifndef RAVELIN_MONITOR_RESOLVER_H
#define RAVELIN_MONITOR_RESOLVER_H

#include "base/list.h"
#include "base/socket.h"
#include "monitor/dns_answer.h"

#include <ev.h>

#define RESOLVER_QUESTIONS_MAX 64
// For the first try; the second try with the same server may be longer.
#define RESOLVER_TIMEOUT_MS 1000
#define RESOLVER_TRIES 2

enum dns_outcome {
    DNS_FOUND,
    DNS_EMPTY,  // the name does not exist, or has no such record
    DNS_SILENT, // no server responds
    DNS_FAILED, // a server responds with an error, or with an invalid message
    DNS_AGAIN,  // the servers have changed: ask again
};

struct question {
    struct list_node node; // in resolver.waiting
    const char *host;      // canonical
    enum dns_type type;
    // `answer` is set for FOUND and EMPTY. May ask again.
    void (*answered)(struct question *question, enum dns_outcome outcome,
                     const struct dns_answer *answer);
    struct asked *asked; // NULL: not under way, or it waits for its turn
};

struct resolver;

struct resolver *resolver_new(struct ev_loop *loop); // NULL: memory is short, or c-ares fails
void resolver_free(struct resolver *resolver);       // open questions get no response
// Sets the servers. False: memory is short; the former servers stay.
bool resolver_use(struct resolver *resolver, const struct address *servers, size_t count);
void question_init(struct question *question);
// Whether the question was asked and has no response yet.
static inline bool question_is_open(const struct question *question) {
    return question->asked != NULL || !list_is_empty(&question->node);
}
// Asks a question, which must not be open. Set host, type and answered() before. answered() may be
// called at once.
void resolver_ask(struct resolver *resolver, struct question *question);
// Cancels a question: answered() is not called. Does nothing if it is not open.
void resolver_forget(struct resolver *resolver, struct question *question);

// The version of c-ares, which is linked dynamically: "1.18.1".
const char *resolver_library_version(void);

#endif
