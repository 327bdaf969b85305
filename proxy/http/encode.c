#include "http/encode.h"

#include "http/writer.h"

// Fields that are written from what the parser decided, never copied.
#define REQUEST_OWN                                                                                \
    (FIELD_BIT(FIELD_CONTENT_LENGTH) | FIELD_BIT(FIELD_EXPECT) | FIELD_BIT(FIELD_FORWARDED) |      \
     FIELD_BIT(FIELD_HOST) | FIELD_BIT(FIELD_X_FORWARDED_FOR) |                                    \
     FIELD_BIT(FIELD_X_FORWARDED_HOST) | FIELD_BIT(FIELD_X_FORWARDED_PROTO))
#define RESPONSE_OWN FIELD_BIT(FIELD_CONTENT_LENGTH)

// Writes every field that goes on, and of the hop-by-hop ones those in `kept`. Returns the ids met.
static uint64_t put_fields(struct writer *writer, const struct http_fields *fields, uint64_t own,
                           uint64_t kept) {
    uint64_t seen = 0;
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct http_field *field = &fields->items[i];
        uint64_t bit = FIELD_BIT(field->id);
        seen |= bit;
        if ((field->hop_by_hop || (own & bit) != 0) && (kept & bit) == 0) {
            continue;
        }
        writer_put_field(writer, field->name, field->value);
    }
    return seen;
}

static void put_content_length(struct writer *writer, uint64_t length) {
    writer_put_text(writer, "Content-Length: ");
    writer_put_number(writer, length);
    writer_put_text(writer, "\r\n");
}

// ---- requests

// RFC 7239: for=192.0.2.1 ; for="[2001:db8::1]" ; host in quotes when it is no token.
static void put_forwarding(struct writer *writer, const struct http_forwarding *forwarding,
                           struct slice host) {
    struct slice client = forwarding->client_host;
    if (client.size == 0 || (client.size >= 4 && memcmp(client.data, "unix", 4) == 0)) {
        client = SLICE("unknown");
    }
    bool bracket = memchr(client.data, ':', client.size) != NULL;
    bool quote = !http_is_token(host);
    writer_put_field(writer, SLICE("X-Forwarded-For"), client);
    writer_put_field(writer, SLICE("X-Forwarded-Proto"), forwarding->proto);
    writer_put_field(writer, SLICE("X-Forwarded-Host"), host);
    writer_put(writer, bracket ? SLICE("Forwarded: for=\"[") : SLICE("Forwarded: for="));
    writer_put(writer, client);
    writer_put(writer, bracket ? SLICE("]\";proto=") : SLICE(";proto="));
    writer_put(writer, forwarding->proto);
    writer_put(writer, quote ? SLICE(";host=\"") : SLICE(";host="));
    writer_put(writer, host);
    writer_put(writer, quote ? SLICE("\"\r\n") : SLICE("\r\n"));
}

size_t http_encode_request(const struct http_request *request,
                           const struct http_forwarding *forwarding, struct slice default_host,
                           char *output, size_t capacity) {
    struct writer writer = writer_begin(output, capacity);
    struct slice host = request->authority.size > 0 ? request->authority : default_host;
    writer_put(&writer, request->method);
    writer_put_text(&writer, " ");
    writer_put(&writer, request->path);
    writer_put_text(&writer, " HTTP/1.1\r\n");
    writer_put_field(&writer, SLICE("Host"), host);

    uint64_t kept = (request->expects_continue ? FIELD_BIT(FIELD_EXPECT) : 0) |
                    (request->upgrade ? FIELD_BIT(FIELD_UPGRADE) : 0) |
                    (request->framing == FRAMING_CHUNKED ? FIELD_BIT(FIELD_TRAILER) : 0);
    uint64_t seen = put_fields(&writer, request->fields, REQUEST_OWN, kept);
    if (request->framing == FRAMING_CHUNKED) {
        writer_put_text(&writer, "Transfer-Encoding: chunked\r\n");
    } else if ((seen & FIELD_BIT(FIELD_CONTENT_LENGTH)) != 0) {
        put_content_length(&writer, request->content_length);
    }
    put_forwarding(&writer, forwarding, host);
    writer_put(&writer, request->upgrade ? SLICE("Connection: upgrade\r\n\r\n") : SLICE("\r\n"));
    return writer_finish(&writer);
}

// ---- responses

static void put_response_framing(struct writer *writer, const struct http_response *response,
                                 const struct http_response_framing *framing, bool has_date,
                                 struct slice date) {
    if (framing->write_chunked) {
        writer_put_text(writer, "Transfer-Encoding: chunked\r\n");
    } else if (response->has_declared_length) {
        put_content_length(writer, response->declared_length);
    }
    if (!has_date) {
        writer_put_field(writer, SLICE("Date"), date);
    }
    if (framing->close) {
        writer_put_text(writer, "Connection: close\r\n");
    } else if (framing->client_minor_version == 0) {
        writer_put_text(writer, "Connection: keep-alive\r\n");
    }
}

size_t http_encode_response(const struct http_response *response,
                            const struct http_response_framing *framing, struct slice date,
                            char *output, size_t capacity) {
    struct writer writer = writer_begin(output, capacity);
    bool switching = response->status == 101;
    bool final = !response->interim && !switching;
    writer_put_text(&writer, "HTTP/1.1 ");
    writer_put_number(&writer, response->status);
    writer_put_text(&writer, " ");
    writer_put(&writer, response->reason);
    writer_put_text(&writer, "\r\n");

    uint64_t kept = (switching ? FIELD_BIT(FIELD_UPGRADE) : 0) |
                    (final && framing->write_chunked ? FIELD_BIT(FIELD_TRAILER) : 0);
    uint64_t seen = put_fields(&writer, response->fields, RESPONSE_OWN, kept);
    if (final) {
        bool has_date = (seen & FIELD_BIT(FIELD_DATE)) != 0;
        put_response_framing(&writer, response, framing, has_date, date);
    }
    writer_put(&writer, switching ? SLICE("Connection: upgrade\r\n\r\n") : SLICE("\r\n"));
    return writer_finish(&writer);
}

size_t http_encode_trailers(const struct http_fields *fields, char *output, size_t capacity) {
    struct writer writer = writer_begin(output, capacity);
    put_fields(&writer, fields, 0, 0);
    writer_put_text(&writer, "\r\n");
    return writer_finish(&writer);
}
