#include "http2/priority.h"

// --- structured fields, RFC 8941 4.2 ---

// A cursor over the text. A fault anywhere makes the whole invalid: `bad` is final.
struct cursor {
    const char *at, *end;
    bool bad;
};

static char peek(const struct cursor *cursor) {
    return cursor->at < cursor->end ? *cursor->at : '\0';
}

static bool take(struct cursor *cursor, char byte) {
    if (cursor->at < cursor->end && *cursor->at == byte) {
        cursor->at++;
        return true;
    }
    return false;
}

static void skip_spaces(struct cursor *cursor, bool tabs) {
    while (peek(cursor) == ' ' || (tabs && peek(cursor) == '\t')) {
        cursor->at++;
    }
}

static bool is_digit(char byte) {
    return byte >= '0' && byte <= '9';
}

static bool is_lower(char byte) {
    return byte >= 'a' && byte <= 'z';
}

static bool is_letter(char byte) {
    return is_lower(ascii_lower(byte));
}

static bool is_one_of(char byte, const char *set) {
    return byte != '\0' && strchr(set, byte) != NULL;
}

static struct slice read_key(struct cursor *cursor) {
    const char *begin = cursor->at;
    cursor->bad |= !is_lower(peek(cursor)) && peek(cursor) != '*';
    while (is_lower(peek(cursor)) || is_digit(peek(cursor)) || is_one_of(peek(cursor), "_-.*")) {
        cursor->at++;
    }
    return (struct slice){begin, (size_t)(cursor->at - begin)};
}

enum item_type { ITEM_OTHER, ITEM_INTEGER, ITEM_BOOLEAN };

struct item {
    enum item_type type;
    int64_t number; // of a boolean: 0 or 1
};

// An integer of at most 15 digits, or a decimal of at most 12 and 3.
static struct item read_number(struct cursor *cursor) {
    bool negative = take(cursor, '-');
    struct item item = {ITEM_INTEGER, 0};
    unsigned digits = 0, decimals = 0;
    while (is_digit(peek(cursor)) && digits < 16) {
        item.number = item.number * 10 + (*cursor->at++ - '0');
        digits++;
    }
    if (digits > 0 && take(cursor, '.')) {
        item.type = ITEM_OTHER;
        while (is_digit(peek(cursor)) && decimals < 4) {
            cursor->at++;
            decimals++;
        }
        cursor->bad |= digits > 12 || decimals == 0 || decimals > 3;
    }
    cursor->bad |= digits == 0 || digits > 15;
    item.number = negative ? -item.number : item.number;
    return item;
}

static void skip_string(struct cursor *cursor) {
    while (cursor->at < cursor->end) {
        char byte = *cursor->at++;
        if (byte == '"') {
            return;
        }
        if (byte == '\\') {
            cursor->bad |= peek(cursor) != '"' && peek(cursor) != '\\';
            cursor->at += cursor->at < cursor->end;
        } else {
            cursor->bad |= byte < ' ' || byte > '~';
        }
    }
    cursor->bad = true;
}

static void skip_bytes(struct cursor *cursor) {
    while (is_letter(peek(cursor)) || is_digit(peek(cursor)) || is_one_of(peek(cursor), "+/=")) {
        cursor->at++;
    }
    cursor->bad |= !take(cursor, ':');
}

static void skip_token(struct cursor *cursor) {
    while (is_letter(peek(cursor)) || is_digit(peek(cursor)) ||
           is_one_of(peek(cursor), "!#$%&'*+-.^_`|~:/")) {
        cursor->at++;
    }
}

static struct item read_bare_item(struct cursor *cursor) {
    struct item item = {ITEM_OTHER, 0};
    char byte = peek(cursor);
    if (is_digit(byte) || byte == '-') {
        return read_number(cursor);
    }
    if (take(cursor, '"')) {
        skip_string(cursor);
    } else if (take(cursor, ':')) {
        skip_bytes(cursor);
    } else if (take(cursor, '?')) {
        item = (struct item){ITEM_BOOLEAN, peek(cursor) == '1'};
        cursor->bad |= !take(cursor, '0') && !take(cursor, '1');
    } else if (is_letter(byte) || byte == '*') {
        skip_token(cursor);
    } else {
        cursor->bad = true;
    }
    return item;
}

static void skip_parameters(struct cursor *cursor) {
    while (!cursor->bad && take(cursor, ';')) {
        skip_spaces(cursor, false);
        (void)read_key(cursor);
        if (!cursor->bad && take(cursor, '=')) {
            (void)read_bare_item(cursor);
        }
    }
}

static void skip_inner_list(struct cursor *cursor) {
    while (!cursor->bad) {
        skip_spaces(cursor, false);
        if (take(cursor, ')')) {
            return;
        }
        (void)read_bare_item(cursor);
        skip_parameters(cursor);
        cursor->bad |= peek(cursor) != ' ' && peek(cursor) != ')';
    }
}

static struct item read_member(struct cursor *cursor) {
    struct item item = {ITEM_BOOLEAN, 1};
    if (take(cursor, '=')) {
        if (take(cursor, '(')) {
            item.type = ITEM_OTHER;
            skip_inner_list(cursor);
        } else {
            item = read_bare_item(cursor);
        }
    }
    skip_parameters(cursor);
    return item;
}

static void apply(struct slice key, const struct item *item, struct http2_priority *priority) {
    if (slice_equal(key, SLICE("u")) && item->type == ITEM_INTEGER && item->number >= 0 &&
        item->number < HTTP2_URGENCIES) {
        priority->urgency = (uint8_t)item->number;
    }
    if (slice_equal(key, SLICE("i")) && item->type == ITEM_BOOLEAN) {
        priority->incremental = item->number == 1;
    }
}

// After a comma, a member must follow.
static bool next_member(struct cursor *cursor) {
    skip_spaces(cursor, true);
    if (cursor->at == cursor->end) {
        return false;
    }
    cursor->bad |= !take(cursor, ',');
    skip_spaces(cursor, true);
    cursor->bad |= cursor->at == cursor->end;
    return !cursor->bad;
}

bool http2_priority_merge(struct slice value, struct http2_priority *priority) {
    struct cursor cursor = {value.data, value.data + value.size, false};
    struct http2_priority found = *priority;
    skip_spaces(&cursor, false);
    bool more = cursor.at < cursor.end;
    while (more) {
        struct slice key = read_key(&cursor);
        struct item item = {ITEM_OTHER, 0};
        if (!cursor.bad) {
            item = read_member(&cursor);
        }
        if (cursor.bad) {
            break;
        }
        apply(key, &item, &found);
        more = next_member(&cursor);
    }
    if (!cursor.bad) {
        *priority = found;
    }
    return !cursor.bad;
}

bool http2_priority_read(struct slice value, struct http2_priority *priority) {
    struct http2_priority found = {HTTP2_URGENCY_DEFAULT, false};
    if (!http2_priority_merge(value, &found)) {
        return false;
    }
    *priority = found;
    return true;
}
