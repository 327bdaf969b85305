#include "base/json.h"

#include "base/utf8.h"

#include <string.h>

void json_put_string(FILE *output, const char *text) {
    size_t size = strlen(text);
    (void)fputc('"', output);
    for (size_t at = 0; at < size;) {
        size_t length = utf8_printable((const uint8_t *)text + at, size - at);
        if (length > 0) {
            (void)fwrite(text + at, 1, length, output);
            at += length;
            continue;
        }
        char c = text[at++];
        if (c == '"' || c == '\\') {
            (void)fputc('\\', output);
        }
        (void)fputc(c >= ' ' && c < 0x7f ? c : '?', output);
    }
    (void)fputc('"', output);
}
