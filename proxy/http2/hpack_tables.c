#include "http2/hpack_tables.h"

// --- RFC 7541 appendix A ---

struct static_name {
    struct slice name;
    uint8_t index;
};

// Two names in one slot would not compile (-Woverride-init).
#define SLOT_COUNT 256
#define SLOT(first, last, size) ((5 * (first) + 29 * (last) + 2 * (size)) % SLOT_COUNT)
#define NAME(first, last, text, at)                                                                \
    [SLOT(first, last, sizeof(text) - 1)] = {{text, sizeof(text) - 1}, at}

static const struct static_name static_names[SLOT_COUNT] = {
    NAME(':', 'y', ":authority", 1),
    NAME(':', 'd', ":method", 2),
    NAME(':', 'h', ":path", 4),
    NAME(':', 'e', ":scheme", 6),
    NAME(':', 's', ":status", 8),
    NAME('a', 't', "accept-charset", 15),
    NAME('a', 'g', "accept-encoding", 16),
    NAME('a', 'e', "accept-language", 17),
    NAME('a', 's', "accept-ranges", 18),
    NAME('a', 't', "accept", 19),
    NAME('a', 'n', "access-control-allow-origin", 20),
    NAME('a', 'e', "age", 21),
    NAME('a', 'w', "allow", 22),
    NAME('a', 'n', "authorization", 23),
    NAME('c', 'l', "cache-control", 24),
    NAME('c', 'n', "content-disposition", 25),
    NAME('c', 'g', "content-encoding", 26),
    NAME('c', 'e', "content-language", 27),
    NAME('c', 'h', "content-length", 28),
    NAME('c', 'n', "content-location", 29),
    NAME('c', 'e', "content-range", 30),
    NAME('c', 'e', "content-type", 31),
    NAME('c', 'e', "cookie", 32),
    NAME('d', 'e', "date", 33),
    NAME('e', 'g', "etag", 34),
    NAME('e', 't', "expect", 35),
    NAME('e', 's', "expires", 36),
    NAME('f', 'm', "from", 37),
    NAME('h', 't', "host", 38),
    NAME('i', 'h', "if-match", 39),
    NAME('i', 'e', "if-modified-since", 40),
    NAME('i', 'h', "if-none-match", 41),
    NAME('i', 'e', "if-range", 42),
    NAME('i', 'e', "if-unmodified-since", 43),
    NAME('l', 'd', "last-modified", 44),
    NAME('l', 'k', "link", 45),
    NAME('l', 'n', "location", 46),
    NAME('m', 's', "max-forwards", 47),
    NAME('p', 'e', "proxy-authenticate", 48),
    NAME('p', 'n', "proxy-authorization", 49),
    NAME('r', 'e', "range", 50),
    NAME('r', 'r', "referer", 51),
    NAME('r', 'h', "refresh", 52),
    NAME('r', 'r', "retry-after", 53),
    NAME('s', 'r', "server", 54),
    NAME('s', 'e', "set-cookie", 55),
    NAME('s', 'y', "strict-transport-security", 56),
    NAME('t', 'g', "transfer-encoding", 57),
    NAME('u', 't', "user-agent", 58),
    NAME('v', 'y', "vary", 59),
    NAME('v', 'a', "via", 60),
    NAME('w', 'e', "www-authenticate", 61),
};

uint8_t hpack_static_name(struct slice name) {
    if (name.size == 0) {
        return 0;
    }
    size_t first = (uint8_t)name.data[0], last = (uint8_t)name.data[name.size - 1];
    const struct static_name *known = &static_names[SLOT(first, last, name.size)];
    return slice_equal(name, known->name) ? known->index : 0;
}

#define VALUE(name_index, text)                                                                    \
    { {text, sizeof(text) - 1}, name_index }

struct static_value {
    struct slice value;
    uint8_t name_index; // the first entry of its name
};

static const struct static_value static_values[HPACK_VALUES_END - HPACK_VALUES_FIRST] = {
    VALUE(2, "GET"),         VALUE(2, "POST"), VALUE(4, "/"),
    VALUE(4, "/index.html"), VALUE(6, "http"), VALUE(6, "https"),
    VALUE(8, "200"),         VALUE(8, "204"),  VALUE(8, "206"),
    VALUE(8, "304"),         VALUE(8, "400"),  VALUE(8, "404"),
    VALUE(8, "500"),         VALUE(15, ""),    VALUE(16, "gzip, deflate"),
};

uint8_t hpack_static_entry(uint8_t index, struct slice value) {
    uint8_t name_index = index;
    for (; index >= HPACK_VALUES_FIRST && index < HPACK_VALUES_END; index++) {
        const struct static_value *entry = &static_values[index - HPACK_VALUES_FIRST];
        if (entry->name_index != name_index) {
            return 0;
        }
        if (slice_equal(entry->value, value)) {
            return index;
        }
    }
    return 0;
}

// --- RFC 7541 appendix B ---

struct code {
    uint32_t bits;
    uint8_t size; // in bits
};

static const struct code codes[256] = {
    // clang-format off
    {0x1ff8, 13}, {0x7fffd8, 23}, {0xfffffe2, 28}, {0xfffffe3, 28},
    {0xfffffe4, 28}, {0xfffffe5, 28}, {0xfffffe6, 28}, {0xfffffe7, 28},
    {0xfffffe8, 28}, {0xffffea, 24}, {0x3ffffffc, 30}, {0xfffffe9, 28},
    {0xfffffea, 28}, {0x3ffffffd, 30}, {0xfffffeb, 28}, {0xfffffec, 28},
    {0xfffffed, 28}, {0xfffffee, 28}, {0xfffffef, 28}, {0xffffff0, 28},
    {0xffffff1, 28}, {0xffffff2, 28}, {0x3ffffffe, 30}, {0xffffff3, 28},
    {0xffffff4, 28}, {0xffffff5, 28}, {0xffffff6, 28}, {0xffffff7, 28},
    {0xffffff8, 28}, {0xffffff9, 28}, {0xffffffa, 28}, {0xffffffb, 28},
    {0x14, 6}, {0x3f8, 10}, {0x3f9, 10}, {0xffa, 12},
    {0x1ff9, 13}, {0x15, 6}, {0xf8, 8}, {0x7fa, 11},
    {0x3fa, 10}, {0x3fb, 10}, {0xf9, 8}, {0x7fb, 11},
    {0xfa, 8}, {0x16, 6}, {0x17, 6}, {0x18, 6},
    {0x0, 5}, {0x1, 5}, {0x2, 5}, {0x19, 6},
    {0x1a, 6}, {0x1b, 6}, {0x1c, 6}, {0x1d, 6},
    {0x1e, 6}, {0x1f, 6}, {0x5c, 7}, {0xfb, 8},
    {0x7ffc, 15}, {0x20, 6}, {0xffb, 12}, {0x3fc, 10},
    {0x1ffa, 13}, {0x21, 6}, {0x5d, 7}, {0x5e, 7},
    {0x5f, 7}, {0x60, 7}, {0x61, 7}, {0x62, 7},
    {0x63, 7}, {0x64, 7}, {0x65, 7}, {0x66, 7},
    {0x67, 7}, {0x68, 7}, {0x69, 7}, {0x6a, 7},
    {0x6b, 7}, {0x6c, 7}, {0x6d, 7}, {0x6e, 7},
    {0x6f, 7}, {0x70, 7}, {0x71, 7}, {0x72, 7},
    {0xfc, 8}, {0x73, 7}, {0xfd, 8}, {0x1ffb, 13},
    {0x7fff0, 19}, {0x1ffc, 13}, {0x3ffc, 14}, {0x22, 6},
    {0x7ffd, 15}, {0x3, 5}, {0x23, 6}, {0x4, 5},
    {0x24, 6}, {0x5, 5}, {0x25, 6}, {0x26, 6},
    {0x27, 6}, {0x6, 5}, {0x74, 7}, {0x75, 7},
    {0x28, 6}, {0x29, 6}, {0x2a, 6}, {0x7, 5},
    {0x2b, 6}, {0x76, 7}, {0x2c, 6}, {0x8, 5},
    {0x9, 5}, {0x2d, 6}, {0x77, 7}, {0x78, 7},
    {0x79, 7}, {0x7a, 7}, {0x7b, 7}, {0x7ffe, 15},
    {0x7fc, 11}, {0x3ffd, 14}, {0x1ffd, 13}, {0xffffffc, 28},
    {0xfffe6, 20}, {0x3fffd2, 22}, {0xfffe7, 20}, {0xfffe8, 20},
    {0x3fffd3, 22}, {0x3fffd4, 22}, {0x3fffd5, 22}, {0x7fffd9, 23},
    {0x3fffd6, 22}, {0x7fffda, 23}, {0x7fffdb, 23}, {0x7fffdc, 23},
    {0x7fffdd, 23}, {0x7fffde, 23}, {0xffffeb, 24}, {0x7fffdf, 23},
    {0xffffec, 24}, {0xffffed, 24}, {0x3fffd7, 22}, {0x7fffe0, 23},
    {0xffffee, 24}, {0x7fffe1, 23}, {0x7fffe2, 23}, {0x7fffe3, 23},
    {0x7fffe4, 23}, {0x1fffdc, 21}, {0x3fffd8, 22}, {0x7fffe5, 23},
    {0x3fffd9, 22}, {0x7fffe6, 23}, {0x7fffe7, 23}, {0xffffef, 24},
    {0x3fffda, 22}, {0x1fffdd, 21}, {0xfffe9, 20}, {0x3fffdb, 22},
    {0x3fffdc, 22}, {0x7fffe8, 23}, {0x7fffe9, 23}, {0x1fffde, 21},
    {0x7fffea, 23}, {0x3fffdd, 22}, {0x3fffde, 22}, {0xfffff0, 24},
    {0x1fffdf, 21}, {0x3fffdf, 22}, {0x7fffeb, 23}, {0x7fffec, 23},
    {0x1fffe0, 21}, {0x1fffe1, 21}, {0x3fffe0, 22}, {0x1fffe2, 21},
    {0x7fffed, 23}, {0x3fffe1, 22}, {0x7fffee, 23}, {0x7fffef, 23},
    {0xfffea, 20}, {0x3fffe2, 22}, {0x3fffe3, 22}, {0x3fffe4, 22},
    {0x7ffff0, 23}, {0x3fffe5, 22}, {0x3fffe6, 22}, {0x7ffff1, 23},
    {0x3ffffe0, 26}, {0x3ffffe1, 26}, {0xfffeb, 20}, {0x7fff1, 19},
    {0x3fffe7, 22}, {0x7ffff2, 23}, {0x3fffe8, 22}, {0x1ffffec, 25},
    {0x3ffffe2, 26}, {0x3ffffe3, 26}, {0x3ffffe4, 26}, {0x7ffffde, 27},
    {0x7ffffdf, 27}, {0x3ffffe5, 26}, {0xfffff1, 24}, {0x1ffffed, 25},
    {0x7fff2, 19}, {0x1fffe3, 21}, {0x3ffffe6, 26}, {0x7ffffe0, 27},
    {0x7ffffe1, 27}, {0x3ffffe7, 26}, {0x7ffffe2, 27}, {0xfffff2, 24},
    {0x1fffe4, 21}, {0x1fffe5, 21}, {0x3ffffe8, 26}, {0x3ffffe9, 26},
    {0xffffffd, 28}, {0x7ffffe3, 27}, {0x7ffffe4, 27}, {0x7ffffe5, 27},
    {0xfffec, 20}, {0xfffff3, 24}, {0xfffed, 20}, {0x1fffe6, 21},
    {0x3fffe9, 22}, {0x1fffe7, 21}, {0x1fffe8, 21}, {0x7ffff3, 23},
    {0x3fffea, 22}, {0x3fffeb, 22}, {0x1ffffee, 25}, {0x1ffffef, 25},
    {0xfffff4, 24}, {0xfffff5, 24}, {0x3ffffea, 26}, {0x7ffff4, 23},
    {0x3ffffeb, 26}, {0x7ffffe6, 27}, {0x3ffffec, 26}, {0x3ffffed, 26},
    {0x7ffffe7, 27}, {0x7ffffe8, 27}, {0x7ffffe9, 27}, {0x7ffffea, 27},
    {0x7ffffeb, 27}, {0xffffffe, 28}, {0x7ffffec, 27}, {0x7ffffed, 27},
    {0x7ffffee, 27}, {0x7ffffef, 27}, {0x7fffff0, 27}, {0x3ffffee, 26},
    // clang-format on
};

size_t hpack_coded_size(struct slice text) {
    size_t bits = 0;
    for (size_t i = 0; i < text.size; i++) {
        bits += codes[(uint8_t)text.data[i]].size;
    }
    return (bits + 7) / 8;
}

uint8_t *hpack_put_coded(uint8_t *at, struct slice text) {
    uint64_t bits = 0;
    unsigned size = 0;
    for (size_t i = 0; i < text.size; i++) {
        const struct code *code = &codes[(uint8_t)text.data[i]];
        bits = bits << code->size | code->bits;
        size += code->size;
        for (; size >= 8; size -= 8) {
            *at++ = (uint8_t)(bits >> (size - 8));
        }
    }
    if (size > 0) { // the rest is filled with ones
        *at++ = (uint8_t)(bits << (8 - size) | 0xff >> size);
    }
    return at;
}
