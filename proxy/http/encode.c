#include "http/encode.h"

#include "http/walk.h"
#include "http/writer.h"

size_t http_changes_size(const struct config_changes *changes) {
    size_t size = 0;
    for (size_t i = 0; i < changes->set_count; i++) {
        size += strlen(changes->set[i]) + 2;
    }
    return size;
}

// --- requests ---

static void put_tls_facts(struct writer *writer, const struct http_forwarding *forwarding) {
    writer_put_text(writer, "X-TLS-Facts: version=TLSv1.3; group=");
    writer_put(writer, forwarding->tls_group);
    writer_put_text(writer, "; suite=");
    writer_put(writer, forwarding->tls_suite);
    writer_put(writer,
               forwarding->tls_resumed ? SLICE("; resumed=yes\r\n") : SLICE("; resumed=no\r\n"));
}

static void put_forwarding(struct writer *writer, const struct http_forwarding *forwarding,
                           struct slice host) {
    struct slice peer = forwarding->client_host;
    if (peer.size == 0 || (peer.size >= 4 && memcmp(peer.data, "unix", 4) == 0)) {
        peer = SLICE("unknown");
    }
    http_told_write(writer, forwarding->told, peer, forwarding->proto, host);
    if (forwarding->tls_group.size > 0) {
        put_tls_facts(writer, forwarding);
    }
    if (forwarding->request_id.size > 0) {
        writer_put_field(writer, SLICE("X-Request-Id"), forwarding->request_id);
    }
    if (forwarding->certificate_fingerprint.size > 0) {
        writer_put_field(writer, SLICE("X-Client-Certificate-Subject"),
                         forwarding->certificate_subject);
        writer_put_field(writer, SLICE("X-Client-Certificate-Fingerprint"),
                         forwarding->certificate_fingerprint);
    }
}

size_t http_encode_request(const struct http_request *request,
                           const struct http_forwarding *forwarding, struct slice default_host,
                           char *output, size_t capacity) {
    struct writer writer = writer_begin(output, capacity);
    struct slice host = request->authority.size > 0 ? request->authority : default_host;
    writer_put(&writer, request->method);
    writer_put_text(&writer, " ");
    writer_put(&writer, forwarding->path.size > 0 ? forwarding->path : request->path);
    writer_put_text(&writer, " HTTP/1.1\r\n");

    const struct config_changes *changes = http_or_none(forwarding->changes);
    struct http_sink sink = writer_sink(&writer);
    uint64_t own = (forwarding->request_id.size > 0 ? FIELD_BIT(FIELD_X_REQUEST_ID) : 0) |
                   (forwarding->without_body ? FIELD_BIT(FIELD_CONTENT_LENGTH) : 0);
    http_walk_request(request, host, forwarding->told != NULL, own, changes, sink);
    put_forwarding(&writer, forwarding, host);
    http_walk_set(changes, sink);
    writer_put(&writer, request->upgrade ? SLICE("Connection: upgrade\r\n\r\n") : SLICE("\r\n"));
    return writer_finish(&writer);
}

struct slice http_head_field(struct slice head, struct slice name) {
    const char *at = head.data;
    const char *end = at + head.size;
    while (at < end) {
        const char *cr = memchr(at, '\r', (size_t)(end - at));
        size_t size = (size_t)((cr == NULL ? end : cr) - at);
        if (size >= name.size + 2 && at[name.size] == ':' &&
            slice_equal_nocase((struct slice){at, name.size}, name)) {
            return (struct slice){at + name.size + 2, size - name.size - 2};
        }
        at += size + 2;
    }
    return (struct slice){NULL, 0};
}

// --- responses ---

size_t http_encode_response(const struct http_response *response,
                            const struct http_response_framing *framing, struct slice date,
                            char *output, size_t capacity) {
    struct writer writer = writer_begin(output, capacity);
    const char digits[] = {(char)('0' + response->status / 100 % 10),
                           (char)('0' + response->status / 10 % 10),
                           (char)('0' + response->status % 10)};
    writer_put_text(&writer, "HTTP/1.1 ");
    writer_put(&writer, (struct slice){digits, sizeof(digits)});
    writer_put_text(&writer, " ");
    writer_put(&writer, response->reason);
    writer_put_text(&writer, "\r\n");
    http_walk_response(response, framing, date, writer_sink(&writer));
    writer_put_text(&writer, "\r\n");
    return writer_finish(&writer);
}

size_t http_trailers_size(const struct http_fields *fields) {
    size_t size = sizeof("\r\n") - 1;
    for (size_t i = 0; i < fields->count; i++) {
        size += fields->items[i].name.size + fields->items[i].value.size + sizeof(": \r\n") - 1;
    }
    return size;
}

size_t http_encode_trailers(const struct http_fields *fields, const struct config_changes *changes,
                            char *output, size_t capacity) {
    struct writer writer = writer_begin(output, capacity);
    http_walk_trailers(fields, http_or_none(changes), writer_sink(&writer));
    writer_put_text(&writer, "\r\n");
    return writer_finish(&writer);
}
