#include "http2/hpack.h"

#include "http/bytes.h"
#include "http2/hpack_tables.h"

#include <malloc.h>
#include <nghttp2/nghttp2.h>
#include <stdlib.h>

// --- counted memory ---

static bool has_room(const struct hpack_memory *memory, size_t size) {
    return memory->limit == 0 ||
           (memory->used <= memory->limit && memory->limit - memory->used >= size);
}

static void *counted(struct hpack_memory *memory, void *block) {
    memory->used += malloc_usable_size(block);
    return block;
}

static void *take(size_t size, void *context) {
    struct hpack_memory *memory = context;
    return has_room(memory, size) ? counted(memory, malloc(size)) : NULL;
}

static void *take_zeroed(size_t count, size_t size, void *context) {
    struct hpack_memory *memory = context;
    return size > 0 && has_room(memory, count * size) ? counted(memory, calloc(count, size)) : NULL;
}

static void *retake(void *block, size_t size, void *context) {
    struct hpack_memory *memory = context;
    size_t before = malloc_usable_size(block);
    if (!has_room(memory, size)) {
        return NULL;
    }
    void *grown = realloc(block, size);
    if (grown != NULL) {
        memory->used = memory->used - before + malloc_usable_size(grown);
    }
    return grown;
}

static void give_back(void *block, void *context) {
    struct hpack_memory *memory = context;
    memory->used -= malloc_usable_size(block);
    free(block);
}

_Static_assert(sizeof(((struct hpack_memory *)NULL)->calls) == sizeof(nghttp2_mem),
               "the members that nghttp2 reads");

void hpack_memory_init(struct hpack_memory *memory, size_t limit) {
    *memory = (struct hpack_memory){.limit = limit};
    memory->calls.context = memory;
    memory->calls.take = take;
    memory->calls.give_back = give_back;
    memory->calls.take_zeroed = take_zeroed;
    memory->calls.retake = retake;
}

// nghttp2 keeps the pointer.
static nghttp2_mem *allocator_of(struct hpack_memory *memory) {
    return (nghttp2_mem *)(void *)&memory->calls;
}

const char *hpack_library_version(void) {
    return nghttp2_version(0)->version_str;
}

// --- decoding ---

static const char *why_bad_name(struct slice name) {
    size_t i = name.size > 0 && name.data[0] == ':' ? 1 : 0;
    if (i == name.size) {
        return "empty field name";
    }
    while (i < name.size && http_byte_is(name.data[i], BYTE_TOKEN) &&
           !(name.data[i] >= 'A' && name.data[i] <= 'Z')) {
        i++;
    }
    if (i == name.size) {
        return NULL;
    }
    return http_byte_is(name.data[i], BYTE_TOKEN) ? "upper-case letter in a field name"
                                                  : "illegal byte in a field name";
}

static bool is_space(char byte) {
    return byte == ' ' || byte == '\t';
}

static const char *why_bad_value(struct slice value) {
    if (value.size > 0 && (is_space(value.data[0]) || is_space(value.data[value.size - 1]))) {
        return "white space around a field value";
    }
    return http_is_value(value) ? NULL : "control byte in a field value";
}

static struct slice store(struct hpack_section *section, struct slice text) {
    char *at = section->text + section->text_size;
    if (text.size > 0) {
        memcpy(at, text.data, text.size);
    }
    section->text_size += text.size;
    return (struct slice){at, text.size};
}

static bool fits(const struct hpack_section *section, size_t size) {
    return section->text_capacity - section->text_size >= size;
}

static void take_field(struct hpack_section *section, struct slice name, struct slice value) {
    struct http_fields *fields = section->fields;
    section->list_size += name.size + value.size + HPACK_FIELD_OVERHEAD;
    if (section->list_size > section->list_size_max || fields->count == fields->capacity ||
        !fits(section, name.size + value.size + 1)) {
        section->too_large = true;
    }
    if (section->too_large || section->malformed != NULL) {
        return;
    }
    section->malformed = why_bad_name(name);
    if (section->malformed == NULL) {
        section->malformed = why_bad_value(value);
    }
    if (section->malformed != NULL) {
        return;
    }
    struct http_field *field = &fields->items[fields->count++];
    *field = (struct http_field){.name = store(section, name), .value = store(section, value)};
    store(section, SLICE("\n"));
}

static bool is_cookie(const struct http_field *field) {
    return slice_equal(field->name, SLICE("cookie"));
}

// Joins crumbs of Cookie to one field, separated by "; " (RFC 9113 8.2.3). `first`: the first
// crumb.
static void join_cookies(struct hpack_section *section, struct http_field *first) {
    struct http_fields *fields = section->fields;
    struct slice joined = {section->text + section->text_size, 0};
    struct http_field *end = fields->items + fields->count, *kept = first + 1;
    store(section, first->value);
    for (struct http_field *field = first + 1; field < end; field++) {
        if (!is_cookie(field)) {
            *kept++ = *field;
            continue;
        }
        store(section, SLICE("; "));
        store(section, field->value);
    }
    joined.size = (size_t)(section->text + section->text_size - joined.data);
    first->value = joined;
    store(section, SLICE("\n"));
    fields->count = (uint32_t)(kept - fields->items);
}

static void take_crumbs(struct hpack_section *section) {
    struct http_field *first = NULL;
    size_t size = 0, crumbs = 0;
    for (uint32_t i = 0; i < section->fields->count; i++) {
        struct http_field *field = &section->fields->items[i];
        if (is_cookie(field)) {
            first = first == NULL ? field : first;
            size += field->value.size + 2;
            crumbs++;
        }
    }
    if (crumbs > 1 && fits(section, size)) {
        join_cookies(section, first);
    } else {
        section->too_large = crumbs > 1;
    }
}

// --- packed tables ---

// A packed table is a header block that adds its entries again, from the oldest on.

// Writes a number with a prefix of `bits` (RFC 7541 5.1), below 2^21. Returns its size; NULL: only
// counts.
static size_t put_number(uint8_t *at, uint8_t first, unsigned bits, size_t number) {
    uint8_t bytes[4];
    size_t size = 0, limit = ((size_t)1 << bits) - 1;
    bytes[size++] = (uint8_t)(first | (number < limit ? number : limit));
    if (number >= limit) {
        for (number -= limit; number >= 128; number >>= 7) {
            bytes[size++] = (uint8_t)(128 | (number & 127));
        }
        bytes[size++] = (uint8_t)number;
    }
    if (at != NULL) {
        memcpy(at, bytes, size);
    }
    return size;
}

static size_t put_string(uint8_t *at, const uint8_t *text, size_t size) {
    size_t prefix = put_number(at, 0, 7, size);
    if (at != NULL && size > 0) {
        memcpy(at + prefix, text, size);
    }
    return prefix + size;
}

static uint8_t *behind(uint8_t *at, size_t size) {
    return at == NULL ? NULL : at + size;
}

static size_t pack(nghttp2_hd_inflater *inflater, uint8_t *at) {
    size_t entries = nghttp2_hd_inflate_get_num_table_entries(inflater);
    size_t limit = nghttp2_hd_inflate_get_max_dynamic_table_size(inflater);
    size_t size = limit == HPACK_TABLE_SIZE ? 0 : put_number(at, 0x20, 5, limit);
    for (size_t i = entries; i > HPACK_STATIC_ENTRIES; i--) {
        const nghttp2_nv *nv = nghttp2_hd_inflate_get_table_entry(inflater, i);
        size += put_number(behind(at, size), 0x40, 6, 0);
        size += put_string(behind(at, size), nv->name, nv->namelen);
        size += put_string(behind(at, size), nv->value, nv->valuelen);
    }
    return size;
}

void hpack_decoder_pack(struct hpack_decoder *decoder, struct hpack_memory *memory) {
    if (decoder->inflater == NULL) {
        return;
    }
    size_t size = pack(decoder->inflater, NULL);
    uint8_t *packed = size == 0 ? NULL : take(size, memory);
    if (size > 0 && packed == NULL) {
        return;
    }
    (void)pack(decoder->inflater, packed);
    nghttp2_hd_inflate_del(decoder->inflater);
    *decoder = (struct hpack_decoder){.packed = packed, .packed_size = (uint32_t)size};
}

static void drop_packed(struct hpack_decoder *decoder, struct hpack_memory *memory) {
    if (decoder->packed != NULL) {
        give_back(decoder->packed, memory);
        decoder->packed = NULL;
    }
}

static enum result unpack(struct hpack_decoder *decoder, struct hpack_memory *memory) {
    const uint8_t *at = decoder->packed;
    const uint8_t *end = at + decoder->packed_size;
    int flags = 0;
    while ((flags & NGHTTP2_HD_INFLATE_FINAL) == 0) {
        nghttp2_nv nv;
        ssize_t used =
            nghttp2_hd_inflate_hd2(decoder->inflater, &nv, &flags, at, (size_t)(end - at), 1);
        if (used < 0) {
            return RESULT_ERROR;
        }
        at += used;
    }
    (void)nghttp2_hd_inflate_end_headers(decoder->inflater); // always 0
    drop_packed(decoder, memory);
    return RESULT_OK;
}

// --- decoding a block ---

static enum result ensure_inflater(struct hpack_decoder *decoder, struct hpack_memory *memory) {
    if (decoder->inflater != NULL) {
        return RESULT_OK;
    }
    nghttp2_hd_inflater *inflater;
    if (nghttp2_hd_inflate_new2(&inflater, allocator_of(memory)) != 0) {
        return RESULT_ERROR;
    }
    decoder->inflater = inflater;
    return decoder->packed == NULL ? RESULT_OK : unpack(decoder, memory);
}

static enum result no_memory(struct http2_fault *fault) {
    return http2_fail(fault, true, HTTP2_INTERNAL_ERROR, "no memory for header compression");
}

// Form of a field in a block, by the first bits of its first byte (RFC 7541 6).
enum { INDEXED = 0x80, INDEX_MAX = 0x7f, RESIZED = 0x20, RESIZED_BITS = 0xe0 };

// The entry of an indexed field whose index is in its first byte. NULL: the field has another form,
// or the table has no such entry. A client sends most fields of its second and later requests so.
// The state machine of nghttp2 takes far more instructions for them.
static const nghttp2_nv *find_indexed(nghttp2_hd_inflater *inflater, uint8_t first) {
    size_t index = first & INDEX_MAX;
    return (first & INDEXED) == 0 || index == 0 || index == INDEX_MAX
               ? NULL
               : nghttp2_hd_inflate_get_table_entry(inflater, index);
}

static void take_pair(struct hpack_section *section, const nghttp2_nv *nv) {
    take_field(section, (struct slice){(const char *)nv->name, nv->namelen},
               (struct slice){(const char *)nv->value, nv->valuelen});
}

static enum result malformed_block(struct http2_fault *fault) {
    return http2_fail(fault, true, HTTP2_COMPRESSION_ERROR, "malformed header block");
}

// After each call, nghttp2 is at the beginning of a field, because the block is complete.
static enum result read_block(nghttp2_hd_inflater *inflater, struct slice block,
                              struct hpack_section *section, struct http2_fault *fault) {
    const uint8_t *at = (const uint8_t *)block.data;
    const uint8_t *end = at + block.size;
    bool has_fields = false;
    while (at < end) {
        const nghttp2_nv *entry = find_indexed(inflater, *at);
        if (entry != NULL) {
            take_pair(section, entry);
            has_fields = true;
            at++;
            continue;
        }
        if (has_fields && (*at & RESIZED_BITS) == RESIZED) { // nghttp2 does not see all fields
            return malformed_block(fault);
        }
        nghttp2_nv nv;
        int flags = 0;
        ssize_t used = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, at, (size_t)(end - at), 1);
        if (used < 0) {
            return used == NGHTTP2_ERR_NOMEM ? no_memory(fault) : malformed_block(fault);
        }
        at += used;
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
            take_pair(section, &nv);
            has_fields = true;
        }
        if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
            break;
        }
    }
    (void)nghttp2_hd_inflate_end_headers(inflater); // always 0
    return RESULT_OK;
}

enum result hpack_decode(struct hpack_decoder *decoder, struct hpack_memory *memory,
                         struct slice block, struct hpack_section *section,
                         struct http2_fault *fault) {
    section->fields->count = 0;
    section->text_size = section->list_size = 0;
    section->too_large = false;
    section->malformed = NULL;
    if (ensure_inflater(decoder, memory) != RESULT_OK) {
        return no_memory(fault);
    }
    struct slice bytes = block.size == 0 ? SLICE("") : block; // perhaps without a pointer
    if (read_block(decoder->inflater, bytes, section, fault) != RESULT_OK) {
        return RESULT_ERROR;
    }
    if (section->joins_cookies && !section->too_large && section->malformed == NULL) {
        take_crumbs(section);
    }
    return RESULT_OK;
}

void hpack_decoder_free(struct hpack_decoder *decoder, struct hpack_memory *memory) {
    drop_packed(decoder, memory);
    if (decoder->inflater != NULL) {
        nghttp2_hd_inflate_del(decoder->inflater);
        decoder->inflater = NULL;
    }
}
