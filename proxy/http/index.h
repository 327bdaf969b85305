// An index of the known fields in one header section. The code that fills the list of fields (the
// scan of HTTP/1, or a decoder of header lists) also fills the index.
#ifndef RAVELIN_HTTP_INDEX_H
#define RAVELIN_HTTP_INDEX_H

#include "http/header.h"

// Bits: FIELD_BIT(id). first[id] is set only if `seen` has the bit of the id.
struct http_index {
    uint64_t seen;
    uint64_t repeated;
    struct http_field *first[FIELD_ID_COUNT];
};

static inline bool http_has(const struct http_index *index, enum http_field_id id) {
    return (index->seen & FIELD_BIT(id)) != 0;
}

static inline bool http_has_repeated(const struct http_index *index, enum http_field_id id) {
    return (index->repeated & FIELD_BIT(id)) != 0;
}

static inline void http_begin_fields(struct http_fields *fields, struct http_index *index) {
    fields->count = 0;
    index->seen = 0;
    index->repeated = 0;
}

// Fields that are hop-by-hop by their name (RFC 9110 7.6.1), and look-alikes.
#define HOP_BY_HOP_IDS                                                                             \
    (FIELD_BIT(FIELD_CONNECTION) | FIELD_BIT(FIELD_HTTP2_SETTINGS) | FIELD_BIT(FIELD_KEEP_ALIVE) | \
     FIELD_BIT(FIELD_PROXY) | FIELD_BIT(FIELD_PROXY_AUTHENTICATE) |                                \
     FIELD_BIT(FIELD_PROXY_AUTHENTICATION_INFO) | FIELD_BIT(FIELD_PROXY_AUTHORIZATION) |           \
     FIELD_BIT(FIELD_PROXY_CONNECTION) | FIELD_BIT(FIELD_TE) | FIELD_BIT(FIELD_TRAILER) |          \
     FIELD_BIT(FIELD_TRANSFER_ENCODING) | FIELD_BIT(FIELD_UPGRADE) | FIELD_BIT(FIELD_LOOKALIKE))

// Adds a field to list and index. The list must have room for one more.
static inline void http_add_field(struct http_fields *fields, struct http_index *index,
                                  struct slice name, struct slice value) {
    struct http_field *field = &fields->items[fields->count++];
    field->name = name;
    field->value = value;
    field->id = http_field_lookup(name);
    field->hop_by_hop = (HOP_BY_HOP_IDS & FIELD_BIT(field->id)) != 0;
    uint64_t bit = FIELD_BIT(field->id);
    if ((index->seen & bit) != 0) {
        index->repeated |= bit;
    } else {
        index->seen |= bit;
        index->first[field->id] = field;
    }
}

#endif
