#include "monitor/page.h"

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

// What is between the first `begin` and the `end` behind it.
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

// 32 bytes, given in hexadecimal, as base64 (RFC 4648).
static void encode(const char *hex, char text[45]) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t used = 0;
    for (size_t i = 0; i < 33; i += 3) {
        uint32_t three = (uint32_t)byte_at(hex, i) << 16 | (uint32_t)byte_at(hex, i + 1) << 8 |
                         (i + 2 < 32 ? byte_at(hex, i + 2) : 0);
        for (int shift = 18; shift >= 0; shift -= 6) {
            text[used++] = digits[three >> shift & 63];
        }
    }
    text[43] = '='; // the last group has two bytes
    text[44] = '\0';
}

void page_write_policy(const char script[PAGE_DIGEST_TEXT_SIZE],
                       const char style[PAGE_DIGEST_TEXT_SIZE], char policy[PAGE_POLICY_SIZE]) {
    char hashes[2][45];
    encode(script, hashes[0]);
    encode(style, hashes[1]);
    (void)snprintf(policy, PAGE_POLICY_SIZE,
                   "Content-Security-Policy: default-src 'none'; script-src 'sha256-%s'; "
                   "style-src 'sha256-%s'; connect-src 'self'; img-src data:; base-uri 'none'; "
                   "form-action 'none'; frame-ancestors 'none'\r\n",
                   hashes[0], hashes[1]);
}
