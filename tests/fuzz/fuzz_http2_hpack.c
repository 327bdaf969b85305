// Header blocks of a client, in a row. Our entry is compared with nghttp2's decoder used plainly:
// the same fields in the same order, and the same blocks refused, whatever the bounds, and whether
// the table is packed between blocks or not. What was read is encoded, with changes of the table
// size, and read again.
//
// Input: for each block a byte of options, a byte of length, the block.
#include "http2/hpack.h"

#include <nghttp2/nghttp2.h>

#include "http_strict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIELDS_MAX 64
#define TEXT_SIZE 16384

enum option { PACK = 1, DROP = 2, RESIZE = 4, NARROW = 8, COOKIES = 16 };

struct side {
    struct hpack_decoder decoder;
    struct http_field items[FIELDS_MAX];
    struct http_fields fields;
    char text[TEXT_SIZE];
    struct hpack_section section;
};

static void side_begin(struct side *side) {
    side->decoder = (struct hpack_decoder){0};
    side->fields = (struct http_fields){side->items, 0, FIELDS_MAX};
    side->section = (struct hpack_section){.fields = &side->fields,
                                           .text = side->text,
                                           .text_capacity = TEXT_SIZE,
                                           .list_size_max = TEXT_SIZE / 2};
}

// --- the rules again, plainly ---

// Reads the block with nghttp2 alone and compares each field with ours. False: malformed block.
static bool check_with(nghttp2_hd_inflater *plain, struct slice block,
                       const struct hpack_section *section) {
    const uint8_t *at = (const uint8_t *)block.data;
    size_t left = block.size, list_size = 0;
    uint32_t count = 0;
    bool right = true;
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t used = nghttp2_hd_inflate_hd2(plain, &nv, &flags, at, left, 1);
        if (used < 0) {
            return false;
        }
        at += used;
        left -= (size_t)used;
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
            struct slice name = {(char *)nv.name, nv.namelen};
            struct slice value = {(char *)nv.value, nv.valuelen};
            list_size += name.size + value.size + HPACK_FIELD_OVERHEAD;
            right = right && strict_is_list_field(name.data, name.size, value.data, value.size);
            if (section != NULL && !section->too_large && section->malformed == NULL) {
                CHECK(count < section->fields->count);
                const struct http_field *field = &section->fields->items[count];
                CHECK(slice_equal(field->name, name) && slice_equal(field->value, value));
                CHECK(field->value.data[field->value.size] == '\n');
            }
            count++;
        }
        if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
            nghttp2_hd_inflate_end_headers(plain);
            break;
        }
    }
    if (section != NULL) {
        CHECK(section->list_size == list_size);
        CHECK(list_size <= section->list_size_max || section->too_large);
        CHECK(section->too_large || right == (section->malformed == NULL));
    }
    return true;
}

// Several cookies are one, the rest is as before.
static void check_cookies(const struct http_fields *apart, const struct http_fields *joined) {
    uint32_t at = 0;
    char text[TEXT_SIZE];
    size_t size = 0;
    struct slice cookie = {NULL, 0};
    bool first = true;
    for (uint32_t i = 0; i < apart->count; i++) {
        const struct http_field *field = &apart->items[i];
        if (!slice_equal(field->name, SLICE("cookie"))) {
            CHECK(slice_equal(joined->items[at].name, field->name));
            CHECK(slice_equal(joined->items[at++].value, field->value));
            continue;
        }
        if (!first) {
            memcpy(text + size, "; ", 2);
            size += 2;
        } else {
            cookie = joined->items[at++].value;
        }
        first = false;
        memcpy(text + size, field->value.data, field->value.size);
        size += field->value.size;
    }
    CHECK(at == joined->count);
    CHECK(slice_equal(cookie, (struct slice){text, size}));
}

// --- round trip ---

struct trip {
    struct hpack_encoder encoder;
    nghttp2_hd_inflater *client;
};

static void check_trip(struct trip *trip, struct hpack_memory *memory,
                       const struct http_fields *fields) {
    static uint8_t block[4 * TEXT_SIZE];
    struct hpack_field list[FIELDS_MAX];
    size_t size;
    for (uint32_t i = 0; i < fields->count; i++) {
        list[i] = (struct hpack_field){fields->items[i].name, fields->items[i].value, i % 4 == 3};
    }
    CHECK(hpack_encode(&trip->encoder, memory, list, fields->count, block, sizeof block, &size) ==
          RESULT_OK);
    const uint8_t *at = block;
    size_t left = size;
    uint32_t count = 0;
    for (int flags = 0; (flags & NGHTTP2_HD_INFLATE_FINAL) == 0;) {
        nghttp2_nv nv;
        ssize_t used = nghttp2_hd_inflate_hd2(trip->client, &nv, &flags, at, left, 1);
        CHECK(used >= 0);
        at += used;
        left -= (size_t)used;
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
            CHECK(count < fields->count);
            CHECK(slice_equal((struct slice){(char *)nv.name, nv.namelen}, list[count].name));
            CHECK(slice_equal((struct slice){(char *)nv.value, nv.valuelen}, list[count].value));
            CHECK(!list[count].sensitive || (nv.flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0);
            count++;
        }
    }
    nghttp2_hd_inflate_end_headers(trip->client);
    CHECK(count == fields->count && left == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct side ours, joined;
    struct hpack_memory memory;
    struct trip trip;
    nghttp2_hd_inflater *plain;
    hpack_memory_init(&memory, 0);
    side_begin(&ours);
    side_begin(&joined);
    joined.section.joins_cookies = true;
    hpack_encoder_init(&trip.encoder);
    CHECK(nghttp2_hd_inflate_new(&plain) == 0 && nghttp2_hd_inflate_new(&trip.client) == 0);
    bool right = true;
    for (size_t at = 0; right && at + 2 <= size;) {
        uint8_t options = data[at];
        size_t length = data[at + 1] < size - at - 2 ? data[at + 1] : size - at - 2;
        char *bytes = malloc(length == 0 ? 1 : length);
        CHECK(bytes != NULL);
        memcpy(bytes, data + at + 2, length);
        struct slice block = {bytes, length};
        struct http2_fault fault = {0};
        ours.section.list_size_max = (options & NARROW) != 0 ? 100 : TEXT_SIZE / 2;
        right = hpack_decode(&ours.decoder, &memory, block, &ours.section, &fault) == RESULT_OK;
        CHECK(check_with(plain, block, right ? &ours.section : NULL) == right);
        CHECK(right || (fault.of_connection && fault.code == HTTP2_COMPRESSION_ERROR));
        CHECK((hpack_decode(&joined.decoder, &memory, block, &joined.section, &fault) ==
               RESULT_OK) == right);
        bool whole = right && !ours.section.too_large && ours.section.malformed == NULL;
        if (whole && !joined.section.too_large) {
            check_cookies(&ours.fields, &joined.fields);
        }
        if ((options & RESIZE) != 0) {
            hpack_encoder_resize(&trip.encoder, options * 17U);
        }
        if (whole) {
            check_trip(&trip, &memory, &ours.fields);
        }
        if ((options & PACK) != 0) {
            hpack_decoder_pack(&ours.decoder, &memory);
        }
        if ((options & DROP) != 0) {
            hpack_encoder_drop(&trip.encoder);
        }
        free(bytes);
        at += 2 + length;
        CHECK(!right || memory.used <= 3 * HPACK_TABLE_MEMORY_MAX);
    }
    nghttp2_hd_inflate_del(plain);
    nghttp2_hd_inflate_del(trip.client);
    hpack_decoder_free(&ours.decoder, &memory);
    hpack_decoder_free(&joined.decoder, &memory);
    hpack_encoder_drop(&trip.encoder);
    CHECK(memory.used == 0);
    return 0;
}
