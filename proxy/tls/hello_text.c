#include "tls/hello.h"
#include "tls/reader.h"

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

static const char *version_name(uint32_t version) {
    switch (version) {
    case 0x0300:
        return "SSL 3.0";
    case 0x0301:
        return "TLS 1.0";
    case 0x0302:
        return "TLS 1.1";
    case 0x0303:
        return "TLS 1.2";
    case 0x0304:
        return "TLS 1.3";
    default:
        return NULL;
    }
}

static const char *group_name(uint32_t group) {
    static const struct {
        uint16_t number;
        const char *name;
    } names[] = {
        {0x0017, "P-256"},
        {0x0018, "P-384"},
        {0x0019, "P-521"},
        {0x001d, "X25519"},
        {0x001e, "X448"},
        {0x0100, "ffdhe2048"},
        {0x0101, "ffdhe3072"},
        {0x0102, "ffdhe4096"},
        {0x0103, "ffdhe6144"},
        {0x0104, "ffdhe8192"},
        {0x11eb, "SecP256r1MLKEM768"},
        {0x11ec, "X25519MLKEM768"},
        {0x11ed, "SecP384r1MLKEM1024"},
        {0x6399, "X25519Kyber768Draft00"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].number == group) {
            return names[i].name;
        }
    }
    return NULL;
}

// Values that mean nothing and are there so that nobody stumbles over them (RFC 8701).
static bool is_grease(uint32_t number) {
    return (number & 0x0f0f) == 0x0a0a && number >> 8 == (number & 0xff);
}

static void add_list(struct text *text, struct slice list, const char *(*name_of)(uint32_t)) {
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
        add(text, " ");
        add(text, name_of(number) == NULL ? hexadecimal : name_of(number));
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
             version_name);
    add(&output, ", groups");
    add_list(&output, hello->groups, group_name);
}
