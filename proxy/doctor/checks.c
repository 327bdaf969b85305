#include "doctor/checks.h"

#include <stdarg.h>
#include <stdio.h>

// The checks, in the order of the report.
const struct check CHECKS[] = {
    {"ssl2", "SSL 2.0 is refused", "offered SSL 2.0 with its seven ciphers",
     "it is broken, and where it is spoken TLS with the same key can be decrypted (DROWN)",
     NEED_TLS, check_ssl2},
    {"ssl2-format", "A hello in the format of SSL 2.0 is refused",
     "offered TLS 1.2 in an SSL 2.0 CLIENT-HELLO",
     "the format has no room for extensions, so what it leads to is an older version (RFC 8446 "
     "D.5)",
     NEED_TLS, check_ssl2_format},
    {"ssl3", "SSL 3.0 is refused", "offered nothing newer than SSL 3.0",
     "its encryption can be undone byte by byte (POODLE)", NEED_TLS, check_ssl3},
    {"tls1.0", "TLS 1.0 is refused", "offered nothing newer than TLS 1.0",
     "it needs MD5 and SHA-1 and is withdrawn (RFC 8996)", NEED_TLS, check_tls10},
    {"tls1.1", "TLS 1.1 is refused", "offered nothing newer than TLS 1.1",
     "it needs MD5 and SHA-1 and is withdrawn (RFC 8996)", NEED_TLS, check_tls11},
    {"tls1.2", "TLS 1.2 is refused", "offered nothing newer than TLS 1.2, with every suite",
     "it sends the certificate in the clear and allows weak suites and signatures, which an "
     "attacker who makes a client fall back to it can choose",
     NEED_TLS, check_tls12},
    {"tls1.3", "TLS 1.3 is spoken", "offered TLS 1.3 with all that is good in it",
     "it is the version without weak parts", NEED_NOTHING, check_tls13},
    {"fallback", "A fall-back is noticed",
     "offered an older version and said that it is a second try (TLS_FALLBACK_SCSV)",
     "an attacker on the path may have made the first one fail (RFC 7507)", NEED_TLS,
     check_fallback},
    {"downgrade-mark", "A downgrade is marked",
     "offered an older version and looked for the mark of TLS 1.3 in the random number",
     "by this mark clients detect an attacker who removed TLS 1.3 from their offer (RFC 8446 "
     "4.1.3)",
     NEED_TLS, check_downgrade_mark},

    {"export", "Export suites are refused", "offered suites with keys of 40 bits only",
     "such keys are found in seconds (FREAK, Logjam)", NEED_TLS, check_export},
    {"null", "Suites without encryption are refused", "offered suites without encryption only",
     "an attacker on the path can read what is sent", NEED_TLS, check_null},
    {"anonymous", "Anonymous suites are refused", "offered suites without a certificate only",
     "an attacker on the path can pass for the server", NEED_TLS, check_anonymous},
    {"rc4", "RC4 is refused", "offered suites with RC4 only",
     "its key stream is biased, and cookies can be read from it (RFC 7465)", NEED_TLS, check_rc4},
    {"3des", "DES and triple DES are refused", "offered suites with DES or triple DES only",
     "its blocks are so small that they repeat, and with them the plaintext shows (Sweet32)",
     NEED_TLS, check_des},
    {"cbc", "CBC suites are refused", "offered suites with CBC only",
     "padding and MAC in the wrong order are a source of oracles (Lucky Thirteen)", NEED_TLS,
     check_cbc},
    {"static-keys", "Suites without forward secrecy are refused",
     "offered suites that exchange keys with RSA or a fixed key only",
     "who gets the private key later can read everything recorded before", NEED_TLS,
     check_static_keys},
    {"tls1.3-suites", "Weak suites of TLS 1.3 are refused",
     "offered TLS_SHA256_SHA256, TLS_SHA384_SHA384 and TLS_AES_128_CCM_8_SHA256 only",
     "the first two do not encrypt, the third has tags of eight bytes", NEED_TLS,
     check_tls13_suites},

    {"weak-groups", "Weak groups are refused", "offered groups up to 224 bits or binary ones only",
     "discrete logarithms in them are in reach, or nobody vouches for them any more", NEED_TLS,
     check_weak_groups},
    {"unknown-groups", "Unknown groups are refused", "offered groups that nobody knows only",
     "the only right answer is handshake_failure", NEED_TLS, check_unknown_groups},
    {"finite-fields", "Finite-field groups are not used",
     "offered Diffie-Hellman in finite fields only",
     "primes of 1024 bits are broken, and large ones let a client cost the server much for "
     "little (D(HE)at)",
     NEED_TLS, check_finite_fields},
    {"secp521r1", "P-521 is not used", "offered P-521 only",
     "it is strong, but slow, and lets a client cost the server much for little", NEED_TLS,
     check_secp521r1},
    {"post-quantum", "A post-quantum group is taken", "offered hybrid groups with ML-KEM only",
     "what is recorded today can be decrypted once there are quantum computers", NEED_TLS13,
     check_post_quantum},
    {"weak-signatures", "SHA-1 and PKCS #1 v1.5 signatures are refused",
     "offered handshake signatures with SHA-1 or PKCS #1 v1.5 only",
     "an attacker who finds a collision can sign for the server", NEED_TLS, check_weak_signatures},

    {"compression", "Compression is refused", "offered DEFLATE before no compression",
     "the size of what is compressed tells secrets in it (CRIME)", NEED_TLS, check_compression},
    {"renegotiation", "Renegotiation is refused",
     "sent a ClientHello inside the finished connection",
     "it lets others put requests before a client's, and costs the server much for little",
     NEED_TLS, check_renegotiation},
    {"plain-http", "Plain HTTP is not served here", "sent an HTTP request without TLS",
     "whoever typed http:// must not get an answer that anybody can read and change", NEED_NOTHING,
     check_plain_http},
    {"close-notify", "The end is announced", "asked for Connection: close and read to the end",
     "without close_notify a client cannot tell the end from a cut", NEED_TLS13,
     check_close_notify},

    {"resumption", "Resumption is forward secret", "came back with a session ticket",
     "a ticket that works for long, or without a fresh key, is as good as a long-lived key",
     NEED_TLS13, check_resumption},
    {"psk-only", "Resumption without a key exchange is refused",
     "came back with a ticket and offered psk_ke only",
     "who gets the ticket key later can read the whole session", NEED_TLS13, check_psk_only},
    {"early-data", "Early data is not taken", "came back with a ticket and sent a request at once",
     "early data can be sent again by anybody who recorded it, and is not forward secret",
     NEED_TLS13, check_early_data},
    {"other-name", "A ticket counts for its own name only",
     "came back with a ticket under the name another-name.invalid",
     "else what one site demands of its clients can be passed by over another", NEED_TLS13,
     check_other_name},

    {"bare-lf", "Bare line feeds are refused", "sent a request with LF for CRLF",
     "who takes it and who does not see different requests", NEED_HTTP, check_bare_lf},
    {"length-and-chunks", "Content-Length beside Transfer-Encoding is refused",
     "sent a request with both", "readers that believe one or the other see different requests",
     NEED_HTTP, check_length_and_chunks},
    {"two-lengths", "Two Content-Length fields are refused",
     "sent a request with the lengths 0 and 00",
     "readers that believe the first or the last see different requests", NEED_HTTP,
     check_two_lengths},
    {"folding", "Folded fields are refused", "sent a request with a field over two lines",
     "readers that know this old form and those that do not see different fields (RFC 9112 5.2)",
     NEED_HTTP, check_folding},
    {"other-host", "Other hosts are not served", "asked for the host another-name.invalid",
     "the connection is for another name: what is answered can be put into caches and links",
     NEED_HTTP, check_other_host},

    {"http2-ping", "A flood of PING is ended", "sent 2,000 PING frames of HTTP/2",
     "the server makes an answer for each, which it must keep when the client does not read",
     NEED_HTTP2, check_http2_ping},
    {"http2-settings", "A flood of SETTINGS is ended", "sent 2,000 empty SETTINGS frames of HTTP/2",
     "the server makes an answer for each, which it must keep when the client does not read",
     NEED_HTTP2, check_http2_settings},
    {"http2-empty", "A flood of empty frames is ended",
     "sent a request of HTTP/2 with 2,000 empty DATA frames",
     "such frames cost the client next to nothing", NEED_HTTP2, check_http2_empty},
    {"http2-continuation", "An endless header is refused",
     "sent a request of HTTP/2 with 200 KiB of fields in CONTINUATION frames",
     "a server that gathers them runs out of memory (CVE-2024-27316 and others)", NEED_HTTP2,
     check_http2_continuation},
    {"http2-rapid-reset", "Rapid resets are ended",
     "sent 1,500 requests of HTTP/2 and canceled each at once",
     "the limit of streams does not bound them, so one client can keep a server busy "
     "(CVE-2023-44487)",
     NEED_HTTP2, check_http2_rapid_reset},
    {"http2-made-resets", "Resets that a client provokes are ended",
     "sent 1,500 requests of HTTP/2 and made the server reset each with a wrong frame",
     "the limit of streams does not bound them, so one client can keep a server busy "
     "(CVE-2025-8671)",
     NEED_HTTP2, check_http2_made_resets},
    {"http2-line-break", "Line breaks in fields of HTTP/2 are refused",
     "sent a request with CR and LF in the value of a field",
     "as HTTP/1.1 the rest of the value is another field, or another request", NEED_HTTP2,
     check_http2_line_break},
    {"http2-coding", "Transfer-Encoding in HTTP/2 is refused",
     "sent a request with Transfer-Encoding: chunked",
     "a server behind that believes it sees another end of the request (RFC 9113 8.2.2)",
     NEED_HTTP2, check_http2_coding},
    {"http2-length", "A malformed Content-Length in HTTP/2 is refused",
     "sent a request without a body and with the length +0",
     "readers that take it and readers that do not see different requests", NEED_HTTP2,
     check_http2_length},
    {"http2-path", "A blank in a path of HTTP/2 is refused",
     "sent a request with a blank in its path",
     "as HTTP/1.1 the path ends there, and what follows is read as something else", NEED_HTTP2,
     check_http2_path},
    {"http2-other-host", "Other hosts are not served over HTTP/2",
     "asked for the host another-name.invalid",
     "the right answer is 421: browsers use one connection for several names", NEED_HTTP2,
     check_http2_other_host},

    {"chain", "The certificate leads to a trusted authority",
     "followed the certificates that were sent", "else clients cannot know who they talk to",
     NEED_CERTIFICATE, check_chain},
    {"dates", "The certificates are valid now", "compared their dates with the clock",
     "clients refuse others, and revocations are kept up to that date only", NEED_CERTIFICATE,
     check_dates},
    {"name", "The certificate is for this name", "looked for the name in it",
     "else clients cannot know who they talk to", NEED_CERTIFICATE, check_name},
    {"key", "The keys are strong", "looked at the keys of the certificates",
     "RSA under 2048 bits and small curves are in reach", NEED_CERTIFICATE, check_key},
    {"certificate-signatures", "The certificates are signed with strong hashes",
     "looked at the signatures of the certificates",
     "with MD5 or SHA-1 an attacker can make another certificate with the same signature",
     NEED_CERTIFICATE, check_signatures},
    {"staple", "The stapled OCSP response is good", "asked for one and checked it",
     "a stale or wrong one makes clients refuse the certificate", NEED_CERTIFICATE, check_staple},
};
const size_t CHECK_COUNT = sizeof(CHECKS) / sizeof(CHECKS[0]);

void finding_set(struct finding *finding, enum outcome outcome, const char *came, ...) {
    va_list arguments;
    finding->outcome = outcome;
    va_start(arguments, came);
    (void)vsnprintf(finding->came, sizeof(finding->came), came, arguments);
    va_end(arguments);
}

void finding_refused(struct finding *finding, const struct answer *answer) {
    char text[ANSWER_TEXT_SIZE];
    answer_text(answer, text);
    switch (answer->kind) {
    case ANSWER_ALERT:
    case ANSWER_CLOSED:
    case ANSWER_RESET:
        finding_set(finding, OUTCOME_PASS, "refused: %s", text);
        return;
    case ANSWER_HTTP:
    case ANSWER_STRANGE:
        finding_set(finding, OUTCOME_PASS, "not taken: %s", text);
        return;
    case ANSWER_NONE:
        finding_set(finding, OUTCOME_WARN, "neither taken nor refused: %s", text);
        return;
    case ANSWER_LOST:
        finding_set(finding, OUTCOME_FAIL, "could not be checked: %s", text);
        return;
    case ANSWER_HELLO:
    case ANSWER_RETRY:
    case ANSWER_SSL2:
        finding_set(finding, OUTCOME_FAIL, "taken: %s", text);
        return;
    }
}

// False: a requirement of the check is missing, and the finding has it.
static bool has_need(const struct check *check, const struct audit *audit,
                     struct finding *finding) {
    enum check_need need = check->need;
    if (need == NEED_NOTHING) {
        return true;
    }
    if (!audit->speaks_tls) {
        finding_set(finding, OUTCOME_SKIP, "nothing here speaks TLS");
        return false;
    }
    if ((need == NEED_TLS13 || need == NEED_HTTP || need == NEED_HTTP2) && !audit->connected) {
        finding_set(finding, OUTCOME_SKIP,
                    "could not be checked: no TLS 1.3 handshake went through");
        return false;
    }
    if (need == NEED_HTTP && audit->http_status == 0) {
        finding_set(finding, OUTCOME_SKIP, "an ordinary request has no HTTP/1.1 answer: %s",
                    audit->first_text);
        return false;
    }
    if (need == NEED_HTTP2 && audit->http2_status == 0) {
        finding_set(finding, OUTCOME_SKIP,
                    audit->speaks_http2 ? "an ordinary request of HTTP/2 has no answer"
                                        : "HTTP/2 is not spoken");
        return false;
    }
    if (need == NEED_CERTIFICATE && audit->certificate_count == 0) {
        finding_set(finding, audit->certificate_is_bad ? OUTCOME_FAIL : OUTCOME_SKIP, "%s",
                    audit->certificate_is_bad ? "what was sent is no certificate"
                                              : "no certificate was sent");
        return false;
    }
    return true;
}

void check_run(const struct check *check, struct audit *audit, struct finding *finding) {
    if (audit_is_late(audit)) {
        finding_set(finding, OUTCOME_FAIL, "could not be checked: the audit took too long");
        return;
    }
    if (has_need(check, audit, finding)) {
        check->function(audit, finding);
    }
}
