#include "http/glance.h"

#include "http/scan.h"

static struct slice cut(struct slice text, size_t most) {
    return (struct slice){text.data, text.size < most ? text.size : most};
}

// Removes the first line of *bytes and returns it without its end.
static struct slice take_line(struct slice *bytes) {
    const char *lf = bytes->size == 0 ? NULL : memchr(bytes->data, '\n', bytes->size);
    struct slice line = {bytes->data, lf == NULL ? bytes->size : (size_t)(lf - bytes->data)};
    size_t taken = line.size + (lf == NULL ? 0 : 1);
    if (taken > 0) {
        bytes->data += taken;
        bytes->size -= taken;
    }
    if (line.size > 0 && line.data[line.size - 1] == '\r') {
        line.size--;
    }
    return line;
}

static void read_first_line(struct slice line, struct http_glance *glance) {
    size_t size = 0;
    while (size < line.size && size <= METHOD_SIZE_MAX &&
           http_byte_is(line.data[size], BYTE_TOKEN)) {
        size++;
    }
    bool has_method =
        size > 0 && size <= METHOD_SIZE_MAX && size < line.size && line.data[size] == ' ';
    glance->line = cut(line, has_method ? HTTP_GLANCE_LINE_MAX : HTTP_GLANCE_OTHER_MAX);
    glance->target = glance->line;
    if (!has_method) {
        return;
    }
    glance->method = (struct slice){line.data, size};
    struct slice rest = {line.data + size + 1, line.size - size - 1};
    const char *space = rest.size == 0 ? NULL : memrchr(rest.data, ' ', rest.size);
    const char *end = rest.data + rest.size;
    if (space != NULL && end - space > 6 && memcmp(space + 1, "HTTP/", 5) == 0) {
        glance->protocol = cut((struct slice){space + 1, (size_t)(end - space - 1)}, 16);
        rest.size = (size_t)(space - rest.data);
    }
    glance->target = cut(rest, HTTP_GLANCE_LINE_MAX);
}

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t';
}

static void read_field(struct slice line, struct http_glance *glance) {
    const struct {
        struct slice name;
        struct slice *value;
    } fields[] = {
        {SLICE("host"), &glance->host},
        {SLICE("referer"), &glance->referer},
        {SLICE("user-agent"), &glance->user_agent},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        size_t size = fields[i].name.size;
        if (fields[i].value->data != NULL || line.size <= size || line.data[size] != ':' ||
            !slice_begins_nocase(line, fields[i].name)) {
            continue;
        }
        struct slice value = {line.data + size + 1, line.size - size - 1};
        while (value.size > 0 && is_blank(value.data[0])) {
            value.data++;
            value.size--;
        }
        while (value.size > 0 && is_blank(value.data[value.size - 1])) {
            value.size--;
        }
        *fields[i].value = cut(value, HTTP_GLANCE_LINE_MAX);
    }
}

struct http_glance http_glance(struct slice bytes) {
    struct http_glance glance = {.line = {NULL, 0}};
    read_first_line(take_line(&bytes), &glance);
    while (bytes.size > 0) {
        struct slice line = take_line(&bytes);
        if (line.size == 0) {
            break;
        }
        read_field(line, &glance);
    }
    return glance;
}
