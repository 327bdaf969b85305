#include "http/header.h"

#include "http/bytes.h"

struct known_field {
    struct slice name; // usual spelling
    enum http_field_id id;
};

// Length and first letter distinguish all known names. Two names in one slot would not compile
// (-Woverride-init).
#define SLOT_COUNT 256
#define SLOT(first, size) (((first) + (size)*14) % SLOT_COUNT)
#define KNOWN(first, text, field)                                                                  \
    [SLOT(first, sizeof(text) - 1)] = {{text, sizeof(text) - 1}, field}

static const struct known_field known_fields[SLOT_COUNT] = {
    KNOWN('a', "Authorization", FIELD_AUTHORIZATION),
    KNOWN('c', "Client-Cert", FIELD_CLIENT_CERT),
    KNOWN('c', "Client-Cert-Chain", FIELD_CLIENT_CERT_CHAIN),
    KNOWN('c', "Connection", FIELD_CONNECTION),
    KNOWN('c', "Content-Length", FIELD_CONTENT_LENGTH),
    KNOWN('c', "Content-Type", FIELD_CONTENT_TYPE),
    KNOWN('d', "Date", FIELD_DATE),
    KNOWN('d', "Destination", FIELD_DESTINATION),
    KNOWN('e', "Expect", FIELD_EXPECT),
    KNOWN('f', "Forwarded", FIELD_FORWARDED),
    KNOWN('h', "Host", FIELD_HOST),
    KNOWN('h', "HTTP2-Settings", FIELD_HTTP2_SETTINGS),
    KNOWN('i', "If", FIELD_IF),
    KNOWN('k', "Keep-Alive", FIELD_KEEP_ALIVE),
    KNOWN('m', "Max-Forwards", FIELD_MAX_FORWARDS),
    KNOWN('o', "Origin", FIELD_ORIGIN),
    KNOWN('p', "Persistent-Auth", FIELD_PERSISTENT_AUTH),
    KNOWN('p', "Proxy", FIELD_PROXY),
    KNOWN('p', "Proxy-Authenticate", FIELD_PROXY_AUTHENTICATE),
    KNOWN('p', "Proxy-Authentication-Info", FIELD_PROXY_AUTHENTICATION_INFO),
    KNOWN('p', "Proxy-Authorization", FIELD_PROXY_AUTHORIZATION),
    KNOWN('p', "Proxy-Connection", FIELD_PROXY_CONNECTION),
    KNOWN('r', "Referer", FIELD_REFERER),
    KNOWN('s', "Server", FIELD_SERVER),
    KNOWN('t', "TE", FIELD_TE),
    KNOWN('t', "Trailer", FIELD_TRAILER),
    KNOWN('t', "Transfer-Encoding", FIELD_TRANSFER_ENCODING),
    KNOWN('u', "Upgrade", FIELD_UPGRADE),
    KNOWN('u', "User-Agent", FIELD_USER_AGENT),
    KNOWN('w', "WWW-Authenticate", FIELD_WWW_AUTHENTICATE),
    KNOWN('x', "X-Client-Certificate-Fingerprint", FIELD_X_CLIENT_CERTIFICATE_FINGERPRINT),
    KNOWN('x', "X-Client-Certificate-Subject", FIELD_X_CLIENT_CERTIFICATE_SUBJECT),
    KNOWN('x', "X-Forwarded-For", FIELD_X_FORWARDED_FOR),
    KNOWN('x', "X-Forwarded-Host", FIELD_X_FORWARDED_HOST),
    KNOWN('x', "X-Forwarded-Proto", FIELD_X_FORWARDED_PROTO),
    KNOWN('x', "X-TLS-Facts", FIELD_X_TLS_FACTS),
    KNOWN('x', "X-Real-IP", FIELD_X_REAL_IP),
    KNOWN('x', "X-Request-Id", FIELD_X_REQUEST_ID),
};

static bool is_sign(char byte) {
    char lower = ascii_lower(byte);
    return !(lower >= 'a' && lower <= 'z') && !(byte >= '0' && byte <= '9');
}

// Whether a gateway reads two bytes of names as equal: letters in any case, and signs as each
// other.
static bool looks_like(char byte, char wanted) {
    return ascii_lower(byte) == ascii_lower(wanted) || (wanted == '-' && is_sign(byte));
}

// Called if the name does not have its usual spelling.
static __attribute__((noinline)) enum http_field_id compare(struct slice name,
                                                            const struct known_field *known) {
    bool exact = true;
    for (size_t i = 0; i < name.size; i++) {
        char wanted = known->name.data[i];
        if (!looks_like(name.data[i], wanted)) {
            return FIELD_OTHER;
        }
        exact = exact && ascii_lower(name.data[i]) == ascii_lower(wanted);
    }
    return exact ? known->id : FIELD_LOOKALIKE;
}

bool http_name_resembles(struct slice name, struct slice wanted) {
    bool alike = name.size == wanted.size;
    for (size_t i = 0; i < wanted.size && alike; i++) {
        alike = looks_like(name.data[i], is_sign(wanted.data[i]) ? '-' : wanted.data[i]);
    }
    return alike;
}

static __attribute__((noinline)) bool begins_like(struct slice name, struct slice prefix) {
    size_t i = 0;
    while (i < prefix.size && i < name.size && looks_like(name.data[i], prefix.data[i])) {
        i++;
    }
    return i == prefix.size;
}

enum http_field_id http_field_lookup(struct slice name) {
    if (name.size == 0) {
        return FIELD_OTHER;
    }
    size_t first = (uint8_t)ascii_lower(name.data[0]);
    const struct known_field *known = &known_fields[SLOT(first, name.size)];
    if (slice_equal(name, known->name)) {
        return known->id;
    }
    enum http_field_id id = known->name.size == name.size ? compare(name, known) : FIELD_OTHER;
    return id == FIELD_OTHER && first == 'x' && begins_like(name, SLICE("x-forwarded-"))
               ? FIELD_X_FORWARDED_OTHER
               : id;
}

const struct http_field *http_fields_find(const struct http_fields *fields, enum http_field_id id) {
    for (uint32_t i = 0; i < fields->count; i++) {
        if (fields->items[i].id == id) {
            return &fields->items[i];
        }
    }
    return NULL;
}

static bool is_one_of(struct slice name, const struct slice *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (slice_equal_nocase(name, names[i])) {
            return true;
        }
    }
    return false;
}

#define NAME(text)                                                                                 \
    { text, sizeof(text) - 1 }
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

bool http_field_is_end_to_end(struct slice name) {
    static const struct slice names[] = {
        NAME("accept"),
        NAME("accept-encoding"),
        NAME("authorization"),
        NAME("cache-control"),
        NAME("client-cert"),
        NAME("client-cert-chain"),
        NAME("content-encoding"),
        NAME("content-length"),
        NAME("content-location"),
        NAME("content-range"),
        NAME("content-type"),
        NAME("cookie"),
        NAME("date"),
        NAME("expect"),
        NAME("forwarded"),
        NAME("host"),
        NAME("location"),
        NAME("max-forwards"),
        NAME("origin"),
        NAME("range"),
        NAME("set-cookie"),
        NAME("strict-transport-security"),
        NAME("transfer-encoding"),
        NAME("vary"),
        NAME("via"),
        NAME("www-authenticate"),
        NAME("x-client-certificate-fingerprint"),
        NAME("x-client-certificate-subject"),
        NAME("x-tls-facts"),
    };
    const uint64_t forwarding = FIELD_BIT(FIELD_X_FORWARDED_FOR) |
                                FIELD_BIT(FIELD_X_FORWARDED_HOST) |
                                FIELD_BIT(FIELD_X_FORWARDED_OTHER) |
                                FIELD_BIT(FIELD_X_FORWARDED_PROTO) | FIELD_BIT(FIELD_X_REAL_IP);
    return (forwarding & FIELD_BIT(http_field_lookup(name))) != 0 ||
           is_one_of(name, names, COUNT_OF(names));
}

static const struct slice barred_names[] = {
    NAME("age"),
    NAME("cache-control"),
    NAME("content-disposition"),
    NAME("content-encoding"),
    NAME("content-language"),
    NAME("content-location"),
    NAME("content-range"),
    NAME("cookie"),
    NAME("cookie2"),
    NAME("expires"),
    NAME("location"),
    NAME("pragma"),
    NAME("range"),
    NAME("refresh"),
    NAME("remote-user"),
    NAME("retry-after"),
    NAME("set-cookie"),
    NAME("set-cookie2"),
    NAME("strict-transport-security"),
    NAME("true-client-ip"),
    NAME("vary"),
    NAME("via"),
    NAME("warning"),
    NAME("www-authenticate"),
    NAME("x-host"),
    NAME("x-method-override"),
    NAME("x-rewrite-url"),
    NAME("x-sendfile"),
};

static const struct slice barred_prefixes[] = {
    NAME("access-control-"),
    NAME("client-"),
    NAME("content-security-"),
    NAME("if-"),
    NAME("proxy-"),
    NAME("sec-"),
    NAME("ssl-"),
    NAME("tls-"),
    NAME("x-accel-"),
    NAME("x-client-"),
    NAME("x-forwarded-"),
    NAME("x-http-method"),
    NAME("x-original-"),
    NAME("x-remote-"),
    NAME("x-ssl-"),
    NAME("x-tls-"),
};

bool http_field_is_barred_from_trailers(struct slice name) {
    // Known fields are about framing, routing or the connection, except for these.
    const uint64_t harmless = FIELD_BIT(FIELD_OTHER) | FIELD_BIT(FIELD_REFERER) |
                              FIELD_BIT(FIELD_SERVER) | FIELD_BIT(FIELD_USER_AGENT);
    bool barred = (harmless & FIELD_BIT(http_field_lookup(name))) == 0;
    for (size_t i = 0; i < COUNT_OF(barred_names); i++) {
        barred =
            barred || (name.size == barred_names[i].size && begins_like(name, barred_names[i]));
    }
    for (size_t i = 0; i < COUNT_OF(barred_prefixes); i++) {
        barred = barred || begins_like(name, barred_prefixes[i]);
    }
    return barred;
}

static bool is_space(char byte) {
    return byte == ' ' || byte == '\t';
}

bool http_list_each(struct slice value, bool (*element)(struct slice item, void *context),
                    void *context) {
    const char *at = value.data;
    const char *end = at + value.size;
    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma == NULL ? end : comma;
        const char *next = comma == NULL ? end : comma + 1;
        while (at < stop && is_space(*at)) {
            at++;
        }
        while (at < stop && is_space(stop[-1])) {
            stop--;
        }
        if (at < stop && !element((struct slice){at, (size_t)(stop - at)}, context)) {
            return false;
        }
        at = next;
    }
    return true;
}

static bool is_other_challenge(struct slice challenge, void *context) {
    (void)context;
    return !slice_begins_nocase(challenge, SLICE("ntlm")) &&
           !slice_begins_nocase(challenge, SLICE("nego"));
}

bool http_authenticates_connection(struct slice value) {
    return !http_list_each(value, is_other_challenge, NULL);
}

bool http_is_token(struct slice text) {
    for (size_t i = 0; i < text.size; i++) {
        if (!http_byte_is(text.data[i], BYTE_TOKEN)) {
            return false;
        }
    }
    return text.size > 0;
}
