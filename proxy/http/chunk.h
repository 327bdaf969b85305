// A decoder of the chunked transfer coding (RFC 9112 7.1). It works in place.
//
// The decoder tells, span by span, which bytes are framing and which are data. It never copies,
// moves or allocates. Its state does not depend on how the bytes were split. Received framing is
// never forwarded: the caller writes its own around the data spans.
//
// The strict kind is for requests. It refuses: a size that is empty, signed, 0x-prefixed, over 16
// digits or over 2^60; a space after the size, unless an extension follows; an LF or CR alone; data
// without CRLF behind it; an extension that breaks the grammar or has a control byte; a size line
// over CHUNK_SIZE_LINE_MAX bytes. Extensions are checked but not reported.
//
// The tolerant kind is for responses. It also accepts what both nginx and HAProxy accept: lines
// that end in LF, blanks behind the size, any number of leading zeros, and extensions of any bytes
// except CR and LF. With LF alone, the framing between two data spans may have only 3 bytes.
#ifndef RAVELIN_HTTP_CHUNK_H
#define RAVELIN_HTTP_CHUNK_H

#include "base/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Bounds, in bytes: a size line with its extensions and CRLF, and a chunk.
#define CHUNK_SIZE_LINE_MAX 256
#define CHUNK_TOLERANT_LINE_MAX 16384
#define CHUNK_SIZE_MAX (UINT64_C(1) << 60)

enum chunk_span {
    CHUNK_FRAMING, // a part of a size line or of the CRLF behind data: skip it
    CHUNK_DATA,    // bytes of the body
    // The trailer section begins; the span has no bytes. Find its end with http_trailers_end(),
    // then read it with http_parse_trailers().
    CHUNK_TRAILERS,
};

struct chunk_decoder {
    uint8_t state;
    bool tolerant;
    char wrong;         // after RESULT_ERROR: the wrong byte
    uint8_t digits;     // number of digits in the present size line
    uint16_t line_size; // bytes of the present size line
    uint64_t remaining; // data bytes left in the current chunk
};

void chunk_decoder_init(struct chunk_decoder *decoder);
void chunk_decoder_init_tolerant(struct chunk_decoder *decoder);

// Reads the next span.
//   data    [size] bytes, size > 0
//   OK      the first *length bytes are *span (0 bytes with CHUNK_TRAILERS); call again with the
//           bytes behind them. A data span is as long as the input and the chunk allow
//   ERROR   malformed; *why is a static text. The decoder returns ERROR from then on
enum result chunk_next(struct chunk_decoder *decoder, const char *data, size_t size,
                       enum chunk_span *span, size_t *length, const char **why) MUST_CHECK;

// Whether the next bytes belong to the trailer section: chunk_next() returns CHUNK_TRAILERS.
bool chunk_decoder_at_trailers(const struct chunk_decoder *decoder);

// The longest line that chunk_write_size() writes: 16 digits and CRLF.
#define CHUNK_LINE_SIZE 18
// Writes a size line (lower-case hex and CRLF) so that its last byte is end[-1]. Returns its first
// byte.
char *chunk_write_size(char *end, uint64_t size);

#endif
