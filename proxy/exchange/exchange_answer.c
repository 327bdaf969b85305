// Answers of Ravelin, in place of a server's response.
#include "exchange/exchange_internal.h"
#include "http/writer.h"

// The fields of the answer, and the fields that every response of a site has.
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

// --- Pages ---

// Whether the value of Accept has JSON and no HTML, as programs ask and browsers do not.
static bool asks_for_json(struct slice accept) {
    return accept.size > 0 && memmem(accept.data, accept.size, "application/json", 16) != NULL &&
           memmem(accept.data, accept.size, "text/html", 9) == NULL;
}

void exchange_note_accept(struct exchange *exchange, const struct http_request *request) {
    for (uint32_t i = 0; i < request->fields->count; i++) {
        const struct http_field *field = &request->fields->items[i];
        if (slice_equal_nocase(field->name, SLICE("Accept"))) {
            exchange->accepts_json = asks_for_json(field->value);
            return;
        }
    }
}

// Whether the client accepts JSON. The head for the server has the client's Accept field.
static bool accepts_json(const struct exchange *exchange) {
    if (exchange->http->head == NULL) {
        return exchange->accepts_json;
    }
    const struct slice head = {exchange->http->head, exchange->http->head_size};
    return asks_for_json(http_head_field(head, SLICE("Accept")));
}

static struct http_page page_of(const struct exchange *exchange, const struct config_page *page) {
    return (struct http_page){slice_from(page->type),
                              page->text != NULL
                                  ? slice_from(page->text)
                                  : bundle_file(&exchange->generation->bundle, page->file)};
}

static const struct config_page *find_error_page(const struct exchange *exchange, uint16_t status) {
    const struct config_site *site = exchange->choice.of_site ? exchange->choice.site : NULL;
    for (size_t i = 0; site != NULL && i < site->error_page_count; i++) {
        if (site->error_pages[i].status == status) {
            return &site->error_pages[i].page;
        }
    }
    return NULL;
}

// False: the small page of the status. `text`: for a page in JSON.
static bool find_page(const struct exchange *exchange, const struct answer *answer,
                      char text[HTTP_JSON_SIZE_MAX], struct http_page *page) {
    if (answer->text != NULL) {
        *page = *answer->text;
        return true;
    }
    if (answer->page != NULL) {
        *page = page_of(exchange, answer->page);
        return true;
    }
    if (answer->status < 400) {
        return false;
    }
    const struct config_page *own = find_error_page(exchange, answer->status);
    bool is_json = own != NULL && strstr(own->type, "json") != NULL;
    if (!is_json && accepts_json(exchange)) {
        *page =
            (struct http_page){SLICE("application/json"),
                               {text, http_encode_json(answer->status, text, HTTP_JSON_SIZE_MAX)}};
        return true;
    }
    if (own != NULL) {
        *page = page_of(exchange, own);
    }
    return own != NULL;
}

// --- Answers ---

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
    // Half a record of an interim response cannot be withdrawn either.
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
    char json[HTTP_JSON_SIZE_MAX];
    struct http_page page;
    bool has_page = find_page(exchange, &answer, json, &page);
    enum result result = stream->verbs->answer(
        stream, answer.status, fields, has_page ? &page : NULL, &exchange->account.response_bytes);
    exchange_drop_verdicts(exchange); // fields and page may be in its memory
    return result;
}
