// Field names, lists and tokens; authorities.
#include "http/target.h"
#include "http_cases.h"

static const struct {
    const char *name;
    enum http_field_id id;
} known[] = {
    {"Authorization", FIELD_AUTHORIZATION},
    {"Connection", FIELD_CONNECTION},
    {"Content-Length", FIELD_CONTENT_LENGTH},
    {"Content-Type", FIELD_CONTENT_TYPE},
    {"Date", FIELD_DATE},
    {"Destination", FIELD_DESTINATION},
    {"Expect", FIELD_EXPECT},
    {"Forwarded", FIELD_FORWARDED},
    {"Host", FIELD_HOST},
    {"HTTP2-Settings", FIELD_HTTP2_SETTINGS},
    {"If", FIELD_IF},
    {"Keep-Alive", FIELD_KEEP_ALIVE},
    {"Max-Forwards", FIELD_MAX_FORWARDS},
    {"Origin", FIELD_ORIGIN},
    {"Persistent-Auth", FIELD_PERSISTENT_AUTH},
    {"Proxy", FIELD_PROXY},
    {"Proxy-Authenticate", FIELD_PROXY_AUTHENTICATE},
    {"Proxy-Authentication-Info", FIELD_PROXY_AUTHENTICATION_INFO},
    {"Proxy-Authorization", FIELD_PROXY_AUTHORIZATION},
    {"Proxy-Connection", FIELD_PROXY_CONNECTION},
    {"Referer", FIELD_REFERER},
    {"Server", FIELD_SERVER},
    {"TE", FIELD_TE},
    {"Trailer", FIELD_TRAILER},
    {"Transfer-Encoding", FIELD_TRANSFER_ENCODING},
    {"Upgrade", FIELD_UPGRADE},
    {"User-Agent", FIELD_USER_AGENT},
    {"WWW-Authenticate", FIELD_WWW_AUTHENTICATE},
    {"X-Forwarded-For", FIELD_X_FORWARDED_FOR},
    {"X-Forwarded-Host", FIELD_X_FORWARDED_HOST},
    {"X-Forwarded-Proto", FIELD_X_FORWARDED_PROTO},
    {"X-TLS-Facts", FIELD_X_TLS_FACTS},
    {"X-Real-IP", FIELD_X_REAL_IP},
    {"X-Request-Id", FIELD_X_REQUEST_ID},
    {"Client-Cert", FIELD_CLIENT_CERT},
    {"Client-Cert-Chain", FIELD_CLIENT_CERT_CHAIN},
    {"X-Client-Certificate-Fingerprint", FIELD_X_CLIENT_CERTIFICATE_FINGERPRINT},
    {"X-Client-Certificate-Subject", FIELD_X_CLIENT_CERTIFICATE_SUBJECT},
};

#define KNOWN_COUNT (sizeof known / sizeof known[0])

// The name with `change` made to every letter or, if that is '_', to every '-'.
static struct slice variant(const char *name, int (*change)(int), char *buffer) {
    size_t size = strlen(name);
    for (size_t i = 0; i < size; i++) {
        buffer[i] = (char)change((unsigned char)name[i]);
    }
    return (struct slice){buffer, size};
}

static int to_upper(int c) {
    return c >= 'a' && c <= 'z' ? c - 32 : c;
}

static int to_lower(int c) {
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static int to_underscore(int c) {
    return c == '-' ? '_' : c;
}

static void knows_its_fields(void **state) {
    (void)state;
    assert_int_equal(KNOWN_COUNT,
                     FIELD_ID_COUNT - 3); // all but OTHER, X_FORWARDED_OTHER, LOOKALIKE
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        char buffer[64];
        struct slice name = slice_from(known[i].name);
        assert_int_equal(http_field_lookup(name), known[i].id);
        assert_int_equal(http_field_lookup(variant(known[i].name, to_upper, buffer)), known[i].id);
        assert_int_equal(http_field_lookup(variant(known[i].name, to_lower, buffer)), known[i].id);
        assert_int_equal(http_field_lookup(variant(known[i].name, to_underscore, buffer)),
                         memchr(name.data, '-', name.size) == NULL ? known[i].id : FIELD_LOOKALIKE);
    }
}

// What a name that is none of the known ones counts as.
static enum http_field_id near(const char *name) {
    return strncasecmp(name, "x-forwarded-", 12) == 0 ? FIELD_X_FORWARDED_OTHER : FIELD_OTHER;
}

// One byte changed anywhere, one left out or one added: another name.
static void knows_nothing_else(void **state) {
    (void)state;
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        struct slice name = slice_from(known[i].name);
        char buffer[64];
        for (size_t at = 0; at < name.size; at++) {
            for (int byte = 0; byte < 256; byte++) {
                memcpy(buffer, name.data, name.size);
                buffer[at] = (char)byte;
                bool same = to_lower(byte) == to_lower((unsigned char)name.data[at]);
                int lower = to_lower(byte);
                bool sign = !(lower >= 'a' && lower <= 'z') && !(byte >= '0' && byte <= '9');
                bool lookalike = name.data[at] == '-' && sign;
                assert_int_equal(http_field_lookup((struct slice){buffer, name.size}),
                                 same        ? known[i].id
                                 : lookalike ? FIELD_LOOKALIKE
                                             : near(buffer));
            }
        }
        assert_int_equal(http_field_lookup((struct slice){name.data + 1, name.size - 1}),
                         FIELD_OTHER);
        if (known[i].id != FIELD_TE) { // "T"
            assert_int_equal(http_field_lookup((struct slice){name.data, name.size - 1}),
                             near(name.data));
        }
        memcpy(buffer, name.data, name.size);
        buffer[name.size] = 's';
        assert_int_equal(http_field_lookup((struct slice){buffer, name.size + 1}), near(buffer));
    }
    assert_int_equal(http_field_lookup(SLICE("")), FIELD_OTHER);
    assert_int_equal(http_field_lookup(SLICE("X")), FIELD_OTHER);
    assert_int_equal(http_field_lookup(SLICE("Cookie")), FIELD_OTHER);
}

static void knows_all_that_tells_about_forwarding(void **state) {
    (void)state;
    static const char *const forwarding[] = {"X-Forwarded-Port", "x-forwarded-", "X_FORWARDED_SSL",
                                             "X.Forwarded~x", "X-Forwarded-Client-Cert"};
    for (size_t i = 0; i < sizeof forwarding / sizeof forwarding[0]; i++) {
        assert_int_equal(http_field_lookup(slice_from(forwarding[i])), FIELD_X_FORWARDED_OTHER);
    }
    assert_int_equal(http_field_lookup(SLICE("X-Forwarded")), FIELD_OTHER);
    assert_int_equal(http_field_lookup(SLICE("X-Forwarde-For")), FIELD_OTHER);
    assert_int_equal(http_field_lookup(SLICE("X_Real.IP")), FIELD_LOOKALIKE);
}

static void knows_what_is_no_trailer(void **state) {
    (void)state;
    static const char *const barred[] = {
        "Content-Length",
        "content_length",
        "Host",
        "Set-Cookie",
        "SET_COOKIE",
        "X-Forwarded-By",
        "Client-Cert",
        "SSL_CLIENT_S_DN",
        "x-ssl-verify",
        "If-Whatever",
        "Content-Type",
        "Authorization",
        "X.Real.IP",
        "Sec-WebSocket-Key",
        "X-Accel-Redirect",
        "Date",
        "Proxy-Status",
        "Trailer",
        "Max-Forwards",
        "Access-Control-Max-Age",
    };
    static const char *const fine[] = {"X-Checksum",    "Content-Digest", "Content-MD5", "ETag",
                                       "Server-Timing", "Grpc-Status",    "User-Agent",  "X-Sslish",
                                       "Iff",           "Last-Modified",  "Signature"};
    for (size_t i = 0; i < sizeof barred / sizeof barred[0]; i++) {
        assert_true(http_field_is_barred_from_trailers(slice_from(barred[i])));
    }
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++) {
        assert_false(http_field_is_barred_from_trailers(slice_from(fine[i])));
    }
}

static void finds_the_first(void **state) {
    (void)state;
    struct http_field items[] = {
        {SLICE("A"), SLICE("1"), FIELD_OTHER, false},
        {SLICE("Date"), SLICE("2"), FIELD_DATE, false},
        {SLICE("date"), SLICE("3"), FIELD_DATE, false},
    };
    struct http_fields fields = {items, 3, 3};
    assert_ptr_equal(http_fields_find(&fields, FIELD_DATE), &items[1]);
    assert_null(http_fields_find(&fields, FIELD_HOST));
}

static bool append(struct slice item, void *context) {
    char *text = context; // of 64 bytes
    size_t used = strlen(text);
    snprintf(text + used, 64 - used, "[%.*s]", (int)item.size, item.data);
    return !slice_equal(item, SLICE("stop"));
}

static void splits_lists(void **state) {
    (void)state;
    static const struct {
        const char *value;
        const char *items;
        bool all;
    } cases[] = {
        {"", "", true},
        {" ", "", true},
        {",", "", true},
        {", \t ,", "", true},
        {"a", "[a]", true},
        {" a\t", "[a]", true},
        {"a,b", "[a][b]", true},
        {" a , b c ,,\td,", "[a][b c][d]", true},
        {"a,stop,b", "[a][stop]", false},
        {"\"a,b\"", "[\"a][b\"]", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64] = "";
        struct slice value = copy_of(slice_from(cases[i].value));
        assert_int_equal(http_list_each(value, append, text), cases[i].all);
        assert_string_equal(text, cases[i].items);
        free((char *)value.data);
    }
}

static void knows_tokens(void **state) {
    (void)state;
    assert_true(http_is_token(SLICE("a")));
    assert_true(http_is_token(SLICE("!#$%&'*+-.^_`|~09azAZ")));
    assert_false(http_is_token(SLICE("")));
    assert_false(http_is_token(SLICE("a b")));
    assert_false(http_is_token(SLICE("a\0")));
    assert_false(http_is_token(SLICE("a\xe4")));
    for (const char *delimiter = "\"(),/:;<=>?@[\\]{}\t "; *delimiter != '\0'; delimiter++) {
        assert_false(http_is_token((struct slice){delimiter, 1}));
    }
}

static void knows_end_to_end_fields(void **state) {
    (void)state;
    static const char *const end_to_end[] = {
        "Host",
        "content-length",
        "TRANSFER-ENCODING",
        "Authorization",
        "Cookie",
        "Set-Cookie",
        "Content-Type",
        "Cache-Control",
        "Expect",
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Port",
        "X-Real-IP",
        "Range",
    };
    static const char *const other[] = {"close",          "keep-alive", "upgrade", "TE",  "Trailer",
                                        "HTTP2-Settings", "X-Foo",      "",        "Hos", "Hosts"};
    for (size_t i = 0; i < sizeof end_to_end / sizeof end_to_end[0]; i++) {
        assert_true(http_field_is_end_to_end(slice_from(end_to_end[i])));
    }
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        assert_false(http_field_is_end_to_end(slice_from(other[i])));
    }
}

static void knows_schemes_that_authenticate_connections(void **state) {
    (void)state;
    static const char *const connection[] = {
        "NTLM",
        "ntlm TlRMTVNTUAAB",
        "Negotiate",
        "nEGOTIATE YII=",
        "Nego2 x",
        "Basic realm=\"a\", NTLM",
        "Basic realm=\"a\" , Digest realm=\"b\", nonce=\"c\",\tNegotiate",
        ",, NTLM",
    };
    static const char *const request[] = {
        "",
        "Basic TlRMTQ==",
        "Basic realm=\"NTLM\"",
        "Bearer NTLM",
        "Digest username=\"ntlm\", nc=1",
        "NTL M",
        "NT,LM",
        "xNTLM",
    };
    for (size_t i = 0; i < sizeof connection / sizeof connection[0]; i++) {
        assert_true(http_authenticates_connection(slice_from(connection[i])));
    }
    for (size_t i = 0; i < sizeof request / sizeof request[0]; i++) {
        assert_false(http_authenticates_connection(slice_from(request[i])));
    }
}

static void parses_authorities(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *host;
        uint16_t port;
    } cases[] = {
        {"a", "a", 0},
        {"a:", "a", 0},
        {"a:1", "a", 1},
        {"a:65535", "a", 65535},
        {"[::]:443", "[::]", 443},
        {"[::1]", "[::1]", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_authority authority;
        assert_null(http_parse_authority(slice_from(cases[i].text), &authority));
        assert_slice(authority.host, cases[i].host);
        assert_int_equal(authority.port, cases[i].port);
    }
}

static void refuses_authorities(void **state) {
    (void)state;
    struct http_authority authority;
    assert_non_null(http_parse_authority(SLICE(""), &authority));
    assert_non_null(http_parse_authority(SLICE("[::1\0]"), &authority));
    assert_non_null(http_parse_authority(SLICE("a\0"), &authority));
    assert_non_null(http_parse_authority(SLICE("a:\0"), &authority));
    assert_non_null(http_parse_authority(SLICE("a@b"), &authority));
    assert_non_null(http_parse_authority(SLICE("."), &authority));
    assert_non_null(http_parse_authority(SLICE(".a"), &authority));
    assert_non_null(http_parse_authority(SLICE("a..b"), &authority));
    assert_non_null(http_parse_authority(SLICE("a..:1"), &authority));
    assert_null(http_parse_authority(SLICE("a.b.:1"), &authority));
}

static void parses_references(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *host; // NULL: none
        const char *path;
        size_t path_size;
    } good[] = {
        {"/", NULL, "/", 1},
        {"/a/b?c?d", NULL, "/a/b?c?d", 4},
        {"/a%2Fb", NULL, "/a%2Fb", 6},
        {"//a/b", NULL, "//a/b", 5},
        {"http://a", "a", "/", 1},
        {"https://A.b:443/c?%\xff", "A.b", "/c?%\xff", 2},
        {"hTTps://[::1]:80/", "[::1]", "/", 1},
    };
    static const char *const bad[] = {
        "",          "a",           "a/b",         "http:/a",    "ftp://a/",
        "http:///a", "http://a:x/", "http://a@b/", "http://a?b", "/a#b",
        "/a b",      "/%",          "/%4",         "/a%4x",      "/\xc3\xa4",
        "/a\\b",     "/a/%2e%2e",   "/../",        "/a?b c",     "/a?b#c",
        "*",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct http_reference reference;
        struct slice text = copy_of(slice_from(good[i].text));
        assert_null(http_parse_reference(text, &reference));
        assert_int_equal(reference.has_authority, good[i].host != NULL);
        if (good[i].host != NULL) {
            assert_slice(reference.authority.host, good[i].host);
        }
        assert_slice(reference.path, good[i].path);
        assert_int_equal(reference.path_size, good[i].path_size);
        free((char *)text.data);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct http_reference reference;
        struct slice text = copy_of(slice_from(bad[i]));
        if (http_parse_reference(text, &reference) == NULL) {
            fail_msg("accepted: %s", bad[i]);
        }
        free((char *)text.data);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_its_fields),
        cmocka_unit_test(knows_nothing_else),
        cmocka_unit_test(finds_the_first),
        cmocka_unit_test(splits_lists),
        cmocka_unit_test(knows_tokens),
        cmocka_unit_test(knows_end_to_end_fields),
        cmocka_unit_test(knows_schemes_that_authenticate_connections),
        cmocka_unit_test(parses_authorities),
        cmocka_unit_test(refuses_authorities),
        cmocka_unit_test(parses_references),
        cmocka_unit_test(knows_all_that_tells_about_forwarding),
        cmocka_unit_test(knows_what_is_no_trailer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
