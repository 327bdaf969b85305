// Encodes heads and trailer sections of HTTP/1. A head is always encoded again, in canonical form:
// one space, CRLF. Of the received bytes only names and values of fields that passed the parser are
// forwarded. Hop-by-hop fields are not forwarded (RFC 9110 7.6.1): Connection and the fields that
// it names, Keep-Alive, Proxy-*, TE, Transfer-Encoding, Upgrade, and Trailer unless chunked
// trailers follow.
//
// Each encoder writes into output[0..capacity) and returns the number of bytes written. 0: the
// output does not fit. The output must not overlap the bytes of the slices. No I/O, no allocation.
#ifndef RAVELIN_HTTP_ENCODE_H
#define RAVELIN_HTTP_ENCODE_H

#include "config/config.h"
#include "http/forwarded.h"
#include "http/parse.h"

// The facts that Ravelin adds to a request about its client, and the changes of the route.
struct http_forwarding {
    struct slice client_host; // "192.0.2.1", "2001:db8::1"; anything else is written as "unknown"
    struct slice proto;       // "https"
    // Report of a trusted proxy, whose address is `client_host`; NULL: not a trusted proxy.
    const struct http_told *told;
    struct slice tls_group; // for X-TLS-Facts; empty: no such field
    struct slice tls_suite;
    bool tls_resumed;
    // Of the client's verified certificate, in printable ASCII. No fingerprint: the client has no
    // certificate, and the two fields are not written.
    struct slice certificate_subject;
    struct slice certificate_fingerprint;
    struct slice request_id; // for X-Request-Id; empty: the client's field is forwarded as it is
    struct slice path;       // the target for the server; empty: request->path
    const struct config_changes *changes; // NULL: none
    bool without_body;                    // a received Content-Length: 0 is not forwarded either
};

// Encodes a request head for a server: HTTP/1.1 on a persistent connection.
//   Host                 request->authority; `default_host` if the client sent none
//   X-Forwarded-For, -Proto, -Host, Forwarded
//                        written by Ravelin. The client's are dropped, unless the client is a
//                        trusted proxy (http/forwarded.h)
//   X-TLS-Facts, X-Client-Certificate-*
//                        written by Ravelin only. These fields of a client are always dropped, and
//                        so are Client-Cert and Client-Cert-Chain (RFC 9440)
//   X-Request-Id         with `request_id`, written by Ravelin only
//   Content-Length, Transfer-Encoding
//                        as request->framing says; a received Content-Length: 0 is forwarded
//   Upgrade, Expect      forwarded with request->upgrade, request->expects_continue
//   Trailer              forwarded with a chunked body
// The fields that `changes` removes or sets are dropped. Those that it sets are written at the end.
size_t http_encode_request(const struct http_request *request,
                           const struct http_forwarding *forwarding, struct slice default_host,
                           char *output, size_t capacity);

// Returns the value of the first field with this name in a head of http_encode_request(). Empty:
// none.
struct slice http_head_field(struct slice head, struct slice name);

// The framing of a response for its client, and the changes of site and route (not for 1xx heads).
#define HTTP_SET_COOKIE_MAX 144 // largest size of set_cookie

struct http_response_framing {
    uint8_t client_minor_version;
    bool close;         // write Connection: close
    bool write_chunked; // write Transfer-Encoding: chunked
    struct slice
        set_cookie;  // value of a Set-Cookie for a response that is not interim; empty: none
    uint32_t hsts_s; // for Strict-Transport-Security, if server and route set none; 0: none
    const struct config_changes *changes; // NULL: none
    struct slice added; // more lines, each with CRLF, for a response that is not interim
};

// Encodes a response head for a client.
//   status line     "HTTP/1.1 STATUS REASON"
//   Connection      "close"; "keep-alive" for HTTP/1.0; "upgrade", with Upgrade, for 101
//   Content-Length  with response->has_declared_length, unless write_chunked
//   Date            the server's, else `date` (an IMF-fixdate of 29 bytes)
// Interim (1xx) heads get neither framing fields nor Date.
size_t http_encode_response(const struct http_response *response,
                            const struct http_response_framing *framing, struct slice date,
                            char *output, size_t capacity);
// Largest difference in bytes between an encoded response head and the received head, if at most 64
// field lines had no space behind their colon (each grows by the space) or no CR at their end (each
// grows by the CR). With more such lines, it is two bytes more for each field. Add
// http_changes_size() for `changes`, and the size of `added`.
#define HTTP_RESPONSE_GROWTH_MAX (214 + HTTP_SET_COOKIE_MAX)
size_t http_changes_size(const struct config_changes *changes);

// Encodes a trailer section with its empty line. The caller writes the "0\r\n" before it.
// http_trailers_size() returns the largest size. Fields that `changes` removes, sets or reserves
// are dropped; NULL: none.
size_t http_trailers_size(const struct http_fields *fields);
size_t http_encode_trailers(const struct http_fields *fields, const struct config_changes *changes,
                            char *output, size_t capacity);

// An Allow field with the usual methods. Ravelin forwards other methods, too.
#define HTTP_ALLOW "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"

// The body of a response that Ravelin generates, in place of the default HTML page.
struct http_page {
    struct slice type; // Content-Type
    struct slice body;
};

// Encodes a complete response that Ravelin generates: head and a small HTML page with the status
// and one sentence. No page with `head_only` or 204.
//   page    NULL: the default page. Otherwise the head is for this page, whose body is not written
//   status  308 400 404 405 408 413 414 417 421 429 431 500 501 502 503 504 505 have a reason
//           phrase and a sentence; others get their number and "Error". 405 gets HTTP_ALLOW (RFC
//           9110 15.5.6)
//   extra   more field lines, each with CRLF ("Location: ...\r\n"), or empty
size_t http_encode_answer(uint16_t status, struct slice extra, const struct http_page *page,
                          bool close, bool head_only, struct slice date, char *output,
                          size_t capacity);

// Encodes the default page as JSON: {"status":404,"title":"Not Found","detail":"..."} and a line
// end.
#define HTTP_JSON_SIZE_MAX 256
size_t http_encode_json(uint16_t status, char *output, size_t capacity);

// Encodes the page alone, of http_page_size() bytes (http/walk.h). 0: no page, or it does not fit.
size_t http_encode_page(uint16_t status, char *output, size_t capacity);

// Encodes the field "Location: https://host[:port]target" of a redirect listener's 308. The host is
// that of the request. The port 443 is omitted, and the target "*" becomes "/". 0: the request has
// no host (HTTP/1.0), or the output does not fit.
size_t http_encode_redirect(const struct http_request *request, uint16_t https_port, char *output,
                            size_t capacity);

// The reason phrase of a status that http_encode_answer() knows; "Error" for any other.
const char *http_reason(uint16_t status);

#endif
