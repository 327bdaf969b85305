#include "exchange/subrequest.h"

#include "base/list.h"
#include "exchange/shared.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM_SIZE = 8192 }; // more than any `lead`, which has no changes of a route

static struct subrequest *subrequest_of(struct stream *stream) {
    return LIST_ENTRY(stream, struct subrequest, stream);
}

// --- its stream ---

static void wake(struct stream *stream) {
    struct subrequest *subrequest = subrequest_of(stream);
    subrequest->wake(subrequest);
}

static struct address local_address(const struct stream *stream) {
    const struct subrequest *subrequest =
        (const struct subrequest *)((const char *)stream - offsetof(struct subrequest, stream));
    return subrequest->client->verbs->local_address(subrequest->client);
}

static uint64_t moved(const struct stream *stream) {
    (void)stream;
    return 0;
}

static enum result body(struct stream *stream, struct stream_body *body) {
    (void)stream;
    *body = (struct stream_body){.whole = true};
    return RESULT_OK;
}

static void taken(struct stream *stream) {
    (void)stream;
}

static void stop(struct stream *stream, bool drop) {
    (void)stream, (void)drop;
}

static struct room *room(struct stream *stream, size_t lead) {
    struct subrequest *subrequest = subrequest_of(stream);
    if (subrequest->memory == NULL) {
        subrequest->memory = malloc(ROOM_SIZE);
    }
    if (subrequest->memory == NULL || lead >= ROOM_SIZE) {
        return NULL;
    }
    uint32_t begin = (uint32_t)lead;
    for (size_t i = 0; i < ROOM_PARTS; i++) {
        subrequest->room.parts[i] = (struct room_part){subrequest->memory, 0, 0, 0};
    }
    subrequest->room.parts[0] = (struct room_part){subrequest->memory, ROOM_SIZE, begin, begin};
    return &subrequest->room;
}

static bool is_left_out(const struct http_field *field) {
    const uint64_t left_out =
        FIELD_BIT(FIELD_CONTENT_LENGTH) | FIELD_BIT(FIELD_DATE) | FIELD_BIT(FIELD_SERVER);
    return field->hop_by_hop || (FIELD_BIT(field->id) & left_out) != 0;
}

bool subrequest_add_line(struct buffer *lines, struct slice name, struct slice value, size_t most) {
    return buffer_append(lines, name.data, name.size, most) &&
           buffer_append(lines, ": ", 2, most) &&
           buffer_append(lines, value.data, value.size, most) &&
           buffer_append(lines, "\r\n", 2, most);
}

static enum result head(struct stream *stream, const struct stream_head *head) {
    struct subrequest *subrequest = subrequest_of(stream);
    const struct http_response *response = head->response;
    bool is_kept = true;
    if (response->interim) {
        return RESULT_OK;
    }
    for (uint32_t i = 0; i < response->fields->count && is_kept; i++) {
        const struct http_field *field = &response->fields->items[i];
        is_kept = is_left_out(field) ||
                  subrequest_add_line(&subrequest->fields, field->name, field->value, SIZE_MAX);
    }
    subrequest->status = is_kept ? response->status : 0;
    return is_kept ? RESULT_OK : RESULT_ERROR;
}

static size_t fits(struct stream *stream, uint32_t part, const uint8_t *data, size_t size) {
    (void)stream, (void)part, (void)data;
    return size;
}

static enum result data(struct stream *stream, uint32_t part, uint8_t *data, size_t size) {
    struct subrequest *subrequest = subrequest_of(stream);
    (void)part;
    subrequest->body_is_cut = subrequest->body_is_cut ||
                              !buffer_append(&subrequest->body, data, size, SUBREQUEST_BODY_MAX);
    return RESULT_OK;
}

static enum result end(struct stream *stream, const struct http_fields *trailers) {
    (void)stream, (void)trailers;
    return RESULT_OK;
}

// No server gave a valid response.
static enum result answer(struct stream *stream, uint16_t status, struct slice fields,
                          const struct http_page *page, uint64_t *body_size) {
    (void)status, (void)fields, (void)page;
    subrequest_of(stream)->status = 0;
    *body_size = 0;
    return RESULT_OK;
}

static enum result flush(struct stream *stream) {
    (void)stream;
    return RESULT_OK;
}

static const struct stream_verbs verbs = {
    .wake = wake,
    .local_address = local_address,
    .moved = moved,
    .body = body,
    .taken = taken,
    .stop = stop,
    .room = room,
    .head = head,
    .fits = fits,
    .data = data,
    .end = end,
    .answer = answer,
    .flush = flush,
};

// --- the subrequest ---

bool subrequest_begin(struct subrequest *subrequest, struct stream *client,
                      struct generation *generation, const struct choice *choice,
                      struct slice head) {
    subrequest->client = client;
    subrequest->stream = (struct stream){
        .verbs = &verbs,
        .client = client->client,
        .kept = client->kept,
        .steps_left = client->steps_left,
        .http2 = client->http2,
    };
    subrequest->exchange = exchange_new_subrequest(&subrequest->stream, generation, choice, head);
    if (subrequest->exchange == NULL) {
        free((char *)(uintptr_t)head.data);
    }
    return subrequest->exchange != NULL;
}

static enum result settle(struct subrequest *subrequest, enum result result) {
    if (result == RESULT_ERROR || (result == RESULT_OK && subrequest->status == 0)) {
        subrequest->status = 0;
        return RESULT_ERROR;
    }
    return result == RESULT_AGAIN && subrequest->body_is_cut ? RESULT_OK : result;
}

enum result subrequest_advance(struct subrequest *subrequest) {
    return settle(subrequest,
                  subrequest->body_is_cut ? RESULT_OK : exchange_advance(subrequest->exchange));
}

enum result subrequest_timed_out(struct subrequest *subrequest) {
    enum result result = exchange_timed_out(subrequest->exchange);
    return result == RESULT_ERROR ? settle(subrequest, result) : RESULT_OK;
}

void subrequest_end(struct subrequest *subrequest) {
    if (subrequest->exchange != NULL) {
        exchange_finish(subrequest->exchange);
    }
    free(subrequest->memory);
    buffer_free(&subrequest->fields);
    buffer_free(&subrequest->body);
    subrequest->exchange = NULL;
    subrequest->memory = NULL;
}
