#include "base/escape.h"

#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

const uint8_t escape_json[256] = {
    [0x00 ... 0x07] = 'u', ['\b'] = 'b',  ['\t'] = 't', ['\n'] = 'n',
    [0x0b] = 'u',          ['\f'] = 'f',  ['\r'] = 'r', ['"'] = '"',
    [0x0e ... 0x1f] = 'u', ['\\'] = '\\', [0x7f] = 'u', [0x80 ... 0xff] = ESCAPE_HIGH,
};

// Writes the escaped form of the byte at `at` to `unit` and returns its size. *taken: bytes of the
// input in it.
static size_t escape_one(uint8_t class, const uint8_t *at, size_t left, char unit[6],
                         size_t *taken) {
    static const char hex[] = "0123456789abcdef";
    *taken = 1;
    if (class == ESCAPE_HIGH) {
        size_t size = utf8_printable(at, left);
        if (size > 0) {
            memcpy(unit, at, size);
            *taken = size;
            return size;
        }
        if (*at == 0xc2 && left > 1 && (at[1] & 0xc0) == 0x80) {
            at++; // U+0080 to U+009F: the second byte is the character's number
            *taken = 2;
        }
        class = 'u';
    }
    size_t size = 0;
    unit[size++] = '\\';
    unit[size++] = (char)class;
    if (class == 'u') {
        unit[size++] = '0';
        unit[size++] = '0';
    }
    if (class == 'u' || class == 'x') {
        unit[size++] = hex[*at >> 4];
        unit[size++] = hex[*at & 15];
    }
    return size;
}

struct escaped escape(struct slice text, char *output, size_t room, const uint8_t classes[256]) {
    const uint8_t *at = (const uint8_t *)text.data;
    const char *start = output;
    size_t left = text.size;
    for (;;) {
        size_t plain =
            escape_copy_plain((struct slice){(const char *)at, left}, output, room, classes);
        output += plain;
        room -= plain;
        at += plain;
        left -= plain;
        char unit[6];
        size_t taken;
        size_t size;
        if (left == 0 || room == 0 ||
            (size = escape_one(classes[*at], at, left, unit, &taken)) > room) {
            return (struct escaped){(size_t)(output - start), text.size - left};
        }
        memcpy(output, unit, size);
        output += size;
        room -= size;
        at += taken;
        left -= taken;
    }
}
