#include "config/host.h"

#include "base/slice.h"

#include <arpa/inet.h>
#include <stdio.h>

#define LABEL_MAX 63

static bool is_host_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// Copies in lower case without a trailing dot. False: too long.
static bool copy_lower(const char *text, char host[HOST_TEXT_SIZE]) {
    size_t size = strlen(text);
    if (size >= HOST_TEXT_SIZE) {
        return false;
    }
    for (size_t i = 0; i <= size; i++) {
        host[i] = ascii_lower(text[i]);
    }
    if (size > 1 && host[size - 1] == '.') {
        host[--size] = '\0';
    }
    return size < HOST_TEXT_SIZE - 2;
}

// Rewrites an IP address in its canonical form. False: not an IP address.
static bool canonical_address(char host[HOST_TEXT_SIZE]) {
    unsigned char address[sizeof(struct in6_addr)];
    char bare[HOST_TEXT_SIZE];
    size_t size = strlen(host);
    bool bracketed = size > 2 && host[0] == '[' && host[size - 1] == ']';
    size_t edge = bracketed ? 1 : 0;
    memcpy(bare, host + edge, size - edge - edge);
    bare[size - edge - edge] = '\0';
    if (inet_pton(AF_INET6, bare, address) == 1) {
        (void)inet_ntop(AF_INET6, address, bare, sizeof(bare));
        (void)snprintf(host, HOST_TEXT_SIZE, "[%.64s]", bare);
        return true;
    }
    // inet_pton() accepts an IPv4 address only in its canonical form.
    return !bracketed && inet_pton(AF_INET, bare, address) == 1;
}

static const char *check_label(const char *label, size_t size) {
    if (size == 0) {
        return "a part between dots is empty";
    }
    if (size > LABEL_MAX) {
        return "a part between dots is longer than 63";
    }
    if (label[0] == '-' || label[size - 1] == '-') {
        return "a part between dots begins or ends with '-'";
    }
    for (size_t i = 0; i < size; i++) {
        if (!is_host_character(label[i])) {
            return "only letters, digits, '-', '_' and dots";
        }
    }
    return NULL;
}

static const char *check_name(const char *name) {
    for (;;) {
        size_t size = strcspn(name, ".");
        const char *why = check_label(name, size);
        if (why != NULL) {
            return why;
        }
        if (name[size] == '\0') {
            // No top-level domain is a number, so this is a malformed IPv4 address.
            return strspn(name, "0123456789") == size ? "not an IP address" : NULL;
        }
        name += size + 1;
    }
}

const char *host_canonical(const char *text, bool pattern, char host[HOST_TEXT_SIZE]) {
    if (!copy_lower(text, host)) {
        return "longer than 253 characters";
    }
    if (canonical_address(host) || (pattern && strcmp(host, "*") == 0)) {
        return NULL;
    }
    if (host[0] == '*' && !pattern) {
        return "patterns go into aliases";
    }
    return check_name(host[0] == '*' && host[1] == '.' ? host + 2 : host);
}
