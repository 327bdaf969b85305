// Our own reading of a ClientHello, before the TLS library sees it (RFC 8446 4.1.2, 4.2; RFC 6066;
// RFC 7301): whether it is well-formed, what it offers, and whether that is enough. What is refused
// here gets exactly the alert RFC 8446 asks for, whatever the library would have said.
//
// hello.c reads, hello_check.c judges, hello_write.c writes it anew for the library, hello_text.c
// describes it. Bytes in, facts out: no I/O; the slices point into the message and are valid as
// long as it.
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
// Of the message: version, random, session id, cipher suites, compression methods, extensions, each
// as long as it can be.
#define HELLO_SIZE_MAX (2 + 32 + 1 + 32 + 2 + 65534 + 1 + 255 + 2 + 65535)
// What we speak inside, separated by commas; the first of the client's that is among them is used.
#define HELLO_PROTOCOLS "http/1.1,http/1.0"

// Their numbers.
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

// The extensions we look into, as bits of client_hello.present.
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
    struct slice start;         // what stands before the extensions
    struct slice random;        // 32 bytes
    struct slice session_id;    // at most 32
    struct slice cipher_suites; // the raw list, 2 bytes each
    struct slice compressions;
    struct slice extensions;        // all of them, raw
    struct slice versions;          // the raw list of supported versions, 2 bytes each
    struct slice groups;            // the raw list of supported groups, 2 bytes each
    struct slice key_shares;        // the raw list
    struct slice protocols;         // the raw list of ALPN
    struct slice signature_schemes; // the raw list
    uint32_t signatures;            // policy_signature bits
    struct slice server_name;       // as sent; empty: none that a host can have
    struct slice odd_name;          // as sent, any bytes: one that no host can have; empty: none
    struct slice psk_modes;         // the raw list
    bool offers_psk_dhe;            // psk_dhe_ke is among them
    struct slice status_request;    // the whole extension, as of pre_shared_key
    struct slice pre_shared_key;
};

static inline bool hello_has(const struct client_hello *hello, enum hello_extension extension) {
    return (hello->present >> extension & 1) != 0;
}

// Reads the message, without its 4-byte header. RESULT_ERROR: malformed, or no TLS 1.3 offered;
// `refusal` says which, and `hello` holds what was found until then.
enum result hello_parse(struct slice message, struct client_hello *hello,
                        struct refusal *refusal) MUST_CHECK;

// Whether a hello that was read keeps the rules that do not depend on us: mandatory extensions, key
// shares of the right groups and sizes.
enum result hello_check_rules(const struct client_hello *hello, struct refusal *refusal) MUST_CHECK;

// What we accept, for hello_check_offer().
struct hello_policy {
    const int *groups; // IANA numbers, in order of preference
    size_t group_count;
    bool post_quantum;  // all of them are post-quantum
    uint32_t signature; // policy_signature bit of the certificate
};
// Whether it offers enough. A hello with a PSK need not offer a signature algorithm of ours.
enum result hello_check_offer(const struct client_hello *hello, const struct hello_policy *policy,
                              struct refusal *refusal) MUST_CHECK;

bool hello_protocol_is_ours(struct slice protocol);

// The group that will be asked for when no share of ours came: the first of the policy's that the
// client supports; 0: none.
uint16_t hello_common_group(const struct client_hello *hello, const struct hello_policy *policy);
// True when it brings a share of a group of the policy.
bool hello_has_share(const struct client_hello *hello, const struct hello_policy *policy);

// Whether the hello that answers a HelloRetryRequest for `group` differs from the first only where
// it may (4.1.2).
enum result hello_check_second(const struct client_hello *first, const struct client_hello *second,
                               uint16_t group, struct refusal *refusal) MUST_CHECK;

// The hello as the TLS library gets it, with its header, for a hello that passed all checks. It
// says the same, in the one form that the library is known to take: the same random and session id,
// `name` (empty: none), our suites, groups, shares, signature algorithms and protocols in the
// client's order, an X25519 share masked and reduced (RFC 7748 5). `suite`: after a retry the one
// it named, which stays (4.1.4), and no PSK of another may change it; 0: all of ours. With
// `with_psk` the first 32 PSKs too, those that cannot be our tickets as placeholders; without it, a
// retry will be sent and its answer brings them. *binders_size: of the list of binders that ends
// it, with its length; 0: none. False: memory is short.
bool hello_write(const struct client_hello *hello, struct slice name, uint16_t suite, bool with_psk,
                 struct buffer *output, size_t *binders_size) MUST_CHECK;
// The same size of the client's own hello.
size_t hello_binders_size(const struct client_hello *hello);

// "versions TLS 1.2 TLS 1.1, groups X25519 P-256", for a log line: known names, other numbers in
// hexadecimal, GREASE left out, long lists cut. NUL-terminated.
#define HELLO_TEXT_SIZE 448
void hello_describe(const struct client_hello *hello, char text[HELLO_TEXT_SIZE]);

// RESULT_OK: the bytes are the beginning of an HTTP request. RESULT_AGAIN: they may become that.
// RESULT_EOF: they are something else.
enum result hello_is_http(const uint8_t *data, size_t size) MUST_CHECK;
// The same for a ClientHello as SSL 2.0 had it.
enum result hello_is_ssl2(const uint8_t *data, size_t size) MUST_CHECK;

#endif
