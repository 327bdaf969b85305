#include "base/reader.h"
#include "tls/handshake/hello.h"
#include "tls/registry.h"

#include <stdio.h>

enum { LISTED_MAX = 12 };

struct text {
    char *data;
    size_t size;
};

static void add(struct text *text, const char *words) {
    size_t left = HELLO_TEXT_SIZE - text->size;
    int written = snprintf(text->data + text->size, left, "%s", words);
    text->size += (size_t)written < left ? (size_t)written : left - 1;
}

// Numbers without a meaning, which clients send so that servers learn to ignore unknown ones (RFC
// 8701).
static bool is_grease(uint32_t number) {
    return (number & 0x0f0f) == 0x0a0a && number >> 8 == (number & 0xff);
}

static void add_list(struct text *text, struct slice list, struct registry registry) {
    struct reader reader = reader_of(list);
    unsigned listed = 0;
    while (reader_more(&reader)) {
        uint32_t number = read_number(&reader, 2);
        if (reader.bad || is_grease(number)) {
            continue;
        }
        if (listed++ == LISTED_MAX) {
            add(text, " ...");
            return;
        }
        char hexadecimal[8];
        (void)snprintf(hexadecimal, sizeof(hexadecimal), "0x%04x", number);
        const char *name = registry_name(registry, (uint16_t)number);
        add(text, " ");
        add(text, name == NULL ? hexadecimal : name);
    }
    if (listed == 0) {
        add(text, " none");
    }
}

void hello_describe(const struct client_hello *hello, char text[HELLO_TEXT_SIZE]) {
    struct text output = {text, 0};
    const char legacy[] = {(char)(hello->legacy_version >> 8), (char)hello->legacy_version};
    add(&output, "versions");
    add_list(&output,
             hello_has(hello, HELLO_VERSIONS) ? hello->versions
                                              : (struct slice){legacy, sizeof(legacy)},
             registry_versions());
    add(&output, ", groups");
    add_list(&output, hello->groups, registry_groups());
}
