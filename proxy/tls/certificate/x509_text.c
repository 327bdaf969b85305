// The names of a certificate: compares them with host names, and writes them as text.
#include "tls/certificate/der.h"
#include "tls/certificate/x509.h"

#include <arpa/inet.h>
#include <stdio.h>

enum { GENERAL_NAME_DNS = DER_CONTEXT + 2, GENERAL_NAME_ADDRESS = DER_CONTEXT + 7 };

static struct slice without_last_dot(struct slice name) {
    return (struct slice){name.data,
                          name.size - (name.size > 0 && name.data[name.size - 1] == '.')};
}

// A wildcard matches exactly the whole first label, and never a top-level domain.
static bool matches(struct slice pattern, struct slice name) {
    pattern = without_last_dot(pattern);
    name = without_last_dot(name);
    if (slice_equal_nocase(pattern, name)) {
        return name.size > 0;
    }
    if (pattern.size < 3 || pattern.data[0] != '*' || pattern.data[1] != '.' ||
        memchr(pattern.data + 2, '.', pattern.size - 2) == NULL) {
        return false;
    }
    const char *dot = name.size == 0 ? NULL : memchr(name.data, '.', name.size);
    if (dot == NULL || dot == name.data) {
        return false;
    }
    struct slice rest = {dot, name.size - (size_t)(dot - name.data)};
    return slice_equal_nocase((struct slice){pattern.data + 1, pattern.size - 1}, rest);
}

// The next name in a SubjectAltName; false at its end.
static bool next_name(struct der *names, uint8_t *tag, struct slice *name) {
    if (names->bad || names->rest.size == 0) {
        return false;
    }
    *tag = der_peek(names);
    *name = der_take_any(names, NULL);
    return !names->bad;
}

bool x509_is_for_name(const struct x509 *certificate, struct slice name) {
    struct der names = der_begin(certificate->names);
    struct slice found;
    uint8_t tag;
    while (next_name(&names, &tag, &found)) {
        if (tag == GENERAL_NAME_DNS && matches(found, name)) {
            return true;
        }
    }
    return false;
}

bool x509_is_for_address(const struct x509 *certificate, struct slice address) {
    struct der names = der_begin(certificate->names);
    struct slice found;
    uint8_t tag;
    while (next_name(&names, &tag, &found)) {
        if (tag == GENERAL_NAME_ADDRESS && slice_equal(found, address)) {
            return true;
        }
    }
    return false;
}

// Appends to a text of X509_TEXT_SIZE bytes. False: no space.
static bool append(char *text, struct slice more) {
    size_t used = strlen(text);
    for (size_t i = 0; i < more.size; i++) {
        if (used + 1 >= X509_TEXT_SIZE) {
            return false;
        }
        char c = more.data[i];
        text[used++] = c >= 0x20 && c < 0x7f ? c : '?';
        text[used] = '\0';
    }
    return true;
}

static const char *attribute_label(struct slice oid) {
    static const struct slice common_name = {"\x55\x04\x03", 3};
    static const struct slice organization = {"\x55\x04\x0a", 3};
    return slice_equal(oid, common_name) ? "CN=" : slice_equal(oid, organization) ? "O=" : NULL;
}

void x509_name_text(struct slice name, char text[X509_TEXT_SIZE]) {
    struct der whole = der_begin(name);
    struct der list = der_enter(&whole, DER_SEQUENCE);
    text[0] = '\0';
    while (!list.bad && list.rest.size > 0) {
        struct der set = der_enter(&list, DER_SET);
        struct der attribute = der_enter(&set, DER_SEQUENCE);
        const char *label = attribute_label(der_take(&attribute, DER_OID));
        struct slice value = der_take_any(&attribute, NULL);
        if (label != NULL && !attribute.bad) {
            (void)(append(text, text[0] == '\0' ? SLICE("") : SLICE(", ")) &&
                   append(text, slice_from(label)) && append(text, value));
        }
    }
    if (text[0] == '\0') {
        (void)append(text, SLICE("(no name)"));
    }
}

void x509_key_text(const struct public_key *key, char text[X509_TEXT_SIZE]) {
    switch (key->kind) {
    case KEY_RSA:
        (void)snprintf(text, X509_TEXT_SIZE, "RSA %u", key->bits);
        return;
    case KEY_EC:
        (void)snprintf(text, X509_TEXT_SIZE, "ECDSA %s", key->curve_name);
        return;
    case KEY_ED25519:
        (void)snprintf(text, X509_TEXT_SIZE, "Ed25519");
        return;
    case KEY_ED448:
        (void)snprintf(text, X509_TEXT_SIZE, "Ed448");
        return;
    case KEY_DSA:
        (void)snprintf(text, X509_TEXT_SIZE, "DSA");
        return;
    case KEY_OTHER:
        break;
    }
    (void)snprintf(text, X509_TEXT_SIZE, "a key of an unknown kind");
}

void x509_names_text(const struct x509 *certificate, char text[X509_TEXT_SIZE]) {
    struct der names = der_begin(certificate->names);
    struct slice name;
    uint8_t tag;
    bool room = true;
    text[0] = '\0';
    while (room && next_name(&names, &tag, &name)) {
        char address[INET6_ADDRSTRLEN] = "";
        if (tag == GENERAL_NAME_ADDRESS && (name.size == 4 || name.size == 16)) {
            (void)inet_ntop(name.size == 4 ? AF_INET : AF_INET6, name.data, address,
                            sizeof(address));
            name = slice_from(address);
        } else if (tag != GENERAL_NAME_DNS) {
            continue;
        }
        room = append(text, text[0] == '\0' ? SLICE("") : SLICE(", ")) && append(text, name);
    }
    if (text[0] == '\0') {
        (void)append(text, SLICE("no name at all"));
    }
}
