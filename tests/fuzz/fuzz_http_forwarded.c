// Forwarding headers as a trusted proxy passes them on from anybody: what is written for servers
// fits its bound, is four well-formed lines, and tells whoever reads it in our own way the same
// client in both kinds.
#include "http/forwarded.h"
#include "http_checks.h"

static const struct network networks[] = {{.bytes = {10}, .bits = 8}};
static const struct network_set no_set = {.count = 0};
static const struct network_lists proxies = {networks, 1, &no_set};
static struct http_told told;
static struct http_told again;

static bool parse(struct slice head, struct http_field *items, struct http_fields *fields) {
    struct http_request request;
    struct http_refusal refusal;
    *fields = (struct http_fields){items, 0, FIELDS_MAX};
    return http_parse_request(head, fields, &request, &refusal) == RESULT_OK;
}

static void check_told(void) {
    CHECK(told.count <= HTTP_HOPS_MAX);
    CHECK(told.kind != CLIENT_ADDRESS ||
          (told.client < told.count && told.nodes[told.client].kind == NODE_ADDRESS));
    CHECK(told.kind != CLIENT_UNKNOWN || told.unread.data != NULL);
    CHECK((told.kind == CLIENT_PEER) == (told.source == FIELD_OTHER));
    // Whatever is before the client is a proxy.
    for (uint32_t i = told.client + 1; i < told.count; i++) {
        CHECK(told.nodes[i].kind == NODE_ADDRESS);
        CHECK(network_lists_contain(&proxies, &told.nodes[i].address.any));
    }
}

static bool same(const struct http_told *a, const struct http_told *b) {
    return a->kind == b->kind &&
           (a->kind != CLIENT_ADDRESS ||
            ip_address_same_host(&a->nodes[a->client].address, &b->nodes[b->client].address));
}

// Only fields of one kind, so that it alone decides.
static void check_kind(const struct http_fields *fields, enum http_field_id id) {
    struct http_field items[4];
    struct http_fields one = {items, 0, 4};
    items[one.count++] = *http_fields_find(fields, id);
    http_told_read(&one, &proxies, &again);
    CHECK(!again.doubtful);
    CHECK(same(&told, &again) || (told.kind == CLIENT_PEER && again.kind == CLIENT_ADDRESS));
}

static void check_written(size_t head_size) {
    static char text[OUTPUT_SIZE];
    static const char start[] = "GET / HTTP/1.1\r\nHost: h\r\n";
    size_t capacity = head_size + http_told_size(&told) + 200;
    CHECK(capacity + sizeof start + 2 < sizeof text);
    memcpy(text, start, sizeof start - 1);
    struct writer writer = writer_begin(text + sizeof start - 1, capacity);
    http_told_write(&writer, &told, SLICE("10.0.0.1"), SLICE("https"), SLICE("h"));
    size_t size = writer_finish(&writer);
    CHECK(size > 0);
    memcpy(text + sizeof start - 1 + size, "\r\n", 2);
    struct strict_message message;
    strict_head(text, sizeof start - 1 + size + 2, true, &message);
    CHECK(message.head_size == sizeof start - 1 + size + 2);
    struct http_field items[FIELDS_MAX];
    struct http_fields written;
    if (message.head_size <= HTTP_HEAD_SIZE_MAX) {
        CHECK(parse((struct slice){text, message.head_size}, items, &written));
        CHECK(message.counts[STRICT_X_REAL_IP] <= (told.has_real_ip ? 1U : 0U));
        CHECK(written.count == 5 + message.counts[STRICT_X_REAL_IP]);
        if (told.count < HTTP_HOPS_MAX) {
            check_kind(&written, FIELD_X_FORWARDED_FOR);
            check_kind(&written, FIELD_FORWARDED);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char start[] = "GET / HTTP/1.1\r\nHost: h\r\n";
    if (size > HTTP_HEAD_SIZE_MAX / 4) {
        return 0;
    }
    size_t head_size = sizeof start - 1 + size + 4;
    char *head = malloc(head_size);
    CHECK(head != NULL);
    memcpy(head, start, sizeof start - 1);
    memcpy(head + sizeof start - 1, data, size);
    memcpy(head + sizeof start - 1 + size, "\r\n\r\n", 4);
    size_t scanned = 0;
    size_t end = http_head_end(head, head_size, &scanned);
    struct http_field items[FIELDS_MAX];
    struct http_fields fields;
    if (parse((struct slice){head, end}, items, &fields)) {
        http_told_read(&fields, &proxies, &told);
        check_told();
        check_written(end);
    }
    free(head);
    return 0;
}
