// A second, strict reader for what we write: HTTP/1.1 as RFC 9112 lets a sender generate it, and
// not a byte more. It shares no code with the program. Whatever it does not take ends the fuzzer.
#ifndef RAVELIN_TESTS_HTTP_STRICT_H
#define RAVELIN_TESTS_HTTP_STRICT_H

#include "check.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Names that decide about a message, and how often each stands there, in whatever spelling a
// gateway could take for it.
enum strict_name {
    STRICT_CONNECTION,
    STRICT_CONTENT_LENGTH,
    STRICT_EXPECT,
    STRICT_FORWARDED,
    STRICT_HOST,
    STRICT_TRAILER,
    STRICT_TRANSFER_ENCODING,
    STRICT_UPGRADE,
    STRICT_X_FORWARDED_FOR,
    STRICT_X_FORWARDED_HOST,
    STRICT_X_FORWARDED_PROTO,
    STRICT_X_REAL_IP,
    STRICT_NEVER, // what must not be written at all
    STRICT_OTHER,
};

struct strict_message {
    const char *start; // the first line, without its end
    size_t start_size;
    size_t head_size;
    unsigned counts[STRICT_OTHER + 1];
    const char *values[STRICT_OTHER + 1]; // of the last one
    size_t value_sizes[STRICT_OTHER + 1];
    size_t body_size; // of the data, without framing
};

static inline bool strict_is_alnum(char byte) {
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z');
}

static inline bool strict_is_token(char byte) {
    return strict_is_alnum(byte) || (byte != '\0' && strchr("!#$%&'*+-.^_`|~", byte) != NULL);
}

static inline bool strict_is_text(char byte) {
    return ((unsigned char)byte >= 0x20 && byte != 0x7f) || byte == '\t';
}

// A field of a header list (RFC 9113 8.2.1): a token in lower case, perhaps behind a colon, and
// text without blanks at its ends.
static inline bool strict_is_list_field(const char *name, size_t name_size, const char *value,
                                        size_t value_size) {
    size_t begin = name_size > 0 && name[0] == ':' ? 1 : 0;
    bool right = name_size > begin;
    for (size_t i = begin; i < name_size; i++) {
        right = right && strict_is_token(name[i]) && !(name[i] >= 'A' && name[i] <= 'Z');
    }
    for (size_t i = 0; i < value_size; i++) {
        bool blank = value[i] == ' ' || value[i] == '\t';
        right = right && strict_is_text(value[i]) && !(blank && (i == 0 || i + 1 == value_size));
    }
    return right;
}

// Letters in lower case, and everything that is none and no digit as '-'.
static inline bool strict_looks_like(const char *name, size_t size, const char *known) {
    for (size_t i = 0; i < size; i++) {
        char byte = name[i];
        byte = !strict_is_alnum(byte) ? '-' : byte >= 'A' && byte <= 'Z' ? (char)(byte + 32) : byte;
        if (known[i] == '*') {
            return true;
        }
        if (byte != known[i]) {
            return false;
        }
    }
    return known[size] == '\0' || known[size] == '*';
}

static inline enum strict_name strict_name_of(const char *name, size_t size, bool request) {
    static const struct {
        const char *name;
        enum strict_name is;
        bool anywhere; // or in requests only
    } known[] = {
        {"connection", STRICT_CONNECTION, true},
        {"content-length", STRICT_CONTENT_LENGTH, true},
        {"expect", STRICT_EXPECT, false},
        {"forwarded", STRICT_FORWARDED, false},
        {"host", STRICT_HOST, false},
        {"trailer", STRICT_TRAILER, true},
        {"transfer-encoding", STRICT_TRANSFER_ENCODING, true},
        {"upgrade", STRICT_UPGRADE, true},
        {"x-forwarded-for", STRICT_X_FORWARDED_FOR, false},
        {"x-forwarded-host", STRICT_X_FORWARDED_HOST, false},
        {"x-forwarded-proto", STRICT_X_FORWARDED_PROTO, false},
        {"x-forwarded-*", STRICT_NEVER, false},
        {"x-real-ip", STRICT_X_REAL_IP, false},
        {"keep-alive", STRICT_NEVER, true},
        {"te", STRICT_NEVER, true},
        {"http2-settings", STRICT_NEVER, true},
        {"proxy", STRICT_NEVER, true},
        {"proxy-connection", STRICT_NEVER, true},
        {"proxy-authenticate", STRICT_NEVER, true},
        {"proxy-authorization", STRICT_NEVER, true},
        {"proxy-authentication-info", STRICT_NEVER, true},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if ((request || known[i].anywhere) && strict_looks_like(name, size, known[i].name)) {
            return known[i].is;
        }
    }
    return STRICT_OTHER;
}

// The end of the line that begins at `at`, which must be there: CRLF, and no other control byte
// before it, but in the values of responses, where servers are taken as they are.
static inline const char *strict_line_end(const char *at, const char *end, bool request) {
    while (at < end &&
           (strict_is_text(*at) || (!request && *at != '\r' && *at != '\n' && *at != '\0'))) {
        at++;
    }
    CHECK(end - at >= 2 && at[0] == '\r' && at[1] == '\n');
    return at;
}

// Field lines and the empty line behind them. Returns where they end.
static inline const char *strict_fields(const char *at, const char *end, bool request,
                                        struct strict_message *message) {
    for (;;) {
        const char *stop = strict_line_end(at, end, request);
        if (stop == at) {
            return stop + 2;
        }
        const char *name = at;
        while (strict_is_token(*at)) {
            at++;
        }
        size_t name_size = (size_t)(at - name);
        CHECK(name_size > 0 && at[0] == ':' && at[1] == ' ');
        at += 2;
        if (at < stop) {
            CHECK(*at != ' ' && *at != '\t' && stop[-1] != ' ' && stop[-1] != '\t');
        }
        enum strict_name is = strict_name_of(name, name_size, request);
        message->counts[is]++;
        message->values[is] = at;
        message->value_sizes[is] = (size_t)(stop - at);
        at = stop + 2;
    }
}

static inline bool strict_value_is(const struct strict_message *message, enum strict_name name,
                                   const char *value) {
    return message->value_sizes[name] == strlen(value) &&
           memcmp(message->values[name], value, strlen(value)) == 0;
}

// Digits without a sign and without a leading zero.
static inline uint64_t strict_length(const struct strict_message *message) {
    const char *digits = message->values[STRICT_CONTENT_LENGTH];
    size_t size = message->value_sizes[STRICT_CONTENT_LENGTH];
    uint64_t length = 0;
    CHECK(size > 0 && size < 19 && (digits[0] != '0' || size == 1));
    for (size_t i = 0; i < size; i++) {
        CHECK(digits[i] >= '0' && digits[i] <= '9');
        length = length * 10 + (uint64_t)(digits[i] - '0');
    }
    return length;
}

static inline void strict_head(const char *text, size_t size, bool request,
                               struct strict_message *message) {
    const char *end = text + size;
    memset(message, 0, sizeof *message);
    message->start = text;
    const char *line_end = strict_line_end(text, end, true);
    message->start_size = (size_t)(line_end - text);
    const char *fields_end = strict_fields(line_end + 2, end, request, message);
    message->head_size = (size_t)(fields_end - text);
    CHECK(message->counts[STRICT_NEVER] == 0);
    CHECK(message->counts[STRICT_CONTENT_LENGTH] + message->counts[STRICT_TRANSFER_ENCODING] <= 1);
    CHECK(message->counts[STRICT_TRANSFER_ENCODING] == 0 ||
          strict_value_is(message, STRICT_TRANSFER_ENCODING, "chunked"));
    CHECK(message->counts[STRICT_CONTENT_LENGTH] == 0 || strict_length(message) < UINT64_MAX);
    CHECK(message->counts[STRICT_CONNECTION] <= 1 && message->counts[STRICT_UPGRADE] <= 1);
    bool upgrade = message->counts[STRICT_CONNECTION] == 1 &&
                   strict_value_is(message, STRICT_CONNECTION, "upgrade");
    CHECK((message->counts[STRICT_UPGRADE] == 1) == upgrade);
    CHECK(message->counts[STRICT_TRAILER] == 0 || message->counts[STRICT_TRANSFER_ENCODING] == 1);
}

// A request head of ours: exactly one Host and one of each field that is ours.
static inline void strict_request_head(const char *text, size_t size,
                                       struct strict_message *message) {
    strict_head(text, size, true, message);
    const char *at = text;
    while (strict_is_token(*at)) {
        at++;
    }
    CHECK(at > text && *at == ' ');
    at++;
    CHECK(*at == '/' || (at[0] == '*' && at[1] == ' '));
    bool query = false;
    while ((*at > ' ' && *at <= '~' && *at != '#') || (query && ((unsigned char)*at & 0x80) != 0)) {
        query = query || *at == '?';
        at++;
    }
    CHECK(message->start + message->start_size - at == 9 && memcmp(at, " HTTP/1.1", 9) == 0);
    for (int name = 0; name < STRICT_OTHER; name++) {
        bool ours = name == STRICT_HOST || name == STRICT_FORWARDED ||
                    name == STRICT_X_FORWARDED_FOR || name == STRICT_X_FORWARDED_HOST ||
                    name == STRICT_X_FORWARDED_PROTO;
        CHECK(!ours || message->counts[name] == 1);
    }
    CHECK(message->counts[STRICT_EXPECT] <= 1);
    CHECK(message->counts[STRICT_X_REAL_IP] <= 1); // of a client behind a trusted proxy
    CHECK(message->counts[STRICT_CONNECTION] == 0 ||
          strict_value_is(message, STRICT_CONNECTION, "upgrade"));
}

static inline void strict_response_head(const char *text, size_t size,
                                        struct strict_message *message) {
    strict_head(text, size, false, message);
    CHECK(message->start_size >= 13 && memcmp(text, "HTTP/1.1 ", 9) == 0);
    CHECK(text[9] >= '0' && text[9] <= '9' && text[12] == ' ');
    CHECK(text[10] >= '0' && text[10] <= '9' && text[11] >= '0' && text[11] <= '9');
    bool interim = text[9] == '1' || memcmp(text + 9, "204", 3) == 0;
    CHECK(!interim || (message->counts[STRICT_CONTENT_LENGTH] == 0 &&
                       message->counts[STRICT_TRANSFER_ENCODING] == 0));
    CHECK(message->counts[STRICT_CONNECTION] == 0 ||
          strict_value_is(message, STRICT_CONNECTION, "upgrade") ||
          strict_value_is(message, STRICT_CONNECTION, "close") ||
          strict_value_is(message, STRICT_CONNECTION, "keep-alive"));
}

// A chunked body of ours: sizes in lower-case hex, no extension. Puts the data into `data`, returns
// where the body ends.
static inline const char *strict_chunks(const char *at, const char *end, char *data,
                                        struct strict_message *message) {
    for (;;) {
        uint64_t size = 0;
        const char *line = at;
        while (at < end && ((*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'f'))) {
            size = size * 16 + (uint64_t)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
            at++;
        }
        CHECK(at > line && at - line <= 16 && end - at >= 2 && at[0] == '\r' && at[1] == '\n');
        at += 2;
        if (size == 0) {
            struct strict_message trailers = {.start = NULL};
            bool request = memcmp(message->start, "HTTP/1.1 ", 9) != 0;
            const char *stop = strict_fields(at, end, request, &trailers);
            for (int name = 0; name < STRICT_OTHER; name++) {
                CHECK(trailers.counts[name] == 0);
            }
            return stop;
        }
        CHECK((uint64_t)(end - at) >= size + 2);
        memcpy(data + message->body_size, at, size);
        message->body_size += size;
        at += size;
        CHECK(at[0] == '\r' && at[1] == '\n');
        at += 2;
    }
}

// A whole request of ours, and nothing behind it. `data` has room for `size` bytes.
static inline void strict_request(const char *text, size_t size, char *data,
                                  struct strict_message *message) {
    strict_request_head(text, size, message);
    const char *body = text + message->head_size;
    const char *end = text + size;
    if (message->counts[STRICT_TRANSFER_ENCODING] == 1) {
        CHECK(strict_chunks(body, end, data, message) == end);
    } else {
        uint64_t length = message->counts[STRICT_CONTENT_LENGTH] == 1 ? strict_length(message) : 0;
        CHECK((uint64_t)(end - body) == length);
        memcpy(data, body, length);
        message->body_size = length;
    }
}

#endif
