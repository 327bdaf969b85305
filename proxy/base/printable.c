#include "base/printable.h"

#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

void printable_clean(char *text, enum printable kind) {
    size_t left = strlen(text);
    while (left > 0) {
        uint8_t byte = (uint8_t)*text;
        size_t size = byte >= 0x20 && byte < 0x7f ? 1 : utf8_printable((uint8_t *)text, left);
        if (size == 0) {
            size = 1;
            *text = byte == '\n' && kind == PRINTABLE_LINES ? '\n' : '?';
        }
        text += size;
        left -= size;
    }
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
    (void)strcat(output, "'");
}
