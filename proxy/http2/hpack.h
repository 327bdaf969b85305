// Header compression (RFC 7541) with further bounds: on the memory of the decoder, and on the bytes
// of a decoded field.
//
// The decoder is that of libnghttp2, and only hpack.c uses it. The encoder is Ravelin's own
// (hpack_encode.c), because that of nghttp2 takes 1.5 times as many instructions. Tests and
// fuzz_http2_hpack.c read its blocks with the decoder of nghttp2.
//
// The decoder and the encoder of a connection are allocated at their first use, by the counted
// allocator of `struct hpack_memory`, of which a worker has one. nghttp2 allocates memory for each
// field that enters its table. The encoder allocates 7 KiB at once. Both can be made small while a
// connection is idle:
//
//   decoder   must keep its table, because the client refers to it. hpack_decoder_pack() stores the
//             entries as one run of bytes and frees the rest. The next block unpacks them
//   encoder   hpack_encoder_drop() frees all. The next block makes the client clear its table
//
// With nghttp2 1.52, after the request of a browser, a decoder takes 4.4 KiB, packed 0.6 KiB
// (tests/unit/test_http2_hpack.c). Between blocks it takes at most HPACK_TABLE_MEMORY_MAX bytes,
// whatever the client sends. While it decodes a block, it also takes a string of at most 128 KiB.
// No I/O.
#ifndef RAVELIN_HTTP2_HPACK_H
#define RAVELIN_HTTP2_HPACK_H

#include "http/header.h"
#include "http2/frame.h"

// Size of each of the two tables, whatever the client offers.
#define HPACK_TABLE_SIZE 4096
// Largest memory of a decoder, or of an encoder, with the overhead of malloc.
#define HPACK_TABLE_MEMORY_MAX 40960
// Bytes that are counted for each field, besides name and value (RFC 9113 6.5.2).
#define HPACK_FIELD_OVERHEAD 32

// Allocations of all decoders and encoders of a worker. It must stay in place while any of them
// exists.
struct hpack_memory {
    size_t used;  // bytes
    size_t limit; // an allocation beyond it fails; 0: no limit
    struct {
        void *context, *(*take)(size_t, void *);
        void (*give_back)(void *, void *);
        void *(*take_zeroed)(size_t, size_t, void *), *(*retake)(void *, size_t, void *);
    } calls; // called by nghttp2; same members as its own structure
};

void hpack_memory_init(struct hpack_memory *memory, size_t limit);

// Version of the linked nghttp2, a static text.
const char *hpack_library_version(void);

// --- decoding ---

struct hpack_decoder {
    void *inflater;  // NULL before the first block, and when packed
    uint8_t *packed; // NULL: the table is empty, or not packed
    uint32_t packed_size;
};

// A decoded header section. The caller sets the first five members.
struct hpack_section {
    struct http_fields *fields; // names and values are in `text`; ids and hop_by_hop are not set
    char *text;                 // scratch: names, and values, each value with an LF behind it
    size_t text_capacity;       // twice list_size_max is enough for any shorter section
    size_t list_size_max; // RFC 9113 6.5.2: names, values, HPACK_FIELD_OVERHEAD for each field
    bool joins_cookies;   // joins several cookie fields at the place of the first one
    size_t text_size;
    size_t list_size; // size of all fields, stored or not
    bool too_large;   // list_size_max, or the capacity of `fields` or `text`, was exceeded
    // Reason why a field is malformed (RFC 9113 8.2.1): the name is not a lower-case token, or the
    // value has control bytes or surrounding white space. NULL: none is malformed. A name may begin
    // with ':'.
    const char *malformed;
};

// Decodes one complete header block. If the section is too large, or a field is malformed, this
// field and the rest are decoded for the table, but not stored. RESULT_ERROR: COMPRESSION_ERROR, or
// INTERNAL_ERROR if memory is short. The connection must end.
enum result hpack_decode(struct hpack_decoder *decoder, struct hpack_memory *memory,
                         struct slice block, struct hpack_section *section,
                         struct http2_fault *fault) MUST_CHECK;

// Makes the decoder as small as possible. Unpacking costs as much as a request, so call it for a
// connection that was idle for some time. Does nothing if memory is short.
void hpack_decoder_pack(struct hpack_decoder *decoder, struct hpack_memory *memory);

void hpack_decoder_free(struct hpack_decoder *decoder, struct hpack_memory *memory);

// --- encoding ---

struct hpack_encoder {
    struct hpack_table *table; // NULL before the first block, and after hpack_encoder_drop()
    uint32_t size;             // of the table, at most HPACK_TABLE_SIZE
    uint32_t smallest; // size since the last block, of which the client must be told (RFC 7541 4.2)
    bool tells;        // the next block begins with the size
};

struct hpack_field {
    struct slice name; // lower case
    struct slice value;
    bool sensitive; // enters no table, neither here nor at the next hop of the client
};

void hpack_encoder_init(struct hpack_encoder *encoder);

// Applies SETTINGS_HEADER_TABLE_SIZE of the client.
void hpack_encoder_resize(struct hpack_encoder *encoder, uint32_t size);

// Writes one header block into [output, output + capacity). RESULT_AGAIN: it might not fit; nothing
// has changed. RESULT_ERROR: memory is short. Each string must be shorter than 4 GiB.
enum result hpack_encode(struct hpack_encoder *encoder, struct hpack_memory *memory,
                         const struct hpack_field *fields, size_t count, uint8_t *output,
                         size_t capacity, size_t *size) MUST_CHECK;

// Frees the table. The next block makes the client clear its table.
void hpack_encoder_drop(struct hpack_encoder *encoder);

#endif
