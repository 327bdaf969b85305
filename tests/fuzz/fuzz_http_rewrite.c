// The encoders on messages that the parser never saw: any field list that a parser could give, and
// little room to write.
//
// The input is lines: "name: value" pairs become fields as they are (when they are fields at all),
// so that what passes depends on the encoder alone; the first bytes choose everything else.
#include "http_checks.h"

struct choices {
    uint8_t status;
    uint8_t options;
    uint16_t room;
};

static bool is_value(struct slice text) {
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
            return false;
        }
    }
    return text.size == 0 || (text.data[0] != ' ' && text.data[0] != '\t' &&
                              text.data[text.size - 1] != ' ' && text.data[text.size - 1] != '\t');
}

// What a parser would refuse in the fields that decide about the message is left out here.
static bool is_plain(enum http_field_id id) {
    return id != FIELD_CONNECTION && id != FIELD_CONTENT_LENGTH && id != FIELD_TRANSFER_ENCODING &&
           id != FIELD_HOST && id != FIELD_UPGRADE && id != FIELD_EXPECT &&
           id != FIELD_AUTHORIZATION && id != FIELD_CONTENT_TYPE && id != FIELD_ORIGIN;
}

static void read_lines(struct slice text, struct http_fields *fields) {
    const char *at = text.data;
    const char *end = at + text.size;
    while (at < end && fields->count < fields->capacity) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        line_end = line_end == NULL ? end : line_end;
        const char *colon = memchr(at, ':', (size_t)(line_end - at));
        if (colon != NULL) {
            struct slice name = {at, (size_t)(colon - at)};
            struct slice value = {colon + 1, (size_t)(line_end - colon - 1)};
            enum http_field_id id = http_field_lookup(name);
            // Such a name passes only where no Content-Length is: http-parser takes it for another.
            bool may_frame = slice_begins_nocase(name, SLICE("transfer-encoding"));
            if (http_is_token(name) && is_value(value) && is_plain(id) && !may_frame) {
                bool hop = id == FIELD_LOOKALIKE || id == FIELD_TE || id == FIELD_TRAILER ||
                           id == FIELD_KEEP_ALIVE || id == FIELD_HTTP2_SETTINGS ||
                           (id >= FIELD_PROXY && id <= FIELD_PROXY_CONNECTION);
                fields->items[fields->count++] = (struct http_field){name, value, id, hop};
            }
        }
        at = line_end == end ? end : line_end + 1;
    }
}

static struct http_request make_request(struct http_fields *fields, uint8_t options) {
    return (struct http_request){
        .method = (options & 1) != 0 ? SLICE("HEAD") : SLICE("PATCH"),
        .path = (options & 2) != 0 ? SLICE("/a?b") : SLICE("/"),
        .path_size = (options & 2) != 0 ? 2 : 1,
        .authority = (options & 4) != 0 ? SLICE("a:81") : SLICE(""),
        .host = (options & 4) != 0 ? SLICE("a") : SLICE(""),
        .framing = (options & 8) != 0 ? FRAMING_CHUNKED : FRAMING_NONE,
        .is_head = (options & 1) != 0,
        .idempotent = (options & 1) != 0,
        .max_forwards = -1,
        .fields = fields,
    };
}

static struct http_response make_response(struct http_fields *fields, uint8_t status,
                                          uint8_t options) {
    bool chunked = (options & 1) != 0;
    return (struct http_response){
        .status = (uint16_t)(206 + status % 98), // 206 to 303: those that may have a body
        .reason = (options & 2) != 0 ? SLICE("Some Reason") : SLICE(""),
        .framing = chunked ? FRAMING_CHUNKED : FRAMING_LENGTH,
        .content_length = chunked ? 0 : 1 + (uint64_t)options,
        .has_declared_length = !chunked,
        .declared_length = chunked ? 0 : 1 + (uint64_t)options,
        .declared_chunked = chunked,
        .fields = fields,
    };
}

// With too little room the encoders write nothing beyond it and return 0; with enough, always the
// same.
static void check_room(const struct http_request *request, const struct http_response *response,
                       const struct choices *choices) {
    static char whole[OUTPUT_SIZE];
    const struct http_response_framing framing = {
        .client_minor_version = 1,
        .close = (choices->options & 16) != 0,
        .write_chunked = (choices->options & 1) != 0,
    };
    struct slice date = SLICE("Mon, 23 Nov 2026 06:00:00 GMT");
    size_t room = choices->room % 2048;
    char *output = malloc(room == 0 ? 1 : room);
    CHECK(output != NULL);
    for (int i = 0; i < 4; i++) {
        size_t sizes[2];
        for (int small = 0; small < 2; small++) {
            char *to = small != 0 ? output : whole;
            size_t capacity = small != 0 ? room : OUTPUT_SIZE;
            sizes[small] =
                i == 0   ? http_encode_request(request, &forwarding, SLICE("default"), to, capacity)
                : i == 1 ? http_encode_response(response, &framing, date, to, capacity)
                : i == 2 ? http_encode_trailers(request->fields, NULL, to, capacity)
                         : http_encode_redirect(request, choices->room, to, capacity);
        }
        CHECK(sizes[1] == (sizes[0] <= room ? sizes[0] : 0));
        CHECK(memcmp(whole, output, sizes[1]) == 0);
    }
    free(output);
}

static void check_trailers(const struct http_fields *fields) {
    static char output[OUTPUT_SIZE];
    struct http_field items[FIELDS_MAX];
    struct http_fields again = {items, 0, FIELDS_MAX};
    const char *why;
    for (uint32_t i = 0; i < fields->count; i++) {
        if (http_field_is_barred_from_trailers(fields->items[i].name)) {
            return;
        }
    }
    size_t size = http_encode_trailers(fields, NULL, output, OUTPUT_SIZE);
    size_t scanned = 0;
    CHECK(http_trailers_end(output, size, &scanned) == size);
    CHECK(size > HTTP_HEAD_SIZE_MAX ||
          http_parse_trailers((struct slice){output, size}, &again, &why) == RESULT_OK);
    check_same_fields(fields, &again, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct choices choices;
    if (size < sizeof choices || size > HTTP_HEAD_SIZE_MAX / 2) {
        return 0;
    }
    memcpy(&choices, data, sizeof choices);
    struct slice text = copy_of((const char *)data + sizeof choices, size - sizeof choices);
    struct http_field items[FIELDS_MAX];
    struct http_fields fields = {items, 0, FIELDS_MAX};
    read_lines(text, &fields);
    const struct http_request request = make_request(&fields, choices.options);
    const struct http_response response = make_response(&fields, choices.status, choices.options);
    const struct http_response_framing framing = {
        .client_minor_version = (choices.options & 32) != 0 ? 0 : 1,
        .close = (choices.options & 16) != 0,
        .write_chunked = response.framing == FRAMING_CHUNKED,
    };
    check_request(&request);
    check_response(&response, text.size + 64 + (size_t)2 * fields.count, false, framing);
    check_trailers(&fields);
    check_room(&request, &response, &choices);
    free((char *)text.data);
    return 0;
}
