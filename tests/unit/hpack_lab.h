// What the tests of header compression share: a decoder and an encoder with everything they need.
#ifndef RAVELIN_TESTS_HPACK_LAB_H
#define RAVELIN_TESTS_HPACK_LAB_H

#include "http2/hpack.h"

#include "http_cases.h"

#include <ctype.h>

#define TEXT_SIZE 8192

struct lab {
    struct hpack_memory memory;
    struct hpack_decoder decoder;
    struct hpack_encoder encoder;
    struct http_field items[FIELDS_MAX];
    struct http_fields fields;
    char text[TEXT_SIZE];
    struct hpack_section section;
    struct http2_fault fault;
};

static inline void lab_begin(struct lab *lab) {
    *lab = (struct lab){.fields = {.capacity = FIELDS_MAX}};
    lab->fields.items = lab->items;
    hpack_memory_init(&lab->memory, 0);
    lab->section = (struct hpack_section){.fields = &lab->fields,
                                          .text = lab->text,
                                          .text_capacity = TEXT_SIZE,
                                          .list_size_max = TEXT_SIZE / 2};
    hpack_encoder_init(&lab->encoder);
}

static inline void lab_end(struct lab *lab) {
    hpack_decoder_free(&lab->decoder, &lab->memory);
    hpack_encoder_drop(&lab->encoder);
    assert_int_equal(lab->memory.used, 0);
}

static inline size_t from_hex(const char *hex, uint8_t *bytes) {
    size_t size = 0;
    for (; *hex != '\0'; hex++) {
        if (isxdigit((unsigned char)*hex)) {
            char pair[3] = {hex[0], hex[1], '\0'};
            bytes[size++] = (uint8_t)strtoul(pair, NULL, 16);
            hex++;
        }
    }
    return size;
}

// Decodes a copy of exactly this size, so that a sanitizer sees every look beyond it.
static inline enum result decode(struct lab *lab, const void *bytes, size_t size) {
    struct slice block = copy_of((struct slice){bytes, size});
    enum result result =
        hpack_decode(&lab->decoder, &lab->memory, block, &lab->section, &lab->fault);
    free((void *)block.data);
    return result;
}

static inline enum result decode_hex(struct lab *lab, const char *hex) {
    uint8_t bytes[1024];
    return decode(lab, bytes, from_hex(hex, bytes));
}

// The fields as lines "name: value".
static inline void assert_fields(const struct lab *lab, const char *wanted) {
    char text[TEXT_SIZE], *at = text;
    for (uint32_t i = 0; i < lab->fields.count; i++) {
        at = put(at, lab->fields.items[i].name);
        at = put(at, SLICE(": "));
        at = put(at, lab->fields.items[i].value);
        at = put(at, SLICE("\n"));
    }
    *at = '\0';
    assert_string_equal(text, wanted);
    assert_false(lab->section.too_large);
    assert_null(lab->section.malformed);
}

static inline enum result encode(struct lab *lab, const struct hpack_field *fields, size_t count,
                                 uint8_t *bytes, size_t capacity, size_t *size) {
    return hpack_encode(&lab->encoder, &lab->memory, fields, count, bytes, capacity, size);
}

#define FIELD(name, value)                                                                         \
    { {name, sizeof(name) - 1}, {value, sizeof(value) - 1}, false }
#define SECRET(name, value)                                                                        \
    { {name, sizeof(name) - 1}, {value, sizeof(value) - 1}, true }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline void assert_encodes(struct lab *lab, const struct hpack_field *fields, size_t count,
                                  const char *hex) {
    uint8_t bytes[1024], wanted[1024];
    size_t size;
    assert_int_equal(encode(lab, fields, count, bytes, sizeof bytes, &size), RESULT_OK);
    assert_int_equal(size, from_hex(hex, wanted));
    assert_memory_equal(bytes, wanted, size);
}

#endif
