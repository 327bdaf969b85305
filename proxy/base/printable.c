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
    size_t used = 0;
    bool is_first = true;
    do {
        size_t size = strcspn(text, "\n");
        if (size > 0 || (is_first && text[size] == '\0')) {
            int written = snprintf(output + used, capacity - used, "%s%s: %.*s",
                                   is_first ? "" : "\n", name, (int)size, text);
            if (written < 0 || (size_t)written >= capacity - used) {
                break; // cut, and ended by a NUL
            }
            used += (size_t)written;
            is_first = false;
        }
        text += size;
    } while (*text++ == '\n' && (*text != '\0' || is_first));
    printable_clean(output, PRINTABLE_LINES);
}
