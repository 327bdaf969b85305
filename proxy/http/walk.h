// Decides which fields of a message are forwarded, which are dropped and which Ravelin adds, in
// order. Each walk puts the resulting fields into a sink. encode.h has the rules.
//
// Walks are always inline, so that the compiler makes separate code for each sink. No I/O, no
// allocation.
#ifndef RAVELIN_HTTP_WALK_H
#define RAVELIN_HTTP_WALK_H

#include "http/encode.h"
#include "http/sink.h"
#include "http/writer.h"

#define HTTP_WALK static inline __attribute__((always_inline))

// Which fields are forwarded, as masks of FIELD_BIT(). Hop-by-hop fields are dropped.
struct http_selection {
    uint64_t own;  // dropped, because Ravelin writes them
    uint64_t kept; // forwarded, although hop-by-hop or in `own`
    uint64_t once; // only the first is forwarded
};

extern const struct config_changes http_no_changes;

static inline const struct config_changes *http_or_none(const struct config_changes *changes) {
    return changes == NULL ? &http_no_changes : changes;
}

static inline bool http_any_changes(const struct config_changes *changes) {
    size_t count = changes->set_count + changes->remove_count;
    for (size_t i = 0; i < ROUTE_GUARD_COUNT; i++) {
        count += changes->reserved[i].count;
    }
    return count > 0;
}

// True if a field of this name is removed, set or reserved.
bool http_is_changed(const struct config_changes *changes, struct slice name);
// True if the server or `changes` decide about Strict-Transport-Security.
bool http_has_hsts(const struct http_response *response, const struct config_changes *changes);

// Puts every field that is forwarded and that `changes` does not name. Returns the ids of all
// fields.
HTTP_WALK uint64_t http_walk_fields(const struct http_fields *fields,
                                    struct http_selection selection,
                                    const struct config_changes *changes, struct http_sink sink) {
    bool any_changes = http_any_changes(changes);
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
        if (any_changes && http_is_changed(changes, field->name)) {
            continue;
        }
        sink.forward(sink.context, field);
    }
    return seen;
}

// Puts the fields that `changes` sets.
HTTP_WALK void http_walk_set(const struct config_changes *changes, struct http_sink sink) {
    for (size_t i = 0; i < changes->set_count; i++) {
        struct slice line = slice_from(changes->set[i]); // "Name: value"
        size_t size = (size_t)(strchr(line.data, ':') - line.data);
        sink.put(sink.context, (struct slice){line.data, size},
                 (struct slice){line.data + size + 2, line.size - size - 2});
    }
}

HTTP_WALK void http_walk_length(uint64_t length, struct http_sink sink) {
    char digits[DECIMAL_SIZE_MAX];
    sink.put(sink.context, SLICE("Content-Length"), number_text(digits, length));
}

// The fields of a request that Ravelin writes itself and never copies.
#define HTTP_REQUEST_OWN                                                                           \
    (FIELD_BIT(FIELD_CONTENT_LENGTH) | FIELD_BIT(FIELD_EXPECT) | FIELD_BIT(FIELD_FORWARDED) |      \
     FIELD_BIT(FIELD_HOST) | FIELD_BIT(FIELD_X_FORWARDED_FOR) |                                    \
     FIELD_BIT(FIELD_X_FORWARDED_HOST) | FIELD_BIT(FIELD_X_FORWARDED_OTHER) |                      \
     FIELD_BIT(FIELD_X_FORWARDED_PROTO) | FIELD_BIT(FIELD_X_REAL_IP) |                             \
     FIELD_BIT(FIELD_X_TLS_FACTS) | FIELD_BIT(FIELD_CLIENT_CERT) |                                 \
     FIELD_BIT(FIELD_CLIENT_CERT_CHAIN) | FIELD_BIT(FIELD_X_CLIENT_CERTIFICATE_FINGERPRINT) |      \
     FIELD_BIT(FIELD_X_CLIENT_CERTIFICATE_SUBJECT))

// Puts the fields of a request head for a server, `host` first: see http_encode_request(). Not the
// fields that name the client, nor those that `changes` sets. `told`: a trusted proxy sent the
// request. `own`: more fields, as FIELD_BIT(), that Ravelin writes itself.
HTTP_WALK void http_walk_request(const struct http_request *request, struct slice host, bool told,
                                 uint64_t own, const struct config_changes *changes,
                                 struct http_sink sink) {
    struct http_selection selection = {
        .own = (HTTP_REQUEST_OWN | own) & ~(told ? FIELD_BIT(FIELD_X_FORWARDED_OTHER) : 0),
        .kept = (request->expects_continue ? FIELD_BIT(FIELD_EXPECT) : 0) |
                (request->upgrade ? FIELD_BIT(FIELD_UPGRADE) : 0) |
                (request->framing == FRAMING_CHUNKED ? FIELD_BIT(FIELD_TRAILER) : 0),
    };
    sink.put(sink.context, SLICE("Host"), host);
    if (request->max_forwards > 0) {
        char digits[DECIMAL_SIZE_MAX];
        selection.own |= FIELD_BIT(FIELD_MAX_FORWARDS);
        sink.put(sink.context, SLICE("Max-Forwards"),
                 number_text(digits, (uint64_t)request->max_forwards - 1));
    }
    uint64_t seen = http_walk_fields(request->fields, selection, changes, sink);
    if (request->framing == FRAMING_CHUNKED) {
        sink.put(sink.context, SLICE("Transfer-Encoding"), SLICE("chunked"));
    } else if ((seen & ~own & FIELD_BIT(FIELD_CONTENT_LENGTH)) != 0) {
        http_walk_length(request->content_length, sink);
    }
}

// Puts the fields of lines "Name: value", each of which ends in CRLF.
HTTP_WALK void http_walk_lines(struct slice lines, struct http_sink sink) {
    struct slice rest = lines; // no lines may be a null pointer
    while (rest.size > 0) {
        const char *end = rest.data + rest.size;
        const char *colon = memchr(rest.data, ':', rest.size);
        const char *cr = colon == NULL ? NULL : memchr(colon, '\r', (size_t)(end - colon));
        if (cr == NULL || cr - colon < 2 || end - cr < 2) {
            return;
        }
        sink.put(sink.context, (struct slice){rest.data, (size_t)(colon - rest.data)},
                 (struct slice){colon + 2, (size_t)(cr - colon - 2)});
        rest = (struct slice){cr + 2, (size_t)(end - cr - 2)};
    }
}

// Puts the fields that Ravelin adds to a final response.
HTTP_WALK void http_walk_response_additions(const struct http_response *response,
                                            const struct http_response_framing *framing,
                                            bool has_date, struct slice date,
                                            struct http_sink sink) {
    if (framing->write_chunked) {
        sink.put(sink.context, SLICE("Transfer-Encoding"), SLICE("chunked"));
    } else if (response->has_declared_length) {
        http_walk_length(response->declared_length, sink);
    }
    if (!has_date) {
        sink.put(sink.context, SLICE("Date"), date);
    }
    const struct config_changes *changes = http_or_none(framing->changes);
    if (framing->hsts_s > 0 && !http_has_hsts(response, changes)) {
        char value[HSTS_SIZE_MAX];
        sink.put(sink.context, HSTS_NAME, hsts_value(value, framing->hsts_s));
    }
    http_walk_set(changes, sink);
    if (framing->close) {
        sink.put(sink.context, SLICE("Connection"), SLICE("close"));
    } else if (framing->client_minor_version == 0) {
        sink.put(sink.context, SLICE("Connection"), SLICE("keep-alive"));
    }
}

// Puts all fields of a response head for a client: see http_encode_response(). For HTTP/2, set the
// minor version 1 and neither `close` nor `write_chunked`: then no field is about the connection.
HTTP_WALK void http_walk_response(const struct http_response *response,
                                  const struct http_response_framing *framing, struct slice date,
                                  struct http_sink sink) {
    bool switching = response->status == 101;
    bool final = !response->interim && !switching;
    const struct http_selection selection = {
        .own = FIELD_BIT(FIELD_CONTENT_LENGTH),
        .kept = (switching ? FIELD_BIT(FIELD_UPGRADE) : 0) |
                (final && framing->write_chunked ? FIELD_BIT(FIELD_TRAILER) : 0),
        .once = FIELD_BIT(FIELD_DATE) | FIELD_BIT(FIELD_SERVER),
    };
    uint64_t seen =
        http_walk_fields(response->fields, selection,
                         final ? http_or_none(framing->changes) : &http_no_changes, sink);
    if (final) {
        bool has_date = (seen & FIELD_BIT(FIELD_DATE)) != 0;
        http_walk_response_additions(response, framing, has_date, date, sink);
    } else if (switching) {
        sink.put(sink.context, SLICE("Connection"), SLICE("upgrade"));
    }
    if (framing->set_cookie.size > 0 && !response->interim) {
        sink.put(sink.context, SLICE("Set-Cookie"), framing->set_cookie);
    }
    if (!response->interim) {
        http_walk_lines(framing->added, sink);
    }
}

// The size of the page for a status; 0: no page.
size_t http_page_size(uint16_t status);

// Puts the fields of a response of Ravelin itself: see http_encode_answer().
HTTP_WALK void http_walk_answer(uint16_t status, struct slice extra, const struct http_page *page,
                                bool close, struct slice date, struct http_sink sink) {
    size_t page_size = page != NULL ? page->body.size : http_page_size(status);
    sink.put(sink.context, SLICE("Date"), date);
    sink.put(sink.context, SLICE("Cache-Control"), SLICE("no-store"));
    if (page_size > 0) {
        sink.put(sink.context, SLICE("Content-Type"),
                 page != NULL ? page->type : SLICE("text/html; charset=utf-8"));
        http_walk_length(page_size, sink);
    }
    if (close) {
        sink.put(sink.context, SLICE("Connection"), SLICE("close"));
    }
    if (status == 405) {
        http_walk_lines(SLICE(HTTP_ALLOW), sink);
    }
    http_walk_lines(extra, sink);
}

// Puts the fields of a trailer section that `changes` does not name.
HTTP_WALK void http_walk_trailers(const struct http_fields *fields,
                                  const struct config_changes *changes, struct http_sink sink) {
    (void)http_walk_fields(fields, (struct http_selection){0, 0, 0}, changes, sink);
}

#endif
