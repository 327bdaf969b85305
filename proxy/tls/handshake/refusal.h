// Reasons why a handshake is refused. Each has a counter in `ravelin status`, the alert for the
// client (RFC 8446 6), and a static text for the log.
#ifndef RAVELIN_TLS_HANDSHAKE_REFUSAL_H
#define RAVELIN_TLS_HANDSHAKE_REFUSAL_H

#include "base/result.h"
#include "tls/record/record.h"

#include <stdbool.h>

// Columns: name, alert, text. NO_ALERT: the client gets no alert.
#define REFUSAL_NO_ALERT ALERT_CLOSE_NOTIFY
#define REFUSALS(X)                                                                                \
    X(plain_http, REFUSAL_NO_ALERT, "plain HTTP on the TLS port")                                  \
    X(not_tls, ALERT_UNEXPECTED_MESSAGE, "not a TLS handshake")                                    \
    X(old_version, ALERT_PROTOCOL_VERSION, "no TLS 1.3 offered")                                   \
    X(no_suite, ALERT_HANDSHAKE_FAILURE, "no common cipher suite")                                 \
    X(no_group, ALERT_HANDSHAKE_FAILURE, "no common group")                                        \
    X(no_post_quantum, ALERT_HANDSHAKE_FAILURE, "no post-quantum group offered")                   \
    X(no_signature, ALERT_HANDSHAKE_FAILURE, "no common signature algorithm")                      \
    X(no_protocol, ALERT_NO_APPLICATION_PROTOCOL, "no common application protocol")                \
    X(unknown_name, ALERT_UNRECOGNIZED_NAME, "unknown server name")                                \
    X(no_parameters, ALERT_HANDSHAKE_FAILURE, "nothing in common")                                 \
    X(missing_extension, ALERT_MISSING_EXTENSION, "a mandatory extension is missing")              \
    X(malformed, ALERT_DECODE_ERROR, "malformed message")                                          \
    X(illegal, ALERT_ILLEGAL_PARAMETER, "a value that is not allowed")                             \
    X(unexpected, ALERT_UNEXPECTED_MESSAGE, "out of turn")                                         \
    X(oversized, ALERT_RECORD_OVERFLOW, "a record is too long")                                    \
    X(bad_record, ALERT_BAD_RECORD_MAC, "a record does not authenticate")                          \
    X(bad_proof, ALERT_DECRYPT_ERROR, "a signature or MAC of the client is not valid")             \
    X(bad_certificate, ALERT_BAD_CERTIFICATE, "the client's certificate is not accepted")          \
    X(client_alert, REFUSAL_NO_ALERT, "the client refused")                                        \
    X(client_left, REFUSAL_NO_ALERT, "the client closed the connection")                           \
    X(timeout, REFUSAL_NO_ALERT, "handshake timeout")                                              \
    X(signer, ALERT_INTERNAL_ERROR, "the signer refused")                                          \
    X(library, ALERT_HANDSHAKE_FAILURE, "wolfSSL refused")                                         \
    X(internal, ALERT_INTERNAL_ERROR, "internal error")

enum refusal_reason {
    REFUSAL_NONE,
#define REFUSAL_ENUM(name, alert, text) REFUSAL_##name,
    REFUSALS(REFUSAL_ENUM)
#undef REFUSAL_ENUM
        REFUSAL_COUNT,
};

struct refusal {
    enum refusal_reason reason; // REFUSAL_NONE: not refused
    uint8_t alert;              // REFUSAL_NO_ALERT: none
    const char *text;           // static
};

// Sets the reason and its alert. `text` NULL: the text of the reason. Does nothing if a refusal is
// set. Always returns RESULT_ERROR.
enum result refusal_set(struct refusal *refusal, enum refusal_reason reason,
                        const char *text) MUST_CHECK;
// The same with another alert.
enum result refusal_set_with(struct refusal *refusal, enum refusal_reason reason, uint8_t alert,
                             const char *text) MUST_CHECK;

// The text of a reason.
const char *refusal_text(enum refusal_reason reason);

#endif
