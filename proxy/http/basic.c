#include "http/basic.h"

#include "base/secret.h"
#include "base/utf8.h"

// The six bits of a character; -1: not base64.
static int value_of(char c) {
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// The part behind the scheme; empty: none.
static struct slice find_credentials(struct slice value) {
    const struct slice scheme = SLICE("Basic ");
    struct slice none = {NULL, 0};
    if (!slice_begins_nocase(value, scheme)) {
        return none;
    }
    size_t begin = scheme.size;
    while (begin < value.size && value.data[begin] == ' ') {
        begin++;
    }
    return (struct slice){value.data + begin, value.size - begin};
}

// Decodes four characters, of which the last `padding` are '='. Unused bits must be 0.
static bool decode_group(const char *from, size_t padding, char *to) {
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i < 4 - padding ? value_of(from[i]) : 0;
        if (value < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
    }
    to[0] = (char)(bits >> 16);
    to[1] = (char)(bits >> 8);
    to[2] = (char)bits;
    return (padding < 1 || (bits & 0xff) == 0) && (padding < 2 || (bits & 0xffff) == 0);
}

// The number of bytes; 0: not base64, empty or too long.
static size_t decode(struct slice text, char bytes[BASIC_SIZE_MAX + 2]) {
    size_t padding = 0;
    while (padding < 2 && padding < text.size && text.data[text.size - 1 - padding] == '=') {
        padding++;
    }
    if (text.size == 0 || text.size % 4 != 0 || text.size / 4 * 3 - padding > BASIC_SIZE_MAX) {
        return 0;
    }
    size_t size = 0;
    for (size_t i = 0; i < text.size; i += 4, size += 3) {
        bool is_last = i + 4 == text.size;
        if (!decode_group(text.data + i, is_last ? padding : 0, bytes + size)) {
            return 0;
        }
    }
    return size - padding;
}

static bool is_text(const char *bytes, size_t size) {
    for (size_t i = 0; i < size;) {
        const uint8_t *at = (const uint8_t *)bytes + i;
        uint32_t code;
        size_t length = *at < 0x80 ? *at >= ' ' && *at != 0x7f : utf8_read(at, size - i, &code);
        if (length == 0) {
            return false;
        }
        i += length;
    }
    return true;
}

bool http_basic_read(struct slice value, struct http_basic *basic) {
    size_t size = decode(find_credentials(value), basic->bytes);
    const char *colon = size == 0 ? NULL : memchr(basic->bytes, ':', size);
    if (colon != NULL && is_text(basic->bytes, size)) {
        size_t name = (size_t)(colon - basic->bytes);
        basic->user = (struct slice){basic->bytes, name};
        basic->password = (struct slice){colon + 1, size - name - 1};
        if (name > 0 && name <= USERS_NAME_MAX && size - name - 1 <= BASIC_PASSWORD_MAX) {
            return true;
        }
    }
    secret_wipe(basic, sizeof(*basic));
    return false;
}
