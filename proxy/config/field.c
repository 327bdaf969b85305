#include "config/field.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAME_SIZE_MAX = 64, VALUE_SIZE_MAX = 4096 };

#define NAME(text)                                                                                 \
    { text, sizeof(text) - 1 }

static const struct slice own_names[] = {
    NAME("connection"),
    NAME("content-length"),
    NAME("expect"),
    NAME("forwarded"),
    NAME("host"),
    NAME("http2-settings"),
    NAME("keep-alive"),
    NAME("proxy-authenticate"),
    NAME("proxy-authorization"),
    NAME("proxy-connection"),
    NAME("te"),
    NAME("trailer"),
    NAME("transfer-encoding"),
    NAME("upgrade"),
    NAME("x-client-certificate-fingerprint"),
    NAME("x-client-certificate-subject"),
    NAME("x-forwarded-for"),
    NAME("x-forwarded-host"),
    NAME("x-forwarded-proto"),
    NAME("x-tls-facts"),
};

static bool is_token(char c) {
    return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

const char *field_check_token(struct slice name) {
    if (name.size == 0 || name.size > NAME_SIZE_MAX) {
        return "a name has 1 to 64 characters";
    }
    for (size_t i = 0; i < name.size; i++) {
        if (!is_token(name.data[i])) {
            return "a name has letters, digits and '-'";
        }
    }
    return NULL;
}

const char *field_check_name(struct slice name) {
    const char *why = field_check_token(name);
    if (why != NULL) {
        return why;
    }
    for (size_t i = 0; i < sizeof(own_names) / sizeof(own_names[0]); i++) {
        if (slice_equal_nocase(name, own_names[i])) {
            return "Ravelin writes this field itself";
        }
    }
    return NULL;
}

const char *field_parse(const char *text, char **line) {
    const char *colon = strchr(text, ':');
    if (colon == NULL) {
        return "no colon";
    }
    struct slice name = {text, (size_t)(colon - text)};
    const char *why = field_check_name(name);
    if (why != NULL) {
        return why;
    }
    const char *value = colon + 1;
    while (*value == ' ') {
        value++;
    }
    size_t size = strlen(value);
    while (size > 0 && value[size - 1] == ' ') {
        size--;
    }
    if (size == 0 || size > VALUE_SIZE_MAX) {
        return "a value has 1 to 4096 characters";
    }
    for (size_t i = 0; i < size; i++) {
        if (value[i] < ' ' || value[i] > '~') {
            return "a value has visible ASCII characters and spaces";
        }
    }
    if (asprintf(line, "%.*s: %.*s", (int)name.size, name.data, (int)size, value) < 0) {
        *line = NULL;
    }
    return NULL;
}
