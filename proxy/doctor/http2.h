// An HTTP/2 client that tests servers, over one conversation. It can send any frames, and counts
// received frames. Its windows are small, so that the server sends little DATA.
//
// Bounds: HTTP2_CLIENT_PAYLOAD bytes of a frame are kept, HTTP2_CLIENT_OUTPUT bytes are sent at
// once. The conversation bounds the rest.
#ifndef RAVELIN_DOCTOR_HTTP2_H
#define RAVELIN_DOCTOR_HTTP2_H

#include "doctor/conversation.h"
#include "http2/frame.h"
#include "http2/hpack.h"

#define HTTP2_CLIENT_PAYLOAD FRAME_SIZE_DEFAULT
#define HTTP2_CLIENT_OUTPUT 8192
#define HTTP2_CLIENT_FIELDS 128
#define HTTP2_CLIENT_TEXT_SIZE 96

struct http2_client {
    struct conversation conversation;

    // Received:
    uint16_t status; // of the last response
    size_t reset_count;
    uint32_t reset_code; // of the last RST_STREAM
    bool is_served;      // the ACK of the last PING was received
    bool left;           // GOAWAY was received
    uint32_t left_code;
    bool is_bad; // a header block is malformed, or a frame is longer than the buffer

    struct frame_header header; // of the present frame
    size_t header_have;
    size_t have;       // bytes of its payload so far
    size_t block_size; // bytes of an incomplete header block
    uint8_t header_bytes[FRAME_HEADER_SIZE];
    uint8_t payload[HTTP2_CLIENT_PAYLOAD];
    uint8_t block[HTTP2_CLIENT_PAYLOAD];
    char text[4 * HTTP2_CLIENT_PAYLOAD]; // text of a header section
    struct hpack_memory memory;
    struct hpack_decoder decoder;

    struct builder output;
    uint8_t bytes[HTTP2_CLIENT_OUTPUT];
};

// A header field that is sent unchanged.
struct http2_client_field {
    struct slice name;
    struct slice value;
};

// A GET request.
struct http2_client_request {
    struct slice authority;
    struct slice path;               // empty: "/"
    struct http2_client_field field; // one more field; no name: none
    bool goes_on;                    // END_STREAM is not set
    bool is_cut;                     // END_HEADERS is not set
};

// Connects with ALPN h2, and sends the preface if the server chooses it. NULL: memory is short.
// Otherwise http2_client_close() must follow in all cases.
struct http2_client *http2_client_open(const struct address *address, int64_t deadline_us,
                                       size_t budget, const struct probe_wishes *wishes);
void http2_client_close(struct http2_client *client);
// Whether the server chose HTTP/2.
bool http2_client_is_spoken_to(const struct http2_client *client);

// Adds frames to the output. Sends the output when it is large.
void http2_client_put_request(struct http2_client *client, uint32_t stream,
                              const struct http2_client_request *request);
void http2_client_put_frame(struct http2_client *client, enum frame_type type, uint8_t flags,
                            uint32_t stream, struct slice payload);
// Writes an HPACK literal.
void http2_client_put_literal(struct builder *block, struct slice name, struct slice value);
// Sends the whole output.
void http2_client_send(struct http2_client *client);

// Processes bytes of the server. The conversation and tests call it.
void http2_client_take(struct http2_client *client, struct slice data);
// Reads until a response or RST_STREAM is received, or until the end.
void http2_client_read_answer(struct http2_client *client);
// Sends a PING as the last frame, and reads until its ACK or the end. False: no ACK.
bool http2_client_is_served(struct http2_client *client);

// Describes the last event: "GOAWAY with ENHANCE_YOUR_CALM", "status 200".
void http2_client_text(const struct http2_client *client, char text[HTTP2_CLIENT_TEXT_SIZE]);

#endif
