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
    exchange->status = status;
    exchange->response_bytes = size - http_head_end(answer, size, &scanned);
    exchange->response_state = RESPONSE_SENDING;
    if (!transport_add_span(transport->send, 0, (uint8_t *)answer, size)) {
        return RESULT_ERROR;
    }
    return transport_seal(transport);
}

enum result exchange_answer_redirect(struct exchange *exchange,
                                     const struct http_request *request) {
    struct session *session = exchange->session;
    struct send_buffer *buffer = transport_send_buffer(&session->transport);
    if (buffer == NULL) {
        return RESULT_ERROR;
    }
    char *output = (char *)slot_payload(buffer, 0);
    exchange_give_up_request(exchange);
    exchange->keep_alive = exchange->keep_alive && exchange_request_ends(exchange) &&
                           request->minor_version > 0; // which would need to be told
    size_t size =
        http_encode_redirect(request, exchange->generation->https_port, !exchange->keep_alive,
                             service_date(session->service), output, SLOT_READ_MAX);
    if (size == 0) {
        return exchange_answer(exchange, 400, "no host to redirect to");
    }
    return send_answer(exchange, 308, output, size);
}

// What every response of a site carries, and what this one does besides.
static struct slice answer_fields(const struct exchange *exchange, struct slice fields,
                                  char *output, size_t capacity) {
    struct writer writer = writer_begin(output, capacity);
    writer_put(&writer, fields);
    if (exchange->of_site && exchange->site->hsts_s > 0) {
        writer_put_hsts(&writer, exchange->site->hsts_s);
    }
    return (struct slice){output, writer_finish(&writer)};
}

enum result exchange_answer(struct exchange *exchange, uint16_t status, const char *why) {
    return exchange_answer_with(exchange, status, SLICE(""), why);
}

enum result exchange_answer_with(struct exchange *exchange, uint16_t status, struct slice fields,
                                 const char *why) {
    struct session *session = exchange->session;
    struct send_buffer *buffer = transport_send_buffer(&session->transport);
    exchange_drop_lease(exchange);
    exchange->ended = why;
    exchange->answered = true;
    // Half a record of an interim response cannot be taken back either.
    if (buffer == NULL || exchange->response_started || transport_has_unsent(&session->transport)) {
        return RESULT_ERROR;
    }
    memset(buffer->fills, 0, sizeof(buffer->fills));
    buffer->span_count = 0;
    exchange_give_up_request(exchange);
    exchange->keep_alive = exchange->keep_alive && exchange_request_ends(exchange) &&
                           status != 400 &&
                           exchange->client_minor_version > 0; // which would need to be told
    char *output = (char *)slot_payload(buffer, 0);
    char own_fields[ANSWER_FIELDS_MAX + 64];
    fields = answer_fields(exchange, fields, own_fields, sizeof(own_fields));
    size_t size = http_encode_answer(status, fields, !exchange->keep_alive, exchange->is_head,
                                     service_date(session->service), output, SLOT_READ_MAX);
    exchange->active_ms = now_ms(exchange);
    return size == 0 ? RESULT_ERROR : send_answer(exchange, status, output, size);
}
