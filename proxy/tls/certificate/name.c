#include "tls/certificate/name.h"

#include "tls/certificate/der.h"

#include <stdio.h>

enum { RDN_MAX = 64 }; // in one name

struct text {
    char *start;
    size_t size;
    bool overflow;
};

static void put(struct text *text, char c) {
    if (text->size + 1 >= NAME_TEXT_SIZE) {
        text->overflow = true;
        return;
    }
    text->start[text->size++] = c;
}

static void put_string(struct text *text, const char *string) {
    while (*string != '\0') {
        put(text, *string++);
    }
}

static void put_hex(struct text *text, uint8_t byte) {
    static const char digits[] = "0123456789ABCDEF";
    put(text, digits[byte >> 4]);
    put(text, digits[byte & 15]);
}

// RFC 4514 section 3, and the names OpenSSL gives to two more that are common.
static const char *short_name(struct slice oid) {
    static const struct {
        struct slice oid;
        const char *name;
    } known[] = {
        {{"\x55\x04\x03", 3}, "CN"},
        {{"\x55\x04\x05", 3}, "serialNumber"},
        {{"\x55\x04\x06", 3}, "C"},
        {{"\x55\x04\x07", 3}, "L"},
        {{"\x55\x04\x08", 3}, "ST"},
        {{"\x55\x04\x09", 3}, "STREET"},
        {{"\x55\x04\x0a", 3}, "O"},
        {{"\x55\x04\x0b", 3}, "OU"},
        {{"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", 10}, "UID"},
        {{"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", 10}, "DC"},
        {{"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", 9}, "emailAddress"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (slice_equal(known[i].oid, oid)) {
            return known[i].name;
        }
    }
    return NULL;
}

// The OID in dots. Numbers that do not fit in 64 bits fail, as does one that is cut.
static bool put_oid(struct text *text, struct slice oid) {
    uint64_t number = 0;
    bool first = true;
    bool inside = false;
    for (size_t i = 0; i < oid.size; i++) {
        uint8_t byte = (uint8_t)oid.data[i];
        if (number >> 57 != 0 || (!inside && byte == 0x80)) {
            return false;
        }
        number = number << 7 | (byte & 0x7f);
        inside = (byte & 0x80) != 0;
        if (inside) {
            continue;
        }
        char digits[48];
        uint64_t top = number < 40 ? 0 : number < 80 ? 1 : 2;
        if (first) {
            (void)snprintf(digits, sizeof(digits), "%llu.%llu", (unsigned long long)top,
                           (unsigned long long)(number - 40 * top));
        } else {
            (void)snprintf(digits, sizeof(digits), ".%llu", (unsigned long long)number);
        }
        put_string(text, digits);
        first = false;
        number = 0;
    }
    return !inside && !first;
}

static void put_escaped(struct text *text, struct slice value) {
    for (size_t i = 0; i < value.size; i++) {
        char c = value.data[i];
        bool first = i == 0;
        bool edge = c == ' ' && (first || i + 1 == value.size);
        if (c < ' ' || c > '~' || edge) { // a space at an end would get lost in a header field
            put(text, '\\');
            put_hex(text, (uint8_t)c);
            continue;
        }
        if ((first && c == '#') || strchr("\"+,;<>\\=", c) != NULL) {
            put(text, '\\');
        }
        put(text, c);
    }
}

static bool put_attribute(struct text *text, struct der *attributes) {
    struct der attribute = der_enter(attributes, DER_SEQUENCE);
    struct slice oid = der_take(&attribute, DER_OID);
    uint8_t tag = der_peek(&attribute);
    struct slice whole;
    struct slice value = der_take_any(&attribute, &whole);
    if (attribute.bad || attribute.rest.size > 0) {
        return false;
    }
    const char *name = short_name(oid);
    bool readable = name != NULL && (tag == DER_UTF8_STRING || tag == DER_PRINTABLE_STRING ||
                                     tag == DER_IA5_STRING || tag == DER_NUMERIC_STRING);
    if (name != NULL) {
        put_string(text, name);
    } else if (!put_oid(text, oid)) {
        return false;
    }
    put(text, '=');
    if (readable) {
        put_escaped(text, value);
        return true;
    }
    put(text, '#');
    for (size_t i = 0; i < whole.size; i++) {
        put_hex(text, (uint8_t)whole.data[i]);
    }
    return true;
}

static bool put_name(struct text *text, struct slice name) {
    struct slice parts[RDN_MAX];
    size_t count = 0;
    struct der reader = der_begin(name);
    while (reader.rest.size > 0 && count < RDN_MAX) {
        parts[count++] = der_take(&reader, DER_SET);
    }
    if (reader.bad || reader.rest.size > 0) {
        return false;
    }
    for (size_t i = count; i-- > 0;) { // RFC 4514 begins with the last one
        struct der attributes = der_begin(parts[i]);
        const char *separator = i + 1 == count ? "" : ",";
        do {
            put_string(text, separator);
            if (!put_attribute(text, &attributes)) {
                return false;
            }
            separator = "+";
        } while (attributes.rest.size > 0);
    }
    return !text->overflow;
}

enum result name_to_text(struct slice name, char output[NAME_TEXT_SIZE]) {
    struct text text = {.start = output};
    bool ok = put_name(&text, name);
    output[ok ? text.size : 0] = '\0';
    return ok ? RESULT_OK : RESULT_ERROR;
}

const char *name_for_message(struct slice name, char text[NAME_TEXT_SIZE]) {
    if (name_to_text(name, text) != RESULT_OK) {
        return "a name that cannot be shown";
    }
    return text[0] == '\0' ? "no name" : text;
}
