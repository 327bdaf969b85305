// The chunked transfer coding, RFC 9112 7.1, read in place and strictly.
//
// The decoder walks bytes that stay where they are and reports, span by span, what they are. It
// never copies and never allocates. Chunk extensions are checked (their grammar, no control bytes,
// at most 256 bytes a line) and not reported: the framing lines of a peer are never forwarded, the
// caller writes its own around the data spans. Refused: a size that is empty, signed, 0x-prefixed
// or over 16 digits / 2^60, space after it (unless an extension follows, as the grammar has it),
// bare LF or CR, data not followed by CRLF, a control byte in an extension. It remembers nothing
// but its state, so the spans are the same however the bytes were cut.
//
// The tolerant kind is for the bodies of servers, and takes what nginx and HAProxy both do: lines
// that end in LF, blanks behind the size, any number of leading zeros, extensions of any bytes but
// CR and LF. With LF alone the framing between two data spans may be as short as 3 bytes.
#ifndef RAVELIN_HTTP_CHUNK_H
#define RAVELIN_HTTP_CHUNK_H

#include "base/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The longest size line with its extensions and CRLF, and the largest chunk.
#define CHUNK_SIZE_LINE_MAX 256
#define CHUNK_TOLERANT_LINE_MAX 16384
#define CHUNK_SIZE_MAX (UINT64_C(1) << 60)

enum chunk_span {
    CHUNK_FRAMING,  // (a part of) a size line or of the CRLF after data: to be skipped
    CHUNK_DATA,     // body bytes
    CHUNK_TRAILERS, // the last size line is over, the trailer section begins. Consumes nothing;
    // the caller gathers the section with http_trailers_end() and reads it with
    // http_parse_trailers().
};

struct chunk_decoder {
    uint8_t state;
    bool tolerant;
    char wrong;         // after RESULT_ERROR: the byte at which that was
    uint8_t digits;     // of the size line in progress
    uint16_t line_size; // of the size line in progress
    uint64_t remaining; // data bytes left in the current chunk
};

void chunk_decoder_init(struct chunk_decoder *decoder);
void chunk_decoder_init_tolerant(struct chunk_decoder *decoder);

// Looks at data[0..size), size > 0. RESULT_OK: the first *length bytes are *span (length > 0, or 0
// for CHUNK_TRAILERS); call again with what follows. Data spans are as long as the input and the
// chunk allow. RESULT_ERROR: malformed, *why says how; the decoder stays in that state.
enum result chunk_next(struct chunk_decoder *decoder, const char *data, size_t size,
                       enum chunk_span *span, size_t *length, const char **why) MUST_CHECK;

// The longest line chunk_write_size() makes: 16 digits and CRLF.
#define CHUNK_LINE_SIZE 18
// Writes `size` in lower-case hex and CRLF so that the last byte is at end[-1]; returns where it
// starts.
char *chunk_write_size(char *end, uint64_t size);

#endif
