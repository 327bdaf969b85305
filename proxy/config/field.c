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

static bool is_in(struct slice name, const struct slice *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (slice_equal_nocase(name, names[i])) {
            return true;
        }
    }
    return false;
}

const char *field_check_name(struct slice name) {
    const char *why = field_check_token(name);
    if (why != NULL) {
        return why;
    }
    return is_in(name, own_names, sizeof(own_names) / sizeof(own_names[0]))
               ? "Ravelin writes this field itself"
               : NULL;
}

// Writes the name as a server could read it: in lower case, with '-' for every other sign.
static struct slice as_read(struct slice name, char dashed[NAME_SIZE_MAX]) {
    for (size_t i = 0; i < name.size; i++) {
        char lower = ascii_lower(name.data[i]);
        bool plain = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
        dashed[i] = plain ? lower : '-';
    }
    return (struct slice){dashed, name.size};
}

const char *field_check_logged(struct slice name) {
    static const struct slice secrets[] = {
        NAME("authorization"),
        NAME("cookie"),
        NAME("cookie2"),
        NAME("proxy-authorization"),
        NAME("set-cookie"),
        NAME("set-cookie2"),
        NAME("x-access-token"),
        NAME("x-amz-security-token"),
        NAME("x-api-key"),
        NAME("x-auth-request-access-token"),
        NAME("x-auth-token"),
        NAME("x-forwarded-access-token"),
        NAME("x-forwarded-authorization"),
    };
    char dashed[NAME_SIZE_MAX];
    const char *why = field_check_token(name);
    if (why != NULL) {
        return why;
    }
    return is_in(as_read(name, dashed), secrets, sizeof(secrets) / sizeof(secrets[0]))
               ? "it has passwords or session tokens, which no log may have"
               : NULL;
}

const char *field_check_copied(struct slice name) {
    static const struct slice others[] = {
        NAME("client-cert"),
        NAME("client-cert-chain"),
        NAME("content-encoding"),
        NAME("content-range"),
        NAME("content-type"),
        NAME("cookie"),
        NAME("date"),
        NAME("proxy"),
        NAME("x-forwarded-method"),
        NAME("x-forwarded-uri"),
        NAME("x-original-method"),
        NAME("x-original-url"),
        NAME("x-real-ip"),
        NAME("x-request-id"),
    };
    char dashed[NAME_SIZE_MAX];
    const char *why = field_check_name(name);
    if (why != NULL) {
        return why;
    }
    const struct slice read = as_read(name, dashed);
    return field_check_name(read) != NULL || is_in(read, others, sizeof(others) / sizeof(others[0]))
               ? "this field cannot be copied"
               : NULL;
}

struct slice field_copy_source(const char *text) {
    return (struct slice){text, strcspn(text, ">")};
}

char *field_copy_target(char *text) {
    char *rename = strchr(text, '>');
    return rename == NULL ? text : rename + 1;
}

const char *field_check_copy(const char *text) {
    const char *rename = strchr(text, '>');
    const char *why = rename == NULL ? NULL : field_check_token(field_copy_source(text));
    return why != NULL ? why : field_check_copied(slice_from(rename == NULL ? text : rename + 1));
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
