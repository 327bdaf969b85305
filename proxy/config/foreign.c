#include "config/foreign.h"

#include "base/slice.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum reason {
    VERSIONS,
    SUITES,
    GROUPS,
    DH,
    SIGNATURES,
    ORDER,
    TICKET_KEYS,
    TICKETS,
    CACHE,
    EARLY_DATA,
    SECRETS,
    RENEGOTIATION,
    COMPRESSION,
    PASSPHRASE,
    PSK,
    LEVELS,
    RANDOMNESS,
    SERVERS,
    PLAIN,
    LENIENT,
    RIGHTS,
    REASON_COUNT,
};

static const char reasons[REASON_COUNT][FOREIGN_REASON_MAX] = {
    [VERSIONS] = "there is nothing weaker than TLS 1.3 to choose",
    [SUITES] = "the three suites are AEAD with forward secrecy, and not a choice",
    [GROUPS] = "the groups are not a choice, but require-post-quantum narrows them",
    [DH] = "no key exchange here takes Diffie-Hellman parameters",
    [SIGNATURES] = "the signature schemes follow from the certificates, and none is weak",
    [ORDER] = "the order of preference is fixed, strongest first",
    [TICKET_KEYS] = "ticket keys are made in memory and in no file; see ticket-lifetime",
    [TICKETS] = "ticket-lifetime in tls rules session tickets; 0 issues none",
    [CACHE] = "there is no session cache, only tickets; see ticket-lifetime",
    [EARLY_DATA] = "there is no 0-RTT, because early data can be replayed",
    [SECRETS] = "nothing here writes a secret out",
    [RENEGOTIATION] = "TLS 1.3 has no renegotiation",
    [COMPRESSION] = "TLS 1.3 has no compression, because sizes would tell secrets",
    [PASSPHRASE] = "a key file has no passphrase; its owner and mode protect it",
    [PSK] = "there are no pre-shared keys but those of session tickets",
    [LEVELS] = "there is no security level and no library switch to turn down",
    [RANDOMNESS] = "randomness comes from the system and from nowhere else",
    [SERVERS] = "servers are spoken to in plain text, so there is no TLS to set up",
    [PLAIN] = "content is served over TLS only; 'protocol = redirect' answers plain HTTP",
    [LENIENT] = "a message has one reading or is refused; no option makes that lenient",
    [RIGHTS] = "no process keeps rights, dumps its memory or leaves its sandbox",
};

static const struct {
    const char *name;
    enum reason reason;
} names[] = {
    {"ssl-protocols", VERSIONS},
    {"ssl-protocol", VERSIONS},
    {"protocols", VERSIONS},
    {"tls-protos", VERSIONS},
    {"ssl-min-ver", VERSIONS},
    {"ssl-max-ver", VERSIONS},
    {"ssl-version", VERSIONS},
    {"ssl-version-min", VERSIONS},
    {"ssl-version-max", VERSIONS},
    {"tls-version", VERSIONS},
    {"min-version", VERSIONS},
    {"max-version", VERSIONS},
    {"tls-minimum-protocol-version", VERSIONS},
    {"tls-maximum-protocol-version", VERSIONS},
    {"sslv2", VERSIONS},
    {"sslv3", VERSIONS},
    {"tlsv1", VERSIONS},
    {"tlsv10", VERSIONS},
    {"tlsv11", VERSIONS},
    {"tlsv12", VERSIONS},
    {"no-tlsv13", VERSIONS},
    {"force-sslv3", VERSIONS},
    {"force-tlsv10", VERSIONS},
    {"force-tlsv11", VERSIONS},
    {"force-tlsv12", VERSIONS},
    {"ssl-ciphers", SUITES},
    {"ssl-cipher-suite", SUITES},
    {"ssl-default-bind-ciphers", SUITES},
    {"ssl-default-bind-ciphersuites", SUITES},
    {"ciphers", SUITES},
    {"ciphersuites", SUITES},
    {"cipher-list", SUITES},
    {"ssl-ecdh-curve", GROUPS},
    {"ssl-default-bind-curves", GROUPS},
    {"ecdh-curves", GROUPS},
    {"ecdhe", GROUPS},
    {"curve", GROUPS},
    {"curves", GROUPS},
    {"curve-preferences", GROUPS},
    {"groups", GROUPS},
    {"ssl-dhparam", DH},
    {"ssl-dh-param-file", DH},
    {"tune-ssl-default-dh-param", DH},
    {"dhparam", DH},
    {"sigalgs", SIGNATURES},
    {"ssl-default-bind-sigalgs", SIGNATURES},
    {"signature-algorithms", SIGNATURES},
    {"ssl-prefer-server-ciphers", ORDER},
    {"prefer-server-ciphers", ORDER},
    {"prefer-client-ciphers", ORDER},
    {"prefer-server-cipher-suites", ORDER},
    {"ssl-honor-cipher-order", ORDER},
    {"ssl-session-ticket-key", TICKET_KEYS},
    {"ssl-session-ticket-key-file", TICKET_KEYS},
    {"session-ticket-keys", TICKET_KEYS},
    {"tls-ticket-keys", TICKET_KEYS},
    {"ticket-key-secret", TICKET_KEYS},
    {"ticket-mac-secret", TICKET_KEYS},
    {"ssl-session-tickets", TICKETS},
    {"session-tickets", TICKETS},
    {"no-tls-tickets", TICKETS},
    {"ssl-session-timeout", TICKETS},
    {"ssl-session-cache", CACHE},
    {"session-cache", CACHE},
    {"shared-cache", CACHE},
    {"tune-ssl-cachesize", CACHE},
    {"ssl-early-data", EARLY_DATA},
    {"early-data", EARLY_DATA},
    {"max-early-data", EARLY_DATA},
    {"allow-0rtt", EARLY_DATA},
    {"keylog", SECRETS},
    {"key-log", SECRETS},
    {"ssl-key-log", SECRETS},
    {"keylog-file", SECRETS},
    {"tune-ssl-keylog", SECRETS},
    {"insecure-secrets-log", SECRETS},
    {"renegotiation", RENEGOTIATION},
    {"allow-renegotiation", RENEGOTIATION},
    {"ssl-insecure-renegotiation", RENEGOTIATION},
    {"allow-unsafe-legacy-renegotiation", RENEGOTIATION},
    {"compression", COMPRESSION},
    {"ssl-compression", COMPRESSION},
    {"ssl-password-file", PASSPHRASE},
    {"ssl-pass-phrase-dialog", PASSPHRASE},
    {"passphrase", PASSPHRASE},
    {"password", PASSPHRASE},
    {"psk", PSK},
    {"psk-identity", PSK},
    {"psk-secrets", PSK},
    {"security-level", LEVELS},
    {"seclevel", LEVELS},
    {"ssl-conf-command", LEVELS},
    {"ssl-openssl-conf-cmd", LEVELS},
    {"ssl-engine", LEVELS},
    {"ssl-default-bind-options", LEVELS},
    {"ssl-options", LEVELS},
    {"ssl-random-seed", RANDOMNESS},
    {"rnd-file", RANDOMNESS},
    {"egd", RANDOMNESS},
    {"proxy-ssl-verify", SERVERS},
    {"proxy-ssl-protocols", SERVERS},
    {"proxy-ssl-ciphers", SERVERS},
    {"ssl-server-verify", SERVERS},
    {"ssl-proxy-verify", SERVERS},
    {"insecure-skip-verify", SERVERS},
    {"tls-insecure-skip-verify", SERVERS},
    {"ssl", PLAIN},
    {"auto-https", PLAIN},
    {"http", PLAIN},
    {"http-port", PLAIN},
    {"accept-invalid-http-request", LENIENT},
    {"accept-invalid-http-response", LENIENT},
    {"accept-unsafe-violations-in-http-request", LENIENT},
    {"accept-unsafe-violations-in-http-response", LENIENT},
    {"http-protocol-options", LENIENT},
    {"ignore-invalid-headers", LENIENT},
    {"underscores-in-headers", LENIENT},
    {"merge-slashes", LENIENT},
    {"allow-chunked-length", LENIENT},
    {"lenient", LENIENT},
    {"insecure-fork-wanted", RIGHTS},
    {"insecure-setuid-wanted", RIGHTS},
    {"no-sandbox", RIGHTS},
    {"sandbox", RIGHTS},
    {"set-dumpable", RIGHTS},
    {"core-dumps", RIGHTS},
    {"worker-rlimit-core", RIGHTS},
};

static const char *skip_separators(const char *text) {
    while (*text == '-' || *text == '_' || *text == '.') {
        text++;
    }
    return text;
}

static bool is_same(const char *known, const char *name) {
    for (;; known++, name++) {
        known = skip_separators(known);
        name = skip_separators(name);
        if (*known != ascii_lower(*name)) {
            return false;
        }
        if (*known == '\0') {
            return true;
        }
    }
}

const char *foreign_reason(const char *name) {
    for (size_t i = 0; i < COUNT(names); i++) {
        if (is_same(names[i].name, name)) {
            return reasons[names[i].reason];
        }
    }
    return NULL;
}

const char *foreign_name_at(size_t index) {
    return index < COUNT(names) ? names[index].name : NULL;
}
