// Reads and checks a ClientHello before wolfSSL sees it (RFC 8446 4.1.2, 4.2; RFC 6066; RFC 7301):
// its form, its offer, and whether the offer satisfies the policy. A refusal has the alert that RFC
// 8446 requires.
//
// hello.c reads the message, hello_check.c checks it, hello_write.c writes another one for wolfSSL,
// and hello_text.c describes it. No I/O. The slices point into the message and are valid as long as
// it is.
#ifndef RAVELIN_TLS_HANDSHAKE_HELLO_H
#define RAVELIN_TLS_HANDSHAKE_HELLO_H

#include "base/buffer.h"
#include "base/result.h"
#include "base/slice.h"
#include "tls/handshake/refusal.h"
#include "tls/policy.h"

#include <stdbool.h>
#include <stdint.h>

#define HELLO_NAME_MAX 255
// Largest size of a message: version, random, session id, cipher suites, compression methods and
// extensions, each of its largest size.
#define HELLO_SIZE_MAX (2 + 32 + 1 + 32 + 2 + 65534 + 1 + 255 + 2 + 65535)
// The protocols that ALPN (RFC 7301) may choose, in order of preference. If there are none, the
// client's ALPN is ignored.
struct hello_protocols {
    const char *const *names;
    size_t count;
};

extern const struct hello_protocols hello_http1;
extern const struct hello_protocols hello_http2; // h2, then http/1.1

// The numbers of extensions (IANA).
enum hello_type {
    HELLO_TYPE_SERVER_NAME = 0,
    HELLO_TYPE_STATUS_REQUEST = 5,
    HELLO_TYPE_GROUPS = 10,
    HELLO_TYPE_SIGNATURES = 13,
    HELLO_TYPE_PROTOCOL_NAMES = 16,
    HELLO_TYPE_PADDING = 21,
    HELLO_TYPE_PRE_SHARED_KEY = 41,
    HELLO_TYPE_EARLY_DATA = 42,
    HELLO_TYPE_VERSIONS = 43,
    HELLO_TYPE_COOKIE = 44,
    HELLO_TYPE_PSK_MODES = 45,
    HELLO_TYPE_OID_FILTERS = 48,
    HELLO_TYPE_POST_HANDSHAKE_AUTH = 49,
    HELLO_TYPE_CERTIFICATE_SIGNATURES = 50,
    HELLO_TYPE_KEY_SHARES = 51,
    HELLO_TYPE_ENCRYPTED_CLIENT_HELLO = 0xfe0d,
};

// The extensions that Ravelin reads, as bits of client_hello.present.
enum hello_extension {
    HELLO_SERVER_NAME,
    HELLO_STATUS_REQUEST,
    HELLO_GROUPS,
    HELLO_SIGNATURES,
    HELLO_PROTOCOL_NAMES,
    HELLO_PRE_SHARED_KEY,
    HELLO_EARLY_DATA,
    HELLO_VERSIONS,
    HELLO_COOKIE,
    HELLO_PSK_MODES,
    HELLO_OID_FILTERS,
    HELLO_POST_HANDSHAKE_AUTH,
    HELLO_CERTIFICATE_SIGNATURES,
    HELLO_KEY_SHARES,
    HELLO_EXTENSION_COUNT,
};

struct client_hello {
    uint16_t legacy_version;
    bool offers_tls13;
    uint32_t present;           // 1 << hello_extension
    struct slice start;         // the part before the extensions
    struct slice random;        // 32 bytes
    struct slice session_id;    // at most 32
    struct slice cipher_suites; // the raw list, 2 bytes each
    struct slice compressions;
    struct slice extensions;        // all extensions, raw
    struct slice versions;          // the raw list of supported versions, 2 bytes each
    struct slice groups;            // the raw list of supported groups, 2 bytes each
    struct slice key_shares;        // the raw list of key shares
    struct slice protocols;         // the raw list of ALPN protocols
    struct slice signature_schemes; // the raw list of signature schemes
    uint32_t signatures;            // policy_signature bits
    struct slice server_name;       // host name as sent; empty: none
    struct slice odd_name;          // not a possible host name, any bytes; empty: none
    struct slice psk_modes;         // the raw list of PSK modes
    bool offers_psk_dhe;            // psk_modes has psk_dhe_ke
    struct slice status_request;    // the whole extension
    struct slice pre_shared_key;    // the whole extension
    struct hello_protocols wanted;  // for ALPN; hello_http1 unless the caller sets it
};

static inline bool hello_has(const struct client_hello *hello, enum hello_extension extension) {
    return (hello->present >> extension & 1) != 0;
}

// Reads a message, without its 4-byte header. RESULT_ERROR: the message is malformed or does not
// offer TLS 1.3; `refusal` has the reason, and `hello` has the parts that were read.
enum result hello_parse(struct slice message, struct client_hello *hello,
                        struct refusal *refusal) MUST_CHECK;

// Checks the rules that do not depend on the policy: mandatory extensions, groups and sizes of key
// shares. RESULT_ERROR: `refusal` is set.
enum result hello_check_rules(const struct client_hello *hello, struct refusal *refusal) MUST_CHECK;

// The requirements of a site, for hello_check_offer().
struct hello_policy {
    const int *groups; // IANA numbers, in order of preference
    size_t group_count;
    bool post_quantum;  // all groups are post-quantum
    uint32_t signature; // policy_signature bit of the certificate
};
// RESULT_OK: the offer satisfies the policy. A hello with a PSK may be without a signature
// algorithm of the policy. RESULT_ERROR: `refusal` is set.
enum result hello_check_offer(const struct client_hello *hello, const struct hello_policy *policy,
                              struct refusal *refusal) MUST_CHECK;

// The protocol that ALPN chooses: the first one that is wanted and offered. Empty: there is none.
struct slice hello_protocol(const struct client_hello *hello);

// The first group of the policy that the client supports, for a HelloRetryRequest. 0: none.
uint16_t hello_common_group(const struct client_hello *hello, const struct hello_policy *policy);
// True if the hello has a key share of a group of the policy.
bool hello_has_share(const struct client_hello *hello, const struct hello_policy *policy);

// RESULT_OK: the second hello, after a HelloRetryRequest for `group`, differs from the first only
// as RFC 8446 4.1.2 allows. RESULT_ERROR: `refusal` is set.
enum result hello_check_second(const struct client_hello *first, const struct client_hello *second,
                               uint16_t group, struct refusal *refusal) MUST_CHECK;

// Writes the hello for wolfSSL, with its header. It has the meaning of the client's hello, in a
// form that wolfSSL accepts: the same random and session id; the suites, groups, shares, signature
// algorithms and protocols of the policy, in the client's order; an X25519 share masked and reduced
// (RFC 7748 5).
//   hello         passed all checks
//   name          server name; empty: none
//   suite         after a HelloRetryRequest the suite in it, which must stay (4.1.4); 0: all suites
//                 of the policy
//   with_psk      also writes the first 32 PSKs; those that cannot be tickets of Ravelin are
//                 placeholders. False if a HelloRetryRequest will follow
//   output        out
//   binders_size  out: bytes of the list of binders at the end, with its length; 0: none
//   false         memory is short
bool hello_write(const struct client_hello *hello, struct slice name, uint16_t suite, bool with_psk,
                 struct buffer *output, size_t *binders_size) MUST_CHECK;
// The size of the list of binders in the client's own hello, with its length; 0: none.
size_t hello_binders_size(const struct client_hello *hello);

// Describes the offer for a log line: "versions TLS 1.2 TLS 1.1, groups X25519 P-256". Unknown
// numbers are hexadecimal, GREASE is omitted, long lists are cut. NUL-terminated.
#define HELLO_TEXT_SIZE 448
void hello_describe(const struct client_hello *hello, char text[HELLO_TEXT_SIZE]);

// RESULT_OK: the bytes are the beginning of an HTTP request. RESULT_AGAIN: too few bytes to tell.
// RESULT_EOF: they are not.
enum result hello_is_http(const uint8_t *data, size_t size) MUST_CHECK;
// The same for a CLIENT-HELLO of SSL 2.0.
enum result hello_is_ssl2(const uint8_t *data, size_t size) MUST_CHECK;

#endif
