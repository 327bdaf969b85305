#include "exchange/login_page.h"

#include "http/encode.h"
#include "http/writer.h"

#include <string.h>

bool login_page_is_for(struct slice head) {
    struct slice method = http_head_field(head, SLICE("X-Original-Method"));
    struct slice accept = http_head_field(head, SLICE("Accept"));
    return (slice_equal(method, SLICE("GET")) || slice_equal(method, SLICE("HEAD"))) &&
           accept.size > 0 && memmem(accept.data, accept.size, "text/html", 9) != NULL;
}

// RFC 3986 2.3: unreserved characters.
static bool is_unreserved(char c) {
    return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
           (c != '\0' && strchr("-._~", c) != NULL);
}

static void put_encoded(struct writer *writer, struct slice text) {
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        char encoded[] = {'%', digits[byte >> 4], digits[byte & 15]};
        writer_put(writer, is_unreserved(text.data[i]) ? (struct slice){text.data + i, 1}
                                                       : (struct slice){encoded, sizeof(encoded)});
    }
}

static bool takes_address(const char *page) {
    return strchr(page, '?') != NULL && page[strlen(page) - 1] == '=';
}

struct slice login_page_location(const char *page, struct slice head, char *location) {
    struct slice url = http_head_field(head, SLICE("X-Original-URL"));
    struct slice path = http_head_field(head, SLICE("X-Original-URI"));
    bool is_host = path.size > 1 && (path.data[1] == '/' || path.data[1] == '\\');
    struct writer writer = writer_begin(location, LOGIN_PAGE_MAX);
    writer_put(&writer, slice_from(page));
    if (takes_address(page)) {
        put_encoded(&writer, page[0] == '/' && !is_host ? path : url);
    }
    return (struct slice){location, writer_finish(&writer)};
}
