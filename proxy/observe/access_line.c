#include "observe/access_line.h"

#include "base/decimal.h"
#include "base/escape.h"
#include "observe/sink.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// --- A line under construction ---

struct line {
    char *at;
    char *end;
    size_t string_max; // bytes a string may take, escaped
    bool full;         // something did not fit: the line is no good
};

static inline void put(struct line *line, const char *data, size_t size) {
    if ((size_t)(line->end - line->at) < size) {
        line->full = true;
        return;
    }
    memcpy(line->at, data, size);
    line->at += size;
}

// For string literals: the compiler knows the size, and the copy becomes a few moves.
#define PUT(line, literal) put((line), (literal), sizeof(literal) - 1)

static void put_unsigned(struct line *line, uint64_t value) {
    size_t size = decimal_size(value);
    if ((size_t)(line->end - line->at) < size) {
        line->full = true;
        return;
    }
    decimal_write(line->at, size, value);
    line->at += size;
}

// --- Strings ---

static const uint8_t combined_classes[256] = {
    [0x00 ... 0x1f] = 'x',
    ['"'] = '"',
    ['\\'] = '\\',
    [0x7f ... 0xff] = 'x',
};

// Inline, so that a text costs one call.
__attribute__((always_inline)) static inline void put_escaped(struct line *line, struct slice text,
                                                              const uint8_t classes[256]) {
    size_t room = (size_t)(line->end - line->at);
    bool may_cut = room > line->string_max;
    room = may_cut ? line->string_max : room;
    size_t plain = escape_copy_plain(text, line->at, room, classes);
    line->at += plain;
    if (plain == text.size) {
        return;
    }
    text = (struct slice){text.data + plain, text.size - plain};
    const struct escaped done = escape(text, line->at, room - plain, classes);
    line->at += done.size;
    line->full |= done.taken < text.size && !may_cut;
}

// --- Times ---

static void put_instant(struct line *line, int64_t wall_us) {
    char text[CLOCK_ISO_SIZE];
    clock_format_iso(wall_us, text);
    put(line, text, strlen(text));
}

// Brings time_text up to date and returns the microseconds within its second. Most lines fall in
// the second of the line before.
static unsigned update_time(struct access_style *style, int64_t wall_us) {
    unsigned rest_us;
    int64_t second = clock_second_of(wall_us, &rest_us);
    if (second != style->second) {
        style->second = second;
        if (style->format == ACCESS_FORMAT_JSON) {
            clock_format_iso(wall_us, style->time_text);
        } else {
            clock_format_common_log(second, style->time_text);
        }
    }
    return rest_us;
}

// --- Fields ---

static bool has_selection(const struct access_entry *entry) {
    return entry->fields != NULL && entry->fields->count > 0;
}

static bool has_headers(const struct access_entry *entry) {
    return entry->fields != NULL &&
           (entry->fields->request_headers.count | entry->fields->response_headers.count) != 0;
}

// The version of HTTP is known, unless the request could not be parsed.
static bool has_version(const struct access_entry *entry) {
    return entry->method.size > 0 && entry->request_line.size == 0;
}

static void put_version(struct line *line, const struct access_entry *entry) {
    if (entry->http2) {
        PUT(line, "HTTP/2.0");
        return;
    }
    PUT(line, "HTTP/1.");
    put_unsigned(line, entry->minor_version);
}

static void put_truth(struct line *line, bool value) {
    if (value) {
        PUT(line, "true");
    } else {
        PUT(line, "false");
    }
}

// --- JSON ---

static void put_json_quoted(struct line *line, struct slice text) {
    PUT(line, "\"");
    put_escaped(line, text, escape_json);
    PUT(line, "\"");
}

// Inline, because many texts are empty.
static inline void put_json_text(struct line *line, struct slice text) {
    if (text.size == 0) {
        PUT(line, "null");
    } else {
        put_json_quoted(line, text);
    }
}

static inline void put_json_duration(struct line *line, int64_t duration_us) {
    if (duration_us < 0) {
        PUT(line, "null");
    } else {
        put_unsigned(line, (uint64_t)duration_us);
    }
}

static inline void put_json_time(struct line *line, struct access_style *style,
                                 int64_t started_us) {
    unsigned milliseconds = update_time(style, started_us) / 1000;
    PUT(line, "\"");
    put(line, style->time_text, sizeof("2026-11-23T10:11:12") - 1);
    char fraction[] = {'.',
                       (char)('0' + milliseconds / 100),
                       (char)('0' + milliseconds / 10 % 10),
                       (char)('0' + milliseconds % 10),
                       'Z',
                       '"'};
    put(line, fraction, sizeof(fraction));
}

static inline void put_json_protocol(struct line *line, const struct access_entry *entry) {
    if (!has_version(entry)) {
        put_json_text(line, entry->protocol);
        return;
    }
    PUT(line, "\"");
    put_version(line, entry);
    PUT(line, "\"");
}

static inline void put_json_tls(struct line *line, const struct access_entry *entry) {
    if (entry->tls_version.size == 0 && entry->tls_sni.size == 0) {
        PUT(line, "null");
        return;
    }
    PUT(line, "{\"version\":");
    put_json_text(line, entry->tls_version);
    PUT(line, ",\"group\":");
    put_json_text(line, entry->tls_group);
    PUT(line, ",\"suite\":");
    put_json_text(line, entry->tls_suite);
    PUT(line, ",\"resumed\":");
    put_truth(line, entry->tls_resumed);
    PUT(line, ",\"sni\":");
    put_json_text(line, entry->tls_sni);
    PUT(line, ",\"client_certificate\":");
    put_json_text(line, entry->tls_client);
    PUT(line, "}");
}

#define JSON_TEXT(value) put_json_text(line, value)
#define JSON_STRING(value) put_json_text(line, slice_from(value))
#define JSON_NUMBER(value) put_unsigned(line, value)
#define JSON_PORT(value) put_unsigned(line, value)
#define JSON_STATUS(value) put_unsigned(line, value)
#define JSON_TRUTH(value) put_truth(line, value)
#define JSON_DURATION(value) put_json_duration(line, value)
#define JSON_INSTANT(value) put_json_time(line, style, value)
#define JSON_PROTOCOL(value) put_json_protocol(line, entry)
#define JSON_TLS(value) put_json_tls(line, entry)
#define JSON_FIELD(name, upper, kind, member)                                                      \
    PUT(line, ",\"" #name "\":");                                                                  \
    JSON_##kind(entry->member);

static void put_json_usual(struct line *line, struct access_style *style,
                           const struct access_entry *entry) {
    ACCESS_FIELDS_FIRST(JSON_FIELD)
    if (entry->has_request_id) {
        ACCESS_FIELDS_IDS(JSON_FIELD)
    }
    ACCESS_FIELDS_LAST(JSON_FIELD)
}

#define JSON_CASE(name, upper, kind, member)                                                       \
    case ACCESS_FIELD_##upper:                                                                     \
        JSON_FIELD(name, upper, kind, member)                                                      \
        break;

static void put_json_field(struct line *line, struct access_style *style,
                           const struct access_entry *entry, enum access_field field) {
    switch (field) {
        ACCESS_FIELDS(JSON_CASE)
    case ACCESS_FIELD_COUNT:
        break;
    }
}

// Values of header fields, whose names need no escape.
static void put_json_headers(struct line *line, const struct access_headers *headers,
                             const struct slice *values) {
    PUT(line, "{");
    for (size_t i = 0; i < headers->count; i++) {
        put(line, &",\""[i == 0], i == 0 ? 1 : 2);
        put(line, headers->names[i], strlen(headers->names[i]));
        PUT(line, "\":");
        put_json_text(line, values == NULL ? (struct slice){NULL, 0} : values[i]);
    }
    PUT(line, "}");
}

static void put_json_all_headers(struct line *line, const struct access_entry *entry) {
    const struct access_fields *fields = entry->fields;
    if (fields->request_headers.count > 0) {
        PUT(line, ",\"request_headers\":");
        put_json_headers(line, &fields->request_headers, entry->request_headers);
    }
    if (fields->response_headers.count > 0) {
        PUT(line, ",\"response_headers\":");
        put_json_headers(line, &fields->response_headers, entry->response_headers);
    }
}

static void put_json(struct line *line, struct access_style *style,
                     const struct access_entry *entry) {
    char *begin = line->at;
    if (has_selection(entry)) {
        for (size_t i = 0; i < entry->fields->count; i++) {
            put_json_field(line, style, entry, (enum access_field)entry->fields->items[i]);
        }
    } else {
        put_json_usual(line, style, entry);
    }
    if (has_headers(entry)) {
        put_json_all_headers(line, entry);
    }
    if (!line->full) {
        *begin = '{'; // instead of the first comma
    }
    PUT(line, "}");
}

// --- Combined ---

// The fields that have a place in the format. A field that is not selected is "-" there.
#define IN_COMBINED                                                                                \
    (BIT(TIME) | BIT(CLIENT) | BIT(USER) | BIT(METHOD) | BIT(TARGET) | BIT(PROTOCOL) |             \
     BIT(STATUS) | BIT(RESPONSE_BYTES) | BIT(REFERER) | BIT(USER_AGENT))
#define IN_REASON (BIT(ENDED) | BIT(CLIENT_UNREAD))
#define REQUEST_LINE (BIT(METHOD) | BIT(TARGET) | BIT(PROTOCOL))
#define BIT(field) (UINT64_C(1) << ACCESS_FIELD_##field)

static uint64_t shown_in(const struct access_entry *entry) {
    return has_selection(entry) ? entry->fields->set : UINT64_MAX;
}

static void put_combined_string(struct line *line, struct slice text) {
    if (text.size == 0) {
        PUT(line, "-");
    } else {
        put_escaped(line, text, combined_classes);
    }
}

static void put_combined_if(struct line *line, bool is_shown, struct slice text) {
    put_combined_string(line, is_shown ? text : (struct slice){NULL, 0});
}

static void put_combined_protocol(struct line *line, const struct access_entry *entry) {
    if (has_version(entry)) {
        put_version(line, entry);
    } else {
        put_combined_string(line, entry->protocol);
    }
}

static void put_combined_request(struct line *line, const struct access_entry *entry,
                                 uint64_t shown) {
    if (!has_version(entry) && (shown & REQUEST_LINE) == REQUEST_LINE) {
        put_combined_string(line, entry->request_line);
        return;
    }
    put_combined_if(line, (shown & BIT(METHOD)) != 0, entry->method);
    PUT(line, " ");
    put_combined_if(line, (shown & BIT(TARGET)) != 0, entry->target);
    PUT(line, " ");
    if ((shown & BIT(PROTOCOL)) != 0) {
        put_combined_protocol(line, entry);
    } else {
        PUT(line, "-");
    }
}

static void put_combined_number(struct line *line, bool is_shown, uint64_t number) {
    if (is_shown) {
        put_unsigned(line, number);
    } else {
        PUT(line, "-");
    }
}

static void put_combined_reason(struct line *line, const struct access_entry *entry,
                                uint64_t shown) {
    PUT(line, " \"");
    put_combined_if(line, (shown & BIT(ENDED)) != 0, slice_from(entry->ended));
    if (entry->client_unread.size > 0 && (shown & BIT(CLIENT_UNREAD)) != 0) {
        PUT(line, "; not understood: ");
        put_combined_string(line, entry->client_unread);
    }
    PUT(line, "\"");
}

static void put_quoted(struct line *line, struct slice text, const char *quote) {
    put(line, quote, strlen(quote));
    put_combined_string(line, text);
    put(line, quote, strlen(quote));
}

#define PLAIN_TEXT(value) put_quoted(line, value, quote)
#define PLAIN_STRING(value) put_quoted(line, slice_from(value), quote)
#define PLAIN_NUMBER(value) put_unsigned(line, value)
#define PLAIN_PORT(value) put_unsigned(line, value)
#define PLAIN_STATUS(value) put_combined_number(line, (value) != 0, value)
#define PLAIN_TRUTH(value) put_truth(line, value)
#define PLAIN_DURATION(value) put_combined_number(line, (value) >= 0, (uint64_t)(value))
#define PLAIN_INSTANT(value) put_instant(line, value)
#define PLAIN_PROTOCOL(value) put_combined_protocol(line, entry)
#define PLAIN_TLS(value) (void)(value)
#define PLAIN_CASE(name, upper, kind, member)                                                      \
    case ACCESS_FIELD_##upper:                                                                     \
        PLAIN_##kind(entry->member);                                                               \
        break;

// A value, with `quote` around a text.
static void put_value(struct line *line, const struct access_entry *entry, enum access_field field,
                      const char *quote) {
    switch (field) {
        ACCESS_FIELDS(PLAIN_CASE)
    case ACCESS_FIELD_COUNT:
        break;
    }
}

#define LISTED(name, upper, kind, member) ACCESS_FIELD_##upper,
static const enum access_field tls_parts[] = {ACCESS_FIELDS_TLS(LISTED)};

// Calls `put_one` for each selected field; for `tls`, for each of its parts.
static void put_each(struct line *line, const struct access_entry *entry,
                     void (*put_one)(struct line *, const struct access_entry *,
                                     enum access_field)) {
    for (size_t i = 0; i < entry->fields->count; i++) {
        enum access_field field = (enum access_field)entry->fields->items[i];
        if (field != ACCESS_FIELD_TLS) {
            put_one(line, entry, field);
            continue;
        }
        for (size_t j = 0; j < COUNT(tls_parts); j++) {
            if (!access_fields_have(entry->fields, tls_parts[j])) {
                put_one(line, entry, tls_parts[j]);
            }
        }
    }
}

// A field without a place in the format.
static void put_combined_more(struct line *line, const struct access_entry *entry,
                              enum access_field field) {
    PUT(line, " ");
    put(line, access_field_names[field], strlen(access_field_names[field]));
    PUT(line, "=");
    put_value(line, entry, field, "\"");
}

static void put_unless_combined(struct line *line, const struct access_entry *entry,
                                enum access_field field) {
    if ((IN_COMBINED >> field & 1) == 0) {
        put_combined_more(line, entry, field);
    }
}

static void put_unless_reason(struct line *line, const struct access_entry *entry,
                              enum access_field field) {
    if (((IN_COMBINED | IN_REASON) >> field & 1) == 0) {
        put_combined_more(line, entry, field);
    }
}

static void put_combined_headers(struct line *line, const char *kind,
                                 const struct access_headers *headers, const struct slice *values) {
    for (size_t i = 0; i < headers->count; i++) {
        put(line, kind, strlen(kind));
        put(line, headers->names[i], strlen(headers->names[i]));
        PUT(line, "=");
        put_quoted(line, values == NULL ? (struct slice){NULL, 0} : values[i], "\"");
    }
}

// The field has no quotes, so a blank in it would end the field.
static void put_combined_user(struct line *line, struct slice user) {
    const char *blank;
    while (user.size > 0 && (blank = memchr(user.data, ' ', user.size)) != NULL) {
        size_t size = (size_t)(blank - user.data);
        put_escaped(line, (struct slice){user.data, size}, combined_classes);
        PUT(line, "\\x20");
        user = (struct slice){blank + 1, user.size - size - 1};
    }
    put_combined_string(line, user);
}

static void put_combined(struct line *line, struct access_style *style,
                         const struct access_entry *entry) {
    uint64_t shown = shown_in(entry);
    put_combined_if(line, (shown & BIT(CLIENT)) != 0, entry->client);
    PUT(line, " - ");
    put_combined_user(line, (shown & BIT(USER)) != 0 ? entry->user : (struct slice){NULL, 0});
    PUT(line, " [");
    if ((shown & BIT(TIME)) != 0) {
        (void)update_time(style, entry->started_us);
        put(line, style->time_text, CLOCK_COMMON_LOG_SIZE - 1);
    } else {
        PUT(line, "-");
    }
    PUT(line, "] \"");
    put_combined_request(line, entry, shown);
    PUT(line, "\" ");
    put_combined_number(line, entry->status != 0 && (shown & BIT(STATUS)) != 0, entry->status);
    PUT(line, " ");
    put_combined_number(line, entry->status != 0 && (shown & BIT(RESPONSE_BYTES)) != 0,
                        entry->response_bytes);
    PUT(line, " \"");
    put_combined_if(line, (shown & BIT(REFERER)) != 0, entry->referer);
    PUT(line, "\" \"");
    put_combined_if(line, (shown & BIT(USER_AGENT)) != 0, entry->user_agent);
    PUT(line, "\"");
    if (style->format == ACCESS_FORMAT_COMBINED_REASON) {
        put_combined_reason(line, entry, shown);
    }
    if (has_selection(entry)) {
        put_each(line, entry,
                 style->format == ACCESS_FORMAT_COMBINED ? put_unless_combined : put_unless_reason);
    }
    if (has_headers(entry)) {
        put_combined_headers(line, " request_headers.", &entry->fields->request_headers,
                             entry->request_headers);
        put_combined_headers(line, " response_headers.", &entry->fields->response_headers,
                             entry->response_headers);
    }
}

// --- Fields for the journal ---

#define KNOWN_TEXT(value) (value).size > 0
#define KNOWN_STRING(value) (value) != NULL
#define KNOWN_NUMBER(value) true
#define KNOWN_PORT(value) true
#define KNOWN_STATUS(value) (value) != 0
#define KNOWN_TRUTH(value) true
#define KNOWN_DURATION(value) (value) >= 0
#define KNOWN_INSTANT(value) true
#define KNOWN_PROTOCOL(value) has_version(entry) || (value).size > 0
#define KNOWN_TLS(value) (value).size > 0
#define JOURNAL_CASE(name, upper, kind, member)                                                    \
    case ACCESS_FIELD_##upper:                                                                     \
        if (KNOWN_##kind(entry->member)) {                                                         \
            PUT(line, "RAVELIN_" #upper "=");                                                      \
            PLAIN_##kind(entry->member);                                                           \
            PUT(line, SINK_FIELD_END);                                                             \
        }                                                                                          \
        break;

static void put_journal_field(struct line *line, const struct access_entry *entry,
                              enum access_field field) {
    static const char quote[] = "";
    switch (field) {
        ACCESS_FIELDS(JOURNAL_CASE)
    case ACCESS_FIELD_COUNT:
        break;
    }
}

static void put_fields(struct line *line, const struct access_entry *entry) {
    static const enum access_field usual[] = {
        ACCESS_FIELD_CLIENT,      ACCESS_FIELD_USER,   ACCESS_FIELD_SITE,    ACCESS_FIELD_METHOD,
        ACCESS_FIELD_TARGET,      ACCESS_FIELD_STATUS, ACCESS_FIELD_BACKEND, ACCESS_FIELD_SERVER,
        ACCESS_FIELD_DURATION_US, ACCESS_FIELD_ENDED};
    PUT(line, "RAVELIN_LOG=access" SINK_FIELD_END);
    if (has_selection(entry)) {
        put_each(line, entry, put_journal_field);
    } else {
        for (size_t i = 0; i < COUNT(usual); i++) {
            put_journal_field(line, entry, usual[i]);
        }
    }
    PUT(line, "MESSAGE=");
}

// --- Lines ---

size_t access_line_build(const struct access_entry *entry, struct access_style *style, bool journal,
                         char *space, size_t room) {
    // Ends at the latest when every string is cut to nothing, because the rest has less than two
    // kilobytes.
    for (size_t string_max = room;; string_max /= 2) {
        struct line line = {.at = space, .end = space + room, .string_max = string_max};
        if (journal) {
            put_fields(&line, entry);
        }
        if (style->format == ACCESS_FORMAT_JSON) {
            put_json(&line, style, entry);
        } else {
            put_combined(&line, style, entry);
        }
        PUT(&line, "\n");
        if (!line.full || string_max == 0) {
            return (size_t)(line.at - space);
        }
    }
}
