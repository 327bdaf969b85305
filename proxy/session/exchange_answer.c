// Answers of our own, in place of a server's.
#include "http/encode.h"
#include "http/writer.h"
#include "session/exchange_internal.h"

// Names a whole answer of our own, which lies in the first slot of the send buffer, as the
// response.
static enum result send_answer(struct exchange *exchange, uint16_t status, char *answer,
                               size_t size) {
    struct transport *transport = &exchange->session->transport;
    size_t scanned = 0;
    exchange->account.status = status;
    exchange->account.response_bytes = size - http_head_end(answer, size, &scanned);
    exchange->response_state = RESPONSE_SENDING;
    if (!transport_add_span(transport->send, 0, (uint8_t *)answer, size)) {
        return RESULT_ERROR;
    }
    return transport_seal(transport);
}

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
    struct session *session = exchange->session;
    struct send_buffer *buffer = transport_send_buffer(&session->transport);
    struct answer answer = exchange->answer;
    exchange->answer = NO_ANSWER;
    attempt_drop(&exchange->attempt);
    exchange->account.ended = answer.why;
    exchange->account.answered = true;
    // Half a record of an interim response cannot be taken back either.
    if (buffer == NULL || exchange->response_started || transport_has_unsent(&session->transport)) {
        return RESULT_ERROR;
    }
    memset(buffer->fills, 0, sizeof(buffer->fills));
    buffer->span_count = 0;
    exchange_give_up_request(exchange);
    exchange->keep_alive = exchange->keep_alive && exchange_request_ends(exchange) &&
                           answer.status != 400 &&
                           exchange->account.minor_version > 0; // which would need to be told
    char *output = (char *)slot_payload(buffer, 0);
    char site_fields[ANSWER_FIELDS_MAX + 64];
    struct slice fields = answer_fields(exchange, answer.fields, site_fields, sizeof(site_fields));
    size_t size =
        http_encode_answer(answer.status, fields, !exchange->keep_alive, exchange->is_head,
                           shared_date(exchange->shared), output, SLOT_READ_MAX);
    exchange->active_ms = now_ms(exchange);
    return size == 0 ? RESULT_ERROR : send_answer(exchange, answer.status, output, size);
}
