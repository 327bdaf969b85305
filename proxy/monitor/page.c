#include "monitor/page.h"

#include "base/base64.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

// The Makefile compiles in the top folder, and again when the page changes.
__asm__(".section .rodata\n"
        ".global ravelin_page_begin, ravelin_page_end\n"
        "ravelin_page_begin:\n"
        ".incbin \"proxy/monitor/page.html\"\n"
        "ravelin_page_end:\n"
        ".byte 0\n"
        ".previous\n");

extern const char ravelin_page_begin[];
extern const char ravelin_page_end[];

struct slice page_html(void) {
    return (struct slice){ravelin_page_begin,
                          (uintptr_t)ravelin_page_end - (uintptr_t)ravelin_page_begin};
}

// The text between the first `begin` and the next `end`.
static struct slice between(const char *begin, const char *end) {
    struct slice page = page_html();
    const char *from = memmem(page.data, page.size, begin, strlen(begin));
    if (from == NULL) {
        return (struct slice){page.data, 0};
    }
    from += strlen(begin);
    const char *to = memmem(from, page.size - (size_t)(from - page.data), end, strlen(end));
    return (struct slice){from, to == NULL ? 0 : (size_t)(to - from)};
}

struct slice page_script(void) {
    return between("<script>", "</script>");
}

struct slice page_style(void) {
    return between("<style>", "</style>");
}

static uint8_t byte_at(const char *hex, size_t index) {
    const char text[] = {hex[2 * index], hex[2 * index + 1], '\0'};
    return (uint8_t)strtoul(text, NULL, 16);
}

enum { DIGEST_SIZE = 32, DIGEST_BASE64_SIZE = BASE64_SIZE(DIGEST_SIZE) };

// A digest, given in hexadecimal, as base64.
static void encode(const char *hex, char text[DIGEST_BASE64_SIZE + 1]) {
    uint8_t digest[DIGEST_SIZE];
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        digest[i] = byte_at(hex, i);
    }
    base64_write(digest, DIGEST_SIZE, text);
    text[DIGEST_BASE64_SIZE] = '\0';
}

void page_write_policy(const char script[PAGE_DIGEST_TEXT_SIZE],
                       const char style[PAGE_DIGEST_TEXT_SIZE], char policy[PAGE_POLICY_SIZE]) {
    char hashes[2][DIGEST_BASE64_SIZE + 1];
    encode(script, hashes[0]);
    encode(style, hashes[1]);
    (void)snprintf(policy, PAGE_POLICY_SIZE,
                   "Content-Security-Policy: default-src 'none'; script-src 'sha256-%s'; "
                   "style-src 'sha256-%s'; connect-src 'self'; img-src data:; base-uri 'none'; "
                   "form-action 'none'; frame-ancestors 'none'\r\n",
                   hashes[0], hashes[1]);
}
