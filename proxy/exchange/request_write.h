// A write to a server: pointers to parts in other memory, and the texts between them. It exists
// only while the server has not taken all of it. Private to exchange.c and request.c.
#ifndef RAVELIN_EXCHANGE_REQUEST_WRITE_H
#define RAVELIN_EXCHANGE_REQUEST_WRITE_H

#include "exchange/stream.h"
#include "http/chunk.h"
#include "http/proxy_protocol.h"

// For each run: the run, its chunk line and CRLF. Also the PROXY header, the head, the last chunk
// and the trailers.
#define REQUEST_PARTS_MAX (STREAM_RUNS_MAX * 3 + 4)

_Static_assert(REQUEST_PARTS_MAX <= 64, "a bit for each part");

struct request_write {
    uint32_t first; // index of the first part that is not written yet
    uint32_t count;
    uint64_t runs; // bit i: part i is a run of the stream
    struct iovec parts[REQUEST_PARTS_MAX];
    uint8_t proxy_header[PROXY_HEADER_WRITE_MAX];
    char lines[STREAM_RUNS_MAX][CHUNK_LINE_SIZE];
};

#endif
