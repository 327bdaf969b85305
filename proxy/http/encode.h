// Heads are always written afresh: canonical spelling, one SP, CRLF; nothing of the received bytes
// is forwarded but field names and values that passed the parser. Hop-by-hop fields (RFC 9110
// 7.6.1: Connection and what it names, Keep-Alive, Proxy-*, TE, Trailer unless chunked trailers are
// forwarded, Transfer-Encoding, Upgrade) stop here.
//
// Each encoder writes into [output, output + capacity) and returns the number of bytes written, or
// 0 when it does not fit (the caller answers 431 or 502). The output must not overlap what the
// slices point into. No I/O, no allocation.
#ifndef RAVELIN_HTTP_ENCODE_H
#define RAVELIN_HTTP_ENCODE_H

#include "config/config.h"
#include "http/forwarded.h"
#include "http/parse.h"

// What the proxy adds to a request: who asked, over what; and what its route changes.
struct http_forwarding {
    struct slice client_host; // "192.0.2.1", "2001:db8::1"; anything else is written as "unknown"
    struct slice proto;       // "https"
    const struct http_told *told; // by a trusted proxy, which `client_host` is; NULL: by nobody
    struct slice tls_group;       // for X-TLS-Facts; empty: it is not written
    struct slice tls_suite;
    bool tls_resumed;
    // Of the client's certificate, which was verified: printable ASCII. Without the fingerprint
    // there is none, and the two fields are not written.
    struct slice certificate_subject;
    struct slice certificate_fingerprint;
    struct slice path;                    // what the server is asked for; empty: request->path
    const struct config_changes *changes; // NULL: none
};

// Request for a server, always HTTP/1.1 with a persistent connection. Host is request->authority
// (or `default_host` when the client sent none). X-Forwarded-For, -Proto, -Host and Forwarded are
// ours; what the client sent in them is dropped, unless it is a trusted proxy: see
// http/forwarded.h. X-TLS-Facts and X-Client-Certificate-* are ours alone, and Client-Cert and
// Client-Cert-Chain (RFC 9440), which say the same elsewhere, are dropped: whoever the client is,
// it cannot forge them. Fields that `changes` names are dropped, those it sets are written at the
// end. Content-Length or Transfer-Encoding: chunked follow request->framing (a Content-Length: 0
// the client sent is passed on). Upgrade is passed on when request->upgrade. Expect: 100-continue
// is passed on when request->expects_continue. Trailer is passed on with a chunked body.
size_t http_encode_request(const struct http_request *request,
                           const struct http_forwarding *forwarding, struct slice default_host,
                           char *output, size_t capacity);

// How the answer is framed toward the client, which may speak HTTP/1.0 or ask to close; and what
// its site and route change in it (not in 1xx heads).
#define HTTP_SET_COOKIE_MAX 144 // the largest set_cookie

struct http_response_framing {
    uint8_t client_minor_version;
    bool close;         // write Connection: close
    bool write_chunked; // write Transfer-Encoding: chunked
    struct slice
        set_cookie;  // value of a Set-Cookie for a response that is not interim; empty: none
    uint32_t hsts_s; // Strict-Transport-Security, when nobody else sets it; 0: not
    const struct config_changes *changes; // NULL: none
};

// Response head for a client: always "HTTP/1.1 STATUS REASON", Connection: close or (for HTTP/1.0
// keep-alive) keep-alive where it is needed, Upgrade and Connection: upgrade for 101. Interim (1xx)
// heads carry no framing fields. Content-Length follows response->has_declared_length unless
// write_chunked. Date is added when the server sent none (`date`, an IMF-fixdate of 29 bytes), but
// not to 1xx.
size_t http_encode_response(const struct http_response *response,
                            const struct http_response_framing *framing, struct slice date,
                            char *output, size_t capacity);
// An upper bound on how much longer the encoded head can be than the received one, when at most 64
// field lines came without a space after their colon (each grows by the space) or with an LF alone
// at their end (each grows by the CR). Without that condition: two bytes more for each field. What
// `changes` sets comes on top: http_changes_size().
#define HTTP_RESPONSE_GROWTH_MAX (214 + HTTP_SET_COOKIE_MAX)
size_t http_changes_size(const struct config_changes *changes);

// The trailer section (fields and empty line), for a body that ends in "0\r\n" written by the
// caller.
size_t http_encode_trailers(const struct http_fields *fields, char *output, size_t capacity);

// The methods that this proxy forwards, as a field (others are forwarded too).
#define HTTP_ALLOW "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"

// A complete answer of our own: a small HTML page with the status and one sentence (no body bytes
// when `head_only` or 204). extra: further field lines, each with CRLF ("Location: ...\r\n"), or
// empty. Known statuses: 308 400 404 405 408 413 414 417 421 429 431 500 501 502 503 504 505;
// others get their number and "Error". A 405 lists in Allow what this proxy lets through (RFC 9110
// 15.5.6 wants one).
size_t http_encode_answer(uint16_t status, struct slice extra, bool close, bool head_only,
                          struct slice date, char *output, size_t capacity);

// The field of a redirect listener's 308: Location: https://host[:port]target. `port` 443 is left
// out. The host comes from the request and has been checked by the parser; without one (HTTP/1.0)
// there is nowhere to point to and 0 is returned. "*" becomes "/".
size_t http_encode_redirect(const struct http_request *request, uint16_t https_port, char *output,
                            size_t capacity);

// The reason phrase of a known status, else "Error".
const char *http_reason(uint16_t status);

#endif
