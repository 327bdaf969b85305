#include "config/resolv_conf.h"

#include "base/network.h"
#include "config/server_title.h"

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

// Removes the next word of a line. Empty: the line has ended.
static struct slice next_word(struct slice *line) {
    size_t start = 0;
    while (start < line->size && is_blank(line->data[start])) {
        start++;
    }
    size_t end = start;
    while (end < line->size && !is_blank(line->data[end])) {
        end++;
    }
    struct slice word = {line->data + start, end - start};
    *line = (struct slice){line->data + end, line->size - end};
    return word;
}

static bool parse_line(struct slice line, struct address *server) {
    struct slice name = next_word(&line);
    return slice_equal(name, SLICE("nameserver")) && resolver_parse(next_word(&line), server);
}

size_t resolv_conf_parse(struct slice text, struct address servers[RESOLV_CONF_SERVERS_MAX]) {
    size_t count = 0;
    while (text.size > 0 && count < RESOLV_CONF_SERVERS_MAX) {
        const char *end = memchr(text.data, '\n', text.size);
        size_t size = end == NULL ? text.size : (size_t)(end - text.data);
        count += parse_line((struct slice){text.data, size}, &servers[count]);
        size += end != NULL;
        text = (struct slice){text.data + size, text.size - size};
    }
    return count;
}
