// Header sections of HTTP/2 as requests. Each is checked with a second, plain reading of RFC 9113
// section 8. What is accepted must be one request to a strict reader of HTTP/1.1, and the same
// request written as HTTP/1.1 must be accepted as that.
//
// Input: a byte of options (1: the section ends its stream, 2: it is a trailer section), then
// fields: name, NUL, value, NUL. A first byte 1 to 15 of a name is a shorthand for a frequent one.
#include "http2/request.h"

#include "http_checks.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

struct section {
    struct http_field items[FIELDS_MAX];
    struct http_fields fields;
    char *text; // of exactly the size needed
    size_t size;
};

static const char *const shorthands[16] = {
    "",
    ":method",
    ":scheme",
    ":path",
    ":authority",
    ":protocol",
    "host",
    "content-length",
    "te",
    "cookie",
    "connection",
    "transfer-encoding",
    "x-forwarded-for",
    "expect",
    "upgrade",
    "sec-websocket-key",
};

// --- the section, as hpack_decode() gives it ---

static struct slice next_string(const uint8_t **at, const uint8_t *end) {
    const uint8_t *begin = *at;
    const uint8_t *stop = memchr(begin, '\0', (size_t)(end - begin));
    *at = stop == NULL ? end : stop + 1;
    return (struct slice){(const char *)begin, (size_t)((stop == NULL ? end : stop) - begin)};
}

static void add(struct section *section, struct slice name, struct slice value) {
    struct http_field *field = &section->items[section->fields.count++];
    char *at = section->text + section->size;
    memcpy(at, name.data, name.size);
    if (value.size > 0) {
        memcpy(at + name.size, value.data, value.size);
    }
    at[name.size + value.size] = '\n';
    memset(field, 0xff, sizeof *field);
    field->name = (struct slice){at, name.size};
    field->value = (struct slice){at + name.size, value.size};
    section->size += name.size + value.size + 1;
}

static void fill(struct section *section, const uint8_t *data, size_t size) {
    const uint8_t *at = data, *end = data + size;
    section->fields = (struct http_fields){section->items, 0, FIELDS_MAX};
    section->size = 0;
    section->text = malloc(32 * size + 1);
    CHECK(section->text != NULL);
    while (at < end && section->fields.count < FIELDS_MAX) {
        struct slice name = next_string(&at, end);
        struct slice value = next_string(&at, end);
        if (name.size > 0 && name.data[0] > 0 && name.data[0] < 16) {
            name = slice_from(shorthands[(size_t)name.data[0]]);
        }
        if (strict_is_list_field(name.data, name.size, value.data, value.size)) {
            add(section, name, value);
        }
    }
}

// --- RFC 9113 section 8 again, plainly ---

static bool is(struct slice text, const char *wanted) {
    return text.size == strlen(wanted) && memcmp(text.data, wanted, text.size) == 0;
}

// How often a name is there; the last value of it.
static unsigned count_of(const struct section *section, const char *name, struct slice *value) {
    unsigned count = 0;
    for (uint32_t i = 0; i < section->fields.count; i++) {
        if (is(section->items[i].name, name)) {
            count++;
            *value = section->items[i].value;
        }
    }
    return count;
}

static bool pseudo_fields_are_right(const struct section *section) {
    bool regular = false;
    for (uint32_t i = 0; i < section->fields.count; i++) {
        struct slice name = section->items[i].name;
        bool pseudo = name.data[0] == ':';
        bool known = is(name, ":method") || is(name, ":scheme") || is(name, ":path") ||
                     is(name, ":authority") || is(name, ":protocol");
        if (pseudo && (regular || !known)) {
            return false;
        }
        regular = regular || !pseudo;
    }
    struct slice method = {"", 0}, scheme = {"", 0}, path = {"", 0}, other;
    unsigned authorities = count_of(section, ":authority", &other);
    unsigned protocols = count_of(section, ":protocol", &other);
    unsigned paths = count_of(section, ":path", &path),
             schemes = count_of(section, ":scheme", &scheme);
    if (count_of(section, ":method", &method) != 1 || method.size == 0 || authorities > 1 ||
        protocols > 1) {
        return false;
    }
    if (is(method, "CONNECT") && protocols == 0) {
        return paths == 0 && schemes == 0 && authorities == 1;
    }
    return paths == 1 && schemes == 1 && path.size > 0 && scheme.size > 0 &&
           (path.data[0] == '/' || (is(path, "*") && is(method, "OPTIONS"))) &&
           (protocols == 0 || (is(method, "CONNECT") && authorities == 1));
}

static bool fields_are_right(const struct section *section, bool end) {
    static const char *const barred[] = {"connection", "proxy-connection", "keep-alive",
                                         "transfer-encoding", "upgrade"};
    struct slice value = {"", 0};
    for (size_t i = 0; i < sizeof barred / sizeof barred[0]; i++) {
        if (count_of(section, barred[i], &value) > 0) {
            return false;
        }
    }
    for (uint32_t i = 0; i < section->fields.count; i++) {
        if (is(section->items[i].name, "te") &&
            !(section->items[i].value.size == 8 &&
              strncasecmp(section->items[i].value.data, "trailers", 8) == 0)) {
            return false;
        }
    }
    unsigned lengths = count_of(section, "content-length", &value);
    bool zero = true;
    for (size_t i = 0; lengths > 0 && i < value.size; i++) {
        zero = zero && value.data[i] == '0';
        if (value.data[i] < '0' || value.data[i] > '9') {
            return false;
        }
    }
    return lengths == 0 || (lengths == 1 && value.size > 0 && value.size <= 18 && (zero || !end));
}

// --- what became of it ---

// The request as a client of HTTP/1.1 would have sent it.
static size_t as_text(const struct section *section, bool end, char *text) {
    struct slice method = {"", 0}, path = {"", 0}, authority = {"", 0}, value;
    size_t size = 0;
    count_of(section, ":method", &method);
    count_of(section, ":path", &path);
    bool has_authority = count_of(section, ":authority", &authority) > 0;
    size += (size_t)sprintf(text, "%.*s %.*s HTTP/1.1\r\n", (int)method.size, method.data,
                            (int)path.size, path.data);
    if (has_authority) {
        size += (size_t)sprintf(text + size, "host: %.*s\r\n", (int)authority.size, authority.data);
    }
    for (uint32_t i = 0; i < section->fields.count; i++) {
        const struct http_field *field = &section->items[i];
        if (field->name.data[0] != ':' && !(has_authority && is(field->name, "host"))) {
            size += (size_t)sprintf(text + size, "%.*s: %.*s\r\n", (int)field->name.size,
                                    field->name.data, (int)field->value.size, field->value.data);
        }
    }
    if (!end && count_of(section, "content-length", &value) == 0) {
        size += (size_t)sprintf(text + size, "transfer-encoding: chunked\r\n");
    }
    return size + (size_t)sprintf(text + size, "\r\n");
}

static void check_with_http1(const struct section *section, bool end,
                             const struct http_request *request, bool accepted) {
    struct slice value = {"", 0};
    if (count_of(section, ":protocol", &value) > 0) {
        return;
    }
    char *text = malloc(64 + 64 * FIELDS_MAX + 2 * section->size);
    CHECK(text != NULL);
    size_t size = as_text(section, end, text);
    struct http_field items[FIELDS_MAX + 2];
    struct http_fields fields = {items, 0, FIELDS_MAX + 2};
    struct http_request again;
    struct http_refusal refusal = {0};
    enum result result = http_parse_request((struct slice){text, size}, &fields, &again, &refusal);
    // http-parser refuses names that only begin like Content-Length, and heads have a limit.
    bool own_rule = refusal.why != NULL &&
                    (strstr(refusal.why, "two parsers") != NULL || refusal.status == 431);
    CHECK(accepted == (result == RESULT_OK) || own_rule);
    if (accepted && result == RESULT_OK) {
        CHECK(slice_equal(again.method, request->method));
        CHECK(slice_equal(again.path, request->path));
        CHECK(slice_equal(again.authority, request->authority));
        CHECK(slice_equal(again.host, request->host));
        CHECK(again.path_size == request->path_size);
        CHECK(again.path_is_plain == request->path_is_plain);
        CHECK(again.framing == request->framing);
        CHECK(again.content_length == request->content_length);
        CHECK(again.expects_continue == request->expects_continue);
        CHECK(again.body_is_unusual == request->body_is_unusual);
        CHECK(again.max_forwards == request->max_forwards);
        CHECK(again.binds_connection == request->binds_connection);
        check_same_fields(&fields, request->fields, REQUEST_OURS);
    }
    free(text);
}

static void check_accepted(const struct http2_request *request, const struct section *section,
                           bool end) {
    const struct http_request *http = &request->http;
    struct slice value;
    CHECK(http->authority.size > 0 && http->host.size > 0 && http->minor_version == 1);
    CHECK(http->path.data[0] == '/' || slice_equal(http->path, SLICE("*")));
    CHECK(http->fields == &section->fields && http->fields->count <= FIELDS_MAX);
    CHECK(count_fields(http->fields, FIELD_CONNECTION) == 0);
    CHECK(count_fields(http->fields, FIELD_TRANSFER_ENCODING) == 0);
    CHECK(count_fields(http->fields, FIELD_HOST) == 1);
    CHECK(count_of(section, ":method", &value) + count_of(section, ":path", &value) == 0);
    CHECK(request->websocket == http->upgrade && (!request->websocket || !end));
    struct http2_body body = http2_body_of(http);
    CHECK(http2_body_may_end(&body) || !end);
    CHECK(!end || !http2_body_take(&body, 1));
    check_request(http);
}

static void read_request(struct section *section, bool end) {
    static struct section before;
    struct http2_request request;
    struct http_refusal refusal = {.status = 1, .why = NULL};
    before = *section;
    before.fields.items = before.items;
    bool right = pseudo_fields_are_right(section) && fields_are_right(section, end);
    memset(&request, 0xff, sizeof request);
    bool accepted = http2_request_read(&section->fields, end, KEY, &request, &refusal) == RESULT_OK;
    CHECK(accepted || refusal.why != NULL);
    CHECK(right || (!accepted && refusal.status == 0));
    if (accepted) {
        check_accepted(&request, section, end);
    }
    // Rules that HTTP/1 does not have: of the scheme, of Host beside :authority, of names.
    bool of_http2 = !accepted && (refusal.status == 0 || strstr(refusal.why, ":scheme") != NULL ||
                                  strstr(refusal.why, "begins like") != NULL);
    if (right && !of_http2) {
        check_with_http1(&before, end, &request.http, accepted);
    }
}

static void read_trailers(struct section *section) {
    struct http_refusal refusal = {.status = 1, .why = NULL};
    uint32_t count = section->fields.count;
    bool accepted = http2_trailers_read(&section->fields, &refusal) == RESULT_OK;
    CHECK(accepted || (refusal.why != NULL && refusal.status == 0));
    if (!accepted) {
        return;
    }
    CHECK(section->fields.count == count);
    for (uint32_t i = 0; i < count; i++) {
        CHECK(section->items[i].name.data[0] != ':');
        CHECK(!http_field_is_barred_from_trailers(section->items[i].name));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct section section;
    if (size == 0) {
        return 0;
    }
    fill(&section, data + 1, size - 1);
    if ((data[0] & 2) != 0) {
        read_trailers(&section);
    } else {
        read_request(&section, (data[0] & 1) != 0);
    }
    free(section.text);
    return 0;
}
