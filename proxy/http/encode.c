#include "http/encode.h"

#include "http/writer.h"

// Fields that are written from what the parser decided, never copied.
#define REQUEST_OWN                                                                                \
    (FIELD_BIT(FIELD_CONTENT_LENGTH) | FIELD_BIT(FIELD_EXPECT) | FIELD_BIT(FIELD_FORWARDED) |      \
     FIELD_BIT(FIELD_HOST) | FIELD_BIT(FIELD_X_FORWARDED_FOR) |                                    \
     FIELD_BIT(FIELD_X_FORWARDED_HOST) | FIELD_BIT(FIELD_X_FORWARDED_OTHER) |                      \
     FIELD_BIT(FIELD_X_FORWARDED_PROTO) | FIELD_BIT(FIELD_X_REAL_IP) |                             \
     FIELD_BIT(FIELD_X_TLS_FACTS) | FIELD_BIT(FIELD_CLIENT_CERT) |                                 \
     FIELD_BIT(FIELD_CLIENT_CERT_CHAIN) | FIELD_BIT(FIELD_X_CLIENT_CERTIFICATE_FINGERPRINT) |      \
     FIELD_BIT(FIELD_X_CLIENT_CERTIFICATE_SUBJECT))
#define RESPONSE_OWN FIELD_BIT(FIELD_CONTENT_LENGTH)
// Fields of which only the first goes on.
#define RESPONSE_ONCE (FIELD_BIT(FIELD_DATE) | FIELD_BIT(FIELD_SERVER))

// ---- what a route changes

static const struct config_changes no_changes;

static const struct config_changes *or_none(const struct config_changes *changes) {
    return changes == NULL ? &no_changes : changes;
}

// The name of "Name: value".
static struct slice name_of(const char *line) {
    return (struct slice){line, (size_t)(strchr(line, ':') - line)};
}

static bool is_changed(const struct config_changes *changes, struct slice name) {
    for (size_t i = 0; i < changes->remove_count; i++) {
        if (slice_equal_nocase(name, slice_from(changes->remove[i]))) {
            return true;
        }
    }
    for (size_t i = 0; i < changes->set_count; i++) {
        if (slice_equal_nocase(name, name_of(changes->set[i]))) {
            return true;
        }
    }
    return false;
}

static void put_set(struct writer *writer, const struct config_changes *changes) {
    for (size_t i = 0; i < changes->set_count; i++) {
        writer_put(writer, slice_from(changes->set[i]));
        writer_put_text(writer, "\r\n");
    }
}

size_t http_changes_size(const struct config_changes *changes) {
    size_t size = 0;
    for (size_t i = 0; i < changes->set_count; i++) {
        size += strlen(changes->set[i]) + 2;
    }
    return size;
}

// ---- fields

// Which fields go on, beside what hop_by_hop says.
struct selection {
    uint64_t own;  // these do not
    uint64_t kept; // these do all the same
    uint64_t once; // of these only the first
};

// Writes every field that goes on and that `changes` says nothing about. Returns the ids met.
static uint64_t put_fields(struct writer *writer, const struct http_fields *fields,
                           struct selection selection, const struct config_changes *changes) {
    bool any_changes = changes->set_count + changes->remove_count > 0;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct http_field *field = &fields->items[i];
        uint64_t bit = FIELD_BIT(field->id);
        bool again = (seen & selection.once & bit) != 0;
        bool dropped = field->hop_by_hop || (selection.own & bit) != 0;
        seen |= bit;
        if ((dropped && (selection.kept & bit) == 0) || again) {
            continue;
        }
        if (any_changes && is_changed(changes, field->name)) {
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
    writer_put_field(&writer, SLICE("Host"), host);

    const struct config_changes *changes = or_none(forwarding->changes);
    uint64_t kept = (request->expects_continue ? FIELD_BIT(FIELD_EXPECT) : 0) |
                    (request->upgrade ? FIELD_BIT(FIELD_UPGRADE) : 0) |
                    (request->framing == FRAMING_CHUNKED ? FIELD_BIT(FIELD_TRAILER) : 0);
    struct selection selection = {REQUEST_OWN, kept, 0};
    if (forwarding->told != NULL) {
        selection.own &= ~FIELD_BIT(FIELD_X_FORWARDED_OTHER);
    }
    if (request->max_forwards > 0) {
        selection.own |= FIELD_BIT(FIELD_MAX_FORWARDS);
        writer_put_text(&writer, "Max-Forwards: ");
        writer_put_number(&writer, (uint64_t)request->max_forwards - 1);
        writer_put_text(&writer, "\r\n");
    }
    uint64_t seen = put_fields(&writer, request->fields, selection, changes);
    if (request->framing == FRAMING_CHUNKED) {
        writer_put_text(&writer, "Transfer-Encoding: chunked\r\n");
    } else if ((seen & FIELD_BIT(FIELD_CONTENT_LENGTH)) != 0) {
        put_content_length(&writer, request->content_length);
    }
    put_forwarding(&writer, forwarding, host);
    put_set(&writer, changes);
    writer_put(&writer, request->upgrade ? SLICE("Connection: upgrade\r\n\r\n") : SLICE("\r\n"));
    return writer_finish(&writer);
}

// ---- responses

static bool has_hsts(const struct http_response *response, const struct config_changes *changes) {
    static const struct slice name = {"strict-transport-security", 25};
    for (uint32_t i = 0; i < response->fields->count; i++) {
        if (slice_equal_nocase(response->fields->items[i].name, name)) {
            return true;
        }
    }
    return is_changed(changes, name);
}

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
    const struct config_changes *changes = or_none(framing->changes);
    if (framing->hsts_s > 0 && !has_hsts(response, changes)) {
        writer_put_hsts(writer, framing->hsts_s);
    }
    put_set(writer, changes);
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
    const char digits[] = {(char)('0' + response->status / 100 % 10),
                           (char)('0' + response->status / 10 % 10),
                           (char)('0' + response->status % 10)};
    writer_put_text(&writer, "HTTP/1.1 ");
    writer_put(&writer, (struct slice){digits, sizeof(digits)});
    writer_put_text(&writer, " ");
    writer_put(&writer, response->reason);
    writer_put_text(&writer, "\r\n");

    uint64_t kept = (switching ? FIELD_BIT(FIELD_UPGRADE) : 0) |
                    (final && framing->write_chunked ? FIELD_BIT(FIELD_TRAILER) : 0);
    struct selection selection = {RESPONSE_OWN, kept, RESPONSE_ONCE};
    uint64_t seen = put_fields(&writer, response->fields, selection,
                               final ? or_none(framing->changes) : &no_changes);
    if (final) {
        bool has_date = (seen & FIELD_BIT(FIELD_DATE)) != 0;
        put_response_framing(&writer, response, framing, has_date, date);
    }
    writer_put(&writer, switching ? SLICE("Connection: upgrade\r\n\r\n") : SLICE("\r\n"));
    return writer_finish(&writer);
}

size_t http_encode_trailers(const struct http_fields *fields, char *output, size_t capacity) {
    struct writer writer = writer_begin(output, capacity);
    put_fields(&writer, fields, (struct selection){0, 0, 0}, &no_changes);
    writer_put_text(&writer, "\r\n");
    return writer_finish(&writer);
}
