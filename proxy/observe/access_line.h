// One line of the access log as text. No I/O, no allocation.
//
// Formats:
//   JSON             one object a line, always with the same keys in the same order; request_id and
//                    traceparent only if the configuration asks for ids. Strings are
//                    escaped (RFC 8259). Control characters, DEL, U+0080 to U+009F and bytes over
//                    0x7f that are not valid UTF-8 are written as \u00XX.
//   combined         the format of Apache and nginx. Quoted fields are escaped: \" and \\, and \xHH
//                    for every byte that is not printable ASCII. "-" stands for an unknown value,
//                    and for status and size if no response was sent.
//   combined-reason  combined, and one more field in quotes: `ended` and `client_unread`.
//
// An entry can select fields (access_fields.h). A JSON object has only these fields, in their
// order. In the other formats, a field that is not selected is "-". Selected fields without a place
// in the format follow as name=value, texts in quotes; `tls` means all fields tls_*.
//
// Then follow the values of configured header fields. JSON has them in an object request_headers
// and an object response_headers. The other formats have texts request_headers.NAME="value".
//
// In the journal, a line is the field MESSAGE. Its values are also in fields of their own, escaped
// as in combined: RAVELIN_CLIENT, RAVELIN_USER, RAVELIN_SITE, RAVELIN_METHOD, RAVELIN_TARGET,
// RAVELIN_STATUS, RAVELIN_BACKEND, RAVELIN_SERVER, RAVELIN_DURATION_US, RAVELIN_ENDED, or the
// selected fields. Unknown values are left out. RAVELIN_LOG is "access".
#ifndef RAVELIN_OBSERVE_ACCESS_LINE_H
#define RAVELIN_OBSERVE_ACCESS_LINE_H

#include "base/clock.h"
#include "base/slice.h"
#include "observe/access_fields.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACCESS_LINE_ROOM 3840 // bytes that suffice for a line whose texts are cut to nothing

enum access_format { ACCESS_FORMAT_JSON, ACCESS_FORMAT_COMBINED, ACCESS_FORMAT_COMBINED_REASON };

// The format of lines, and the last time that was written, because most lines have the same second
// as the line before.
struct access_style {
    enum access_format format;
    int64_t second; // INT64_MIN: none yet
    char time_text[CLOCK_COMMON_LOG_SIZE];
};

// The content of one line. The slices belong to the caller. Empty slices, NULL and negative times
// are written as null (JSON) or "-" (combined). For a session whose handshake failed, `method` is
// empty and `status` is 0.
struct access_entry {
    const struct access_fields *fields; // selected fields; NULL: the default fields
    int64_t started_us;  // wall clock, when the first byte of the request had been received
    struct slice client; // address of the client
    uint16_t client_port;
    // The part of a trusted proxy's header field about the client that could not be parsed.
    struct slice client_unread;
    struct slice user; // user name that the client sent; with the status 401 it was not accepted
    struct slice site; // name of the site
    // If the request was refused by the parser: the first line of the request, any bytes. Method,
    // target and protocol are then the parts that could be recognised in this line.
    struct slice request_line;
    struct slice method;
    struct slice target;
    struct slice host;
    struct slice protocol;   // with `request_line` only: "HTTP/1.1"
    uint8_t minor_version;   // x of HTTP/1.x, without `request_line` only
    bool http2;              // the version is HTTP/2.0
    uint16_t status;         // 0: no response was sent
    uint64_t request_bytes;  // of the request body
    uint64_t response_bytes; // of the response body
    struct slice referer;
    struct slice user_agent;
    bool has_request_id; // JSON: write the next two members; unknown ones are null
    struct slice request_id;
    struct slice traceparent;
    struct slice backend; // name of the backend
    struct slice server;  // address of the server
    bool server_reused;   // the request was sent on a pooled connection
    int64_t duration_us;  // from the first byte of the request to the last byte of the response
    int64_t connect_us;   // time to get a server connection; -1: none
    // From the end of the request to the response head; 0: it came earlier; -1: none.
    int64_t response_us;
    struct slice tls_version; // "TLSv1.3"; empty: plain listener or failed handshake
    struct slice tls_group;   // "X25519MLKEM768"
    struct slice tls_suite;   // "TLS_AES_128_GCM_SHA256"
    bool tls_resumed;
    struct slice tls_sni;    // known when the ClientHello has been read
    struct slice tls_client; // subject of the client's certificate
    // Values of the header fields in `fields`, in their order; NULL: all unknown.
    const struct slice *request_headers, *response_headers;
    // Why the exchange ended early ("client closed", "header timeout", ...). NULL: it ended
    // normally.
    const char *ended;
};

// Builds the line in space[0..room) and returns its size. `room` is at least ACCESS_LINE_ROOM. If a
// line is longer than `room`, its texts are cut. `journal`: with the fields for the journal.
size_t access_line_build(const struct access_entry *entry, struct access_style *style, bool journal,
                         char *space, size_t room);

#endif
