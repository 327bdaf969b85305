// The head of a request for its server.
#include "exchange/exchange_internal.h"
#include "http/encode.h"
#include "http/walk.h"

// Bytes by which the encoded head may exceed the received one: the forwarding fields and
// X-TLS-Facts, with the client's address twice. The host is counted separately.
enum { HEAD_GROWTH = 448 };
// Bytes that a client's certificate adds: two fields with their values.
enum { CERTIFICATE_GROWTH = 80 + sizeof(struct client_identity) };
enum { REQUEST_ID_GROWTH = 16 + REQUEST_ID_KEPT_MAX }; // name, colon and CRLF, and an id

// The id of a request: the one of a trusted proxy, or a new one, in `text`. Empty: the route sets
// one.
static struct slice find_request_id(struct exchange *exchange, const struct http_request *request,
                                    bool told, char text[REQUEST_ID_SIZE]) {
    const struct http_field *field = http_fields_find(request->fields, FIELD_X_REQUEST_ID);
    if (http_is_changed(&exchange->choice.route->request, SLICE("X-Request-Id"))) {
        return (struct slice){NULL, 0};
    }
    if (told && field != NULL && request_id_is_usable(field->value)) {
        return field->value;
    }
    request_ids_next(&exchange->shared->request_ids, text);
    return (struct slice){text, REQUEST_ID_SIZE};
}

// Copies ids of the head for the server to the account, for the log.
static void note_ids(struct exchange *exchange) {
    struct account_texts *texts = exchange->account.texts;
    struct slice head = {exchange->http->head, exchange->http->head_size};
    texts->request_id = http_head_field(head, SLICE("X-Request-Id"));
    texts->traceparent = http_head_field(head, SLICE("traceparent"));
}

struct answer exchange_encode_head(struct exchange *exchange, const struct http_request *request,
                                   const struct http_told *told, size_t head_size) {
    struct http_forwarding forwarding = rules_forwarding(&exchange->choice, request, told);
    bool has_id = exchange->account.has_request_id && exchange->choice.route != NULL;
    char id[REQUEST_ID_SIZE];
    if (has_id) {
        forwarding.request_id = find_request_id(exchange, request, told != NULL, id);
    }
    struct slice host =
        request->authority.size > 0 ? request->authority : slice_from(exchange->choice.site->name);
    // A field line without a space after the colon grows by the space. The host is written three
    // times.
    size_t capacity = head_size + request->fields->count + 3 * host.size + HEAD_GROWTH +
                      (exchange->choice.is_certified ? CERTIFICATE_GROWTH : 0) +
                      (has_id ? REQUEST_ID_GROWTH : 0) + (told == NULL ? 0 : http_told_size(told)) +
                      (forwarding.changes == NULL ? 0 : http_changes_size(forwarding.changes));
    exchange->http->head =
        account_keep_request(&exchange->account, exchange->shared, request, told, capacity);
    if (exchange->http->head == NULL) {
        return answer_of(503, "no memory for a request");
    }
    exchange->http->head_size =
        http_encode_request(request, &forwarding, host, exchange->http->head, capacity);
    if (exchange->http->head_size == 0) {
        return answer_of(431, "the head is too large to pass on");
    }
    if (has_id) {
        note_ids(exchange);
    }
    return NO_ANSWER;
}
