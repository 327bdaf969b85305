// Asks DNS servers, by c-ares: ids, source ports, retries, the next server, TCP after a truncated
// response. Nothing waits, and no name is looked up in a file. dns_answer.h reads what comes.
//
// One resolver a process, with at most RESOLVER_QUESTIONS_MAX questions under way; others wait for
// their turn. c-ares opens files when the resolver is made, so make it before the sandbox.
#ifndef RAVELIN_MONITOR_RESOLVER_H
#define RAVELIN_MONITOR_RESOLVER_H

#include "base/list.h"
#include "base/socket.h"
#include "monitor/dns_answer.h"

#include <ev.h>

#define RESOLVER_QUESTIONS_MAX 64
#define RESOLVER_TIMEOUT_MS 1000 // for the first try; the second, at the same server, may be longer
#define RESOLVER_TRIES 2

enum dns_outcome {
    DNS_FOUND,
    DNS_EMPTY,  // there is no such name, or it has no such record
    DNS_SILENT, // no server answers
    DNS_FAILED, // a server answers with an error, or nothing that makes sense
    DNS_AGAIN,  // the servers have changed: ask again
};

struct question {
    struct list_node node; // in resolver.waiting
    const char *host;      // canonical
    enum dns_type type;
    // `answer` is there for FOUND and EMPTY. May ask again.
    void (*answered)(struct question *question, enum dns_outcome outcome,
                     const struct dns_answer *answer);
    struct asked *asked; // NULL: not under way, or it waits for its turn
};

struct resolver;

struct resolver *resolver_new(struct ev_loop *loop); // NULL: memory is short, or c-ares fails
void resolver_free(struct resolver *resolver);       // what was asked is never answered
// Asks these servers from now on. False: memory is short, the former ones stay.
bool resolver_use(struct resolver *resolver, const struct address *servers, size_t count);
void question_init(struct question *question);
// Whether it was asked and not answered yet.
static inline bool question_is_open(const struct question *question) {
    return question->asked != NULL || !list_is_empty(&question->node);
}
// The host, the type and answered() are set; it is not open. answered() may be called at once.
void resolver_ask(struct resolver *resolver, struct question *question);
// answered() is not called any more. Does nothing if it is not open.
void resolver_forget(struct resolver *resolver, struct question *question);

// The version of c-ares, which is linked dynamically: "1.18.1".
const char *resolver_library_version(void);

#endif
