#include "base/printable.h"

#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

void printable_clean_bytes(char *data, size_t size, enum printable kind) {
    while (size > 0) {
        uint8_t byte = (uint8_t)*data;
        size_t width = byte >= 0x20 && byte < 0x7f ? 1 : utf8_printable((uint8_t *)data, size);
        if (width == 0) {
            width = 1;
            *data = byte == '\n' && kind == PRINTABLE_LINES ? '\n' : '?';
        }
        data += width;
        size -= width;
    }
}

void printable_clean(char *text, enum printable kind) {
    printable_clean_bytes(text, strlen(text), kind);
}

void printable_attribute(char *output, size_t capacity, const char *name, const char *text) {
    size_t room = capacity - 1;
    int head = snprintf(output, capacity, "%s: '", name);
    if (head < 0 || (size_t)head >= room) {
        output[0] = '\0';
        return;
    }
    (void)snprintf(output + head, room - (size_t)head, "%s", text);
    printable_clean(output, PRINTABLE_LINE);
    size_t used = strlen(output);
    output[used] = '\'';
    output[used + 1] = '\0';
}
