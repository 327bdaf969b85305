// Header compression (RFC 7541) by libnghttp2, with bounds of its own: what a client can make the
// decoder store, and what of a decoded field is accepted. The only file that knows nghttp2.
//
// The decoder and the encoder of a connection exist from their first use on. nghttp2 allocates for
// each field that enters a table, through the counted allocator of `struct hpack_memory`, one a
// worker. Both shrink while a connection is idle:
//
//   decoder   cannot forget its table, as the client refers to it. hpack_decoder_pack() keeps the
//             entries as one run of bytes and frees the rest; the next block unpacks them.
//   encoder   hpack_encoder_drop() frees all; the next block tells the client to clear its table.
//
// Measured with nghttp2 1.52 after the request of a browser (tests/unit/test_http2_hpack.c): a
// decoder takes 4.4 KiB, packed 0.6 KiB. It takes at most HPACK_TABLE_MEMORY_MAX bytes between
// blocks, whatever the client sends; while it decodes a block, a string of at most 128 KiB more. No
// I/O.
#ifndef RAVELIN_HTTP2_HPACK_H
#define RAVELIN_HTTP2_HPACK_H

#include "http/header.h"
#include "http2/frame.h"

// Of both tables, whatever the client offers.
#define HPACK_TABLE_SIZE 4096
// Of a decoder, or an encoder, with the overhead of malloc.
#define HPACK_TABLE_MEMORY_MAX 40960
// Counted for each field beside its name and value (RFC 9113 6.5.2).
#define HPACK_FIELD_OVERHEAD 32

// What all decoders and encoders of a worker have allocated. It must stay where it is while any of
// them exists.
struct hpack_memory {
    size_t used;  // bytes
    size_t limit; // an allocation that would go beyond it fails; 0: none
    struct {
        void *context, *(*take)(size_t, void *);
        void (*give_back)(void *, void *);
        void *(*take_zeroed)(size_t, size_t, void *), *(*retake)(void *, size_t, void *);
    } calls; // what nghttp2 calls; the same members as its own structure has
};

void hpack_memory_init(struct hpack_memory *memory, size_t limit);

// Version of the linked nghttp2, a static text.
const char *hpack_library_version(void);

// --- decoding ---

struct hpack_decoder {
    void *inflater;  // NULL before the first block, and when packed
    uint8_t *packed; // NULL: there is nothing in the table, or it is not packed
    uint32_t packed_size;
};

// A header section that was decoded. The caller sets the first five members.
struct hpack_section {
    struct http_fields *fields; // with names and values in `text`; ids and hop_by_hop are not set
    char *text;                 // scratch: names, and values with an LF behind each
    size_t text_capacity;       // twice list_size_max is enough for any section below it
    size_t list_size_max; // RFC 9113 6.5.2: names, values, HPACK_FIELD_OVERHEAD for each field
    bool joins_cookies;   // several cookie fields become one, at the first one's place
    size_t text_size;
    size_t list_size; // of all fields, stored or not
    bool too_large;   // list_size_max, the capacity of `fields` or of `text` was not enough
    // Why a field is malformed (RFC 9113 8.2.1): a name that is no lower-case token, or a value
    // with control bytes or surrounding white space. NULL: none is. A name may begin with ':'.
    const char *malformed;
};

// Decodes one whole header block. When the section is too large or malformed, the rest of it is
// decoded all the same, for the table, but not stored. RESULT_ERROR: COMPRESSION_ERROR, or
// INTERNAL_ERROR when memory is short; the connection must end.
enum result hpack_decode(struct hpack_decoder *decoder, struct hpack_memory *memory,
                         struct slice block, struct hpack_section *section,
                         struct http2_fault *fault) MUST_CHECK;

// Makes the decoder as small as it can be. Costs as much as a request to undo, so it is for a
// connection that has been idle for a while. Does nothing when memory is short.
void hpack_decoder_pack(struct hpack_decoder *decoder, struct hpack_memory *memory);

void hpack_decoder_free(struct hpack_decoder *decoder, struct hpack_memory *memory);

// --- encoding ---

struct hpack_encoder {
    void *deflater;    // NULL before the first block, and after hpack_encoder_drop()
    uint32_t size;     // of the table, at most HPACK_TABLE_SIZE
    uint32_t smallest; // size since the last block: the client must be told (RFC 7541 4.2)
    bool tells;        // the next block begins with the size
};

struct hpack_field {
    struct slice name; // lower case
    struct slice value;
    bool sensitive; // enters no table, neither here nor in what the client forwards
};

void hpack_encoder_init(struct hpack_encoder *encoder);

// SETTINGS_HEADER_TABLE_SIZE of the client. RESULT_ERROR: memory is short.
enum result hpack_encoder_resize(struct hpack_encoder *encoder, uint32_t size) MUST_CHECK;

// Writes one header block into [output, output + capacity). RESULT_AGAIN: it might not fit, and
// nothing has changed. RESULT_ERROR: memory is short; the connection must end, as the client's
// table is no longer known.
enum result hpack_encode(struct hpack_encoder *encoder, struct hpack_memory *memory,
                         const struct hpack_field *fields, size_t count, uint8_t *output,
                         size_t capacity, size_t *size) MUST_CHECK;

// Forgets the table. The next block makes the client forget its own.
void hpack_encoder_drop(struct hpack_encoder *encoder);

#endif
