// Answers of our own, in place of a server's.
#include "exchange/exchange_internal.h"
#include "http/writer.h"

// What the answer carries, and what every response of a site does besides.
static struct slice answer_fields(const struct exchange *exchange, struct slice fields,
                                  char *output, size_t capacity) {
    if (!exchange->choice.of_site || exchange->choice.site->hsts_s == 0) {
        return fields;
    }
    struct writer writer = writer_begin(output, capacity);
    writer_put(&writer, fields);
    writer_put_hsts(&writer, exchange->choice.site->hsts_s);
    return (struct slice){output, writer_finish(&writer)};
}

enum result exchange_answer(struct exchange *exchange) {
    struct stream *stream = exchange->stream;
    struct answer answer = exchange->answer;
    exchange->answer = NO_ANSWER;
    attempt_drop(&exchange->attempt, &exchange->choice);
    exchange->account.ended = answer.why;
    exchange_give_up_request(exchange, true);
    if (exchange->request_framing == FRAMING_TUNNEL) { // for the log only
        exchange->account.status = answer.status;
        return RESULT_ERROR;
    }
    // Half a record of an interim response cannot be taken back either.
    bool half_sent = stream->unsent && stream->held_by == HELD_UNSENT;
    if (exchange->response_started || half_sent) {
        return RESULT_ERROR;
    }
    exchange->account.answered = true;
    exchange->room = NULL;
    char site_fields[ANSWER_FIELDS_MAX + 64];
    struct slice fields = answer_fields(exchange, answer.fields, site_fields, sizeof(site_fields));
    exchange->account.status = answer.status;
    exchange->response_state = RESPONSE_SENDING;
    exchange->active_ms = now_ms(exchange);
    return stream->verbs->answer(stream, answer.status, fields, &exchange->account.response_bytes);
}
