#include "http2/response.h"

#include "http/bytes.h"
#include "http/walk.h"

#define BARRED                                                                                     \
    (FIELD_BIT(FIELD_CONNECTION) | FIELD_BIT(FIELD_HTTP2_SETTINGS) | FIELD_BIT(FIELD_KEEP_ALIVE) | \
     FIELD_BIT(FIELD_PROXY_CONNECTION) | FIELD_BIT(FIELD_TE) |                                     \
     FIELD_BIT(FIELD_TRANSFER_ENCODING) | FIELD_BIT(FIELD_UPGRADE))

static bool is_sensitive(struct slice name, enum http_field_id id) {
    const uint64_t sensitive =
        FIELD_BIT(FIELD_AUTHORIZATION) | FIELD_BIT(FIELD_PERSISTENT_AUTH) |
        FIELD_BIT(FIELD_PROXY_AUTHENTICATE) | FIELD_BIT(FIELD_PROXY_AUTHENTICATION_INFO) |
        FIELD_BIT(FIELD_PROXY_AUTHORIZATION) | FIELD_BIT(FIELD_WWW_AUTHENTICATE);
    return (sensitive & FIELD_BIT(id)) != 0 ||
           (id == FIELD_OTHER && (slice_equal_nocase(name, SLICE("set-cookie")) ||
                                  slice_equal_nocase(name, SLICE("authentication-info"))));
}

static struct slice store(struct http2_list *list, struct slice text) {
    char *at = list->text + list->text_size;
    if (text.size > 0) {
        memcpy(at, text.data, text.size);
    }
    list->text_size += text.size;
    return (struct slice){at, text.size};
}

static void add(struct http2_list *list, struct slice name, struct slice value, bool sensitive) {
    if (list->count == list->capacity ||
        list->text_capacity - list->text_size < name.size + value.size) {
        list->overflow = true;
        return;
    }
    struct hpack_field *field = &list->items[list->count++];
    field->name = (struct slice){list->text + list->text_size, name.size};
    ascii_copy_lower(list->text + list->text_size, name);
    list->text_size += name.size;
    field->value = store(list, value);
    field->sensitive = sensitive;
}

static void put_known(struct http2_list *list, enum http_field_id id, struct slice name,
                      struct slice value) {
    bool accept = list->websocket && slice_equal_nocase(name, SLICE("sec-websocket-accept"));
    if ((BARRED & FIELD_BIT(id)) == 0 && !accept && http_is_value(value)) {
        add(list, name, value, is_sensitive(name, id));
    }
}

static void put(void *context, struct slice name, struct slice value) {
    put_known(context, http_field_lookup(name), name, value);
}

static void forward(void *context, const struct http_field *field) {
    put_known(context, field->id, field->name, field->value);
}

static void begin(struct http2_list *list, bool websocket) {
    list->count = 0;
    list->text_size = 0;
    list->websocket = websocket;
    list->overflow = false;
}

static void put_status(struct http2_list *list, uint16_t status) {
    const char digits[] = {(char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10),
                           (char)('0' + status % 10)};
    add(list, SLICE(":status"), (struct slice){digits, sizeof digits}, false);
}

bool http2_list_response(struct http2_list *list, const struct http_response *response,
                         const struct http_response_framing *framing, struct slice date,
                         bool websocket) {
    struct http_response_framing plain = *framing;
    plain.client_minor_version = 1;
    plain.close = plain.write_chunked = false;
    begin(list, websocket);
    put_status(list, websocket && response->status == 101 ? 200 : response->status);
    http_walk_response(response, &plain, date, (struct http_sink){put, forward, list});
    return !list->overflow && (websocket || response->status != 101);
}

bool http2_list_answer(struct http2_list *list, uint16_t status, struct slice extra,
                       const struct http_page *page, struct slice date) {
    begin(list, false);
    put_status(list, status);
    http_walk_answer(status, extra, page, false, date, (struct http_sink){put, forward, list});
    return !list->overflow;
}

bool http2_list_trailers(struct http2_list *list, const struct http_fields *fields) {
    begin(list, false);
    http_walk_trailers(fields, &http_no_changes, (struct http_sink){put, forward, list});
    return !list->overflow;
}
