// The verdicts that an exchange waits for before it uses a server.
#include "exchange/exchange_internal.h"
#include "exchange/verdict.h"
#include "http/writer.h"

#include <stdlib.h>

static struct answer ask(verdict_asker *asker, const struct verdict_question *question,
                         struct verdict ***end) {
    struct answer answer = asker(question, *end);
    struct verdict *verdict = **end;
    if (answer.status == 0 && verdict != NULL) {
        verdict->stream = question->stream;
        verdict->next = NULL;
        *end = &verdict->next;
    }
    return answer;
}

struct answer exchange_ask_guards(struct exchange *exchange, const struct http_request *request,
                                  const struct http_told *told) {
    const struct verdict_question question = {&exchange->choice,
                                              exchange->stream,
                                              exchange->generation,
                                              request,
                                              told,
                                              account_texts(&exchange->account)->request_id,
                                              &exchange->account};
    struct verdict **end = &exchange->verdict;
    struct answer answer = NO_ANSWER;
    for (size_t guard = 0; guard < ROUTE_GUARD_COUNT && answer.status == 0; guard++) {
        verdict_asker *asker = exchange->shared->askers[guard];
        if ((exchange->choice.route->guards >> guard & 1) == 0) {
            continue;
        }
        answer = asker == NULL ? answer_of(503, "the guard of the route is not running")
                               : ask(asker, &question, &end);
    }
    return answer;
}

// Adds lines to the head for the server. False: memory is short.
static bool add_fields(struct exchange *exchange, struct slice lines) {
    const struct slice before = {exchange->http->head,
                                 exchange->http->head_size - 2}; // no empty line
    char *head = malloc(exchange->http->head_size + lines.size);
    if (head == NULL) {
        return false;
    }
    char *at = writer_copy(head, before);
    at = writer_copy(at, lines);
    (void)writer_copy(at, SLICE("\r\n"));
    free(exchange->http->grown_head);
    exchange->http->grown_head = exchange->http->head = head;
    exchange->http->head_size += lines.size;
    return true;
}

// The same for the head of the response.
static bool add_response_fields(struct exchange *exchange, struct slice lines) {
    char *added = realloc(exchange->http->added, exchange->http->added_size + lines.size);
    if (added == NULL) {
        return false;
    }
    (void)writer_copy(added + exchange->http->added_size, lines);
    exchange->http->added = added;
    exchange->http->added_size += lines.size;
    return true;
}

static bool take_fields(struct exchange *exchange, const struct verdict *verdict) {
    return (verdict->fields.size == 0 || add_fields(exchange, verdict->fields)) &&
           (verdict->response_fields.size == 0 ||
            add_response_fields(exchange, verdict->response_fields));
}

static void leave_first(struct exchange *exchange) {
    struct verdict *verdict = exchange->verdict;
    exchange->verdict = verdict->next;
    verdict->verbs->leave(verdict);
}

enum result exchange_await_verdicts(struct exchange *exchange) {
    while (exchange->verdict != NULL) {
        struct verdict *verdict = exchange->verdict;
        exchange->attempt.has_waited = true;
        enum result result = verdict->verbs->advance(verdict);
        if (result == RESULT_ERROR) {
            exchange->answer = verdict->answer;
        }
        if (result != RESULT_OK) {
            return result;
        }
        if (!take_fields(exchange, verdict)) {
            return exchange_refuse(exchange, 503, "no memory for a request");
        }
        leave_first(exchange);
    }
    return RESULT_OK;
}

void exchange_arm_verdict(struct exchange *exchange) {
    struct verdict *verdict = exchange->verdict;
    if (verdict != NULL && verdict->verbs->arm != NULL) {
        verdict->verbs->arm(verdict);
    }
}

int64_t exchange_verdict_deadline(const struct exchange *exchange) {
    return exchange->verdict->deadline_ms;
}

enum result exchange_verdict_timed_out(struct exchange *exchange) {
    struct verdict *verdict = exchange->verdict;
    enum result result = verdict->verbs->timed_out(verdict);
    if (result == RESULT_ERROR) {
        exchange->answer = verdict->answer;
    }
    return result;
}

void exchange_drop_verdicts(struct exchange *exchange) {
    while (exchange->verdict != NULL) {
        leave_first(exchange);
    }
}
