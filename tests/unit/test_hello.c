// Our own reading of a ClientHello: its form, and what it offers. What it must offer is tested in
// test_hello_check.c.
#include "hello_bytes.h"
#include "tls/handshake/hello.h"

#include <stdlib.h>

// Parses a copy of exactly this size, so that AddressSanitizer sees a byte read past it. The facts
// that point into it must not be looked at afterwards.
static struct refusal parse_exactly(const void *data, size_t size, struct client_hello *hello) {
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    assert_non_null(copy);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    struct refusal refusal = {0};
    enum result result = hello_parse((struct slice){(const char *)copy, size}, hello, &refusal);
    assert_int_equal(result == RESULT_OK, refusal.reason == REFUSAL_NONE);
    assert_true(result == RESULT_OK || result == RESULT_ERROR);
    free(copy);
    return refusal;
}

static struct client_hello parse(const struct bytes *message, enum refusal_reason reason) {
    struct client_hello hello;
    struct refusal refusal = parse_exactly(message->data, message->size, &hello);
    if (refusal.reason != reason) {
        fail_msg("reason %d instead of %d: %s", refusal.reason, reason,
                 refusal.text == NULL ? "" : refusal.text);
    }
    struct refusal again = {0};
    (void)!hello_parse((struct slice){(const char *)message->data, message->size}, &hello, &again);
    return hello;
}

static struct client_hello parse_parts(const struct hello_parts *parts,
                                       enum refusal_reason reason) {
    static struct bytes message; // the hello points into it
    message.size = 0;
    put_hello(&message, parts);
    return parse(&message, reason);
}

// The usual hello with one extension more.
static struct client_hello parse_with(uint16_t type, const void *body, size_t size,
                                      enum refusal_reason reason) {
    static struct bytes extension;
    extension.size = 0;
    put_extension(&extension, type, body, size);
    struct hello_parts parts = usual_parts();
    parts.name = type == HELLO_TYPE_SERVER_NAME ? NULL : parts.name;
    parts.versions = type == HELLO_TYPE_VERSIONS ? NULL : parts.versions;
    parts.groups = type == HELLO_TYPE_GROUPS ? NULL : parts.groups;
    parts.signatures = type == HELLO_TYPE_SIGNATURES ? NULL : parts.signatures;
    parts.no_shares = type == HELLO_TYPE_KEY_SHARES;
    parts.extra = (const char *)extension.data;
    parts.extra_size = extension.size;
    return parse_parts(&parts, reason);
}

static bool same(struct slice slice, const char *bytes, size_t size) {
    return slice_equal(slice, (struct slice){bytes, size});
}

// --- The whole ---

static void test_what_was_offered_is_found(void **state) {
    (void)state;
    struct hello_parts parts = usual_parts();
    parts.x25519 = true;
    struct client_hello hello = parse_parts(&parts, REFUSAL_NONE);
    assert_int_equal(hello.legacy_version, 0x0303);
    assert_true(hello.offers_tls13);
    assert_true(slice_equal(hello.server_name, SLICE("a.test")));
    assert_int_equal(hello.signatures, POLICY_SIGNATURE_ECDSA_P256 | POLICY_SIGNATURE_ECDSA_P384 |
                                           POLICY_SIGNATURE_ED25519 | POLICY_SIGNATURE_RSA_PSS);
    assert_true(same(hello.groups, "\x00\x1d\x00\x17\x00\x18", 6));
    assert_true(same(hello.versions, "\x03\x04", 2));
    assert_true(same(hello.cipher_suites, "\x13\x01\x13\x02\x13\x03", 6));
    assert_true(same(hello.random, "thirty-two bytes of randomness.", 32));
    assert_int_equal(hello.session_id.size, 0);
    assert_int_equal(hello.start.size, 2 + 32 + 1 + 8 + 2);
    assert_int_equal(hello.key_shares.size, 36);
    assert_true(hello_has(&hello, HELLO_SERVER_NAME) && hello_has(&hello, HELLO_KEY_SHARES));
    assert_false(hello_has(&hello, HELLO_PRE_SHARED_KEY) || hello_has(&hello, HELLO_COOKIE));
}

static void test_every_truncation_is_refused(void **state) {
    (void)state;
    static struct bytes message, start;
    struct hello_parts parts = usual_parts();
    parts.x25519 = true;
    message.size = start.size = 0;
    put_hello(&message, &parts);
    put_hello_start(&start, ALL_SUITES);
    for (size_t size = 0; size < message.size; size++) {
        struct client_hello hello;
        struct refusal refusal = parse_exactly(message.data, size, &hello);
        // Cut right before the extensions it is a well-formed hello of an older version.
        assert_int_equal(refusal.alert,
                         size == start.size ? ALERT_PROTOCOL_VERSION : ALERT_DECODE_ERROR);
    }
}

static void test_bytes_behind_the_extensions(void **state) {
    (void)state;
    static struct bytes message;
    message.size = 0;
    struct hello_parts parts = usual_parts();
    put_hello(&message, &parts);
    put(&message, 0, 1);
    parse(&message, REFUSAL_malformed);
}

static void test_an_extension_longer_than_the_extensions(void **state) {
    (void)state;
    static struct bytes message;
    message.size = 0;
    put_hello_start(&message, ALL_SUITES);
    size_t extensions = open_vector(&message, 2);
    put(&message, 43, 2);
    put(&message, 4, 2);
    put(&message, 0x020304, 3);
    close_vector(&message, extensions, 2);
    parse(&message, REFUSAL_malformed);
    put(&message, 0, 1); // in the message, but past the extensions
    parse(&message, REFUSAL_malformed);
}

// A hello with these bytes between random and extensions.
static void assert_start(const char *bytes, size_t size, enum refusal_reason reason) {
    static struct bytes message;
    message.size = 0;
    put(&message, 0x0303, 2);
    put_bytes(&message, "thirty-two bytes of randomness.", 32);
    put_bytes(&message, bytes, size);
    size_t extensions = open_vector(&message, 2);
    put_extension(&message, 43, "\x02\x03\x04", 3);
    close_vector(&message, extensions, 2);
    parse(&message, reason);
}

static void test_the_fields_before_the_extensions(void **state) {
    (void)state;
    static const char suite_and_compression[6] = {0, 2, 0x13, 1, 1, 0};
    char id[1 + 33 + 6] = {0};
    for (char size = 32; size <= 33; size++) {
        id[0] = size;
        memcpy(id + 1 + size, suite_and_compression, sizeof(suite_and_compression));
        assert_start(id, 1 + (size_t)size + 6, size == 32 ? REFUSAL_NONE : REFUSAL_malformed);
    }
    assert_start("\x00\x00\x02\x13\x01\x01\x00", 7, REFUSAL_NONE);
    assert_start("\x00\x00\x00\x01\x00", 5, REFUSAL_malformed);             // no suite
    assert_start("\x00\x00\x03\x13\x01\x13\x01\x00", 8, REFUSAL_malformed); // half of one
    assert_start("\x00\x00\x02\x13\x01\x00", 6, REFUSAL_malformed);         // no compression
    assert_start("\x00\x00\x02\x13\x01\x02\x01\x00", 8, REFUSAL_NONE);      // hello_check_rules()'s
}

// --- Versions ---

static void test_tls13_must_be_offered(void **state) {
    (void)state;
    static const uint16_t with_older[] = {0x7a7a, 0x0304, 0x0303, 0};
    static const uint16_t only_older[] = {0x0303, 0x0302, 0x0301, 0};
    static const uint16_t draft[] = {0x7f1c, 0x0305, 0};
    struct hello_parts parts = usual_parts();
    parts.versions = with_older;
    assert_true(parse_parts(&parts, REFUSAL_NONE).offers_tls13);
    static const uint16_t *const without[] = {only_older, draft, NULL};
    for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
        parts.versions = without[i];
        assert_false(parse_parts(&parts, REFUSAL_old_version).offers_tls13);
    }
}

static void test_a_hello_without_extensions_is_an_old_one(void **state) {
    (void)state;
    static struct bytes message;
    message.size = 0;
    put_hello_start(&message, ALL_SUITES);
    assert_int_equal(parse(&message, REFUSAL_old_version).legacy_version, 0x0303);
}

static void test_legacy_version_decides_nothing_but_ssl3(void **state) {
    (void)state;
    static struct bytes message;
    message.size = 0;
    struct hello_parts parts = usual_parts();
    put_hello(&message, &parts);
    static const uint16_t fine[] = {0x0301, 0x0302, 0x0303, 0x0304, 0x03ff, 0x0400, 0xffff};
    static const uint16_t refused[] = {0, 0x0002, 0x0200, 0x02ff, 0x0300};
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
        message.data[0] = (uint8_t)(fine[i] >> 8);
        message.data[1] = (uint8_t)fine[i];
        assert_int_equal(parse(&message, REFUSAL_NONE).legacy_version, fine[i]);
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        message.data[0] = (uint8_t)(refused[i] >> 8);
        message.data[1] = (uint8_t)refused[i];
        parse(&message, REFUSAL_old_version);
    }
}

// What is wrong beside it does not matter to a client that has no TLS 1.3.
static void test_an_old_version_comes_first(void **state) {
    (void)state;
    static const uint16_t only_older[] = {0x0303, 0};
    static const uint16_t fallback[] = {0xc02f, 0x5600, 0};
    struct hello_parts parts = usual_parts();
    parts.versions = only_older;
    parts.suites = fallback;
    parts.extra = "\x00\x0a\x00\x00\x00\x0a\x00\x00"; // twice, and malformed
    parts.extra_size = 8;
    parse_parts(&parts, REFUSAL_old_version);
    parts.versions = TLS13;
    parse_parts(&parts, REFUSAL_illegal);
}

// --- Extensions ---

static void test_no_extension_comes_twice(void **state) {
    (void)state;
    parse_with(0x4321, "a", 1, REFUSAL_NONE);
    struct hello_parts parts = usual_parts();
    parts.extra = "\x43\x21\x00\x00\x43\x21\x00\x00";
    parts.extra_size = 8;
    parse_parts(&parts, REFUSAL_illegal);
    parts.extra = "\x00\x0a\x00\x04\x00\x02\x00\x1d"; // groups
    parse_parts(&parts, REFUSAL_illegal);
}

static void test_very_many_extensions(void **state) {
    (void)state;
    static struct bytes extra;
    struct hello_parts parts = usual_parts();
    for (uint16_t count = 30; count < 16000; count = (uint16_t)(count * 2 - 11)) {
        extra.size = 0;
        for (uint16_t i = 0; i < count; i++) {
            put_extension(&extra, (uint16_t)(0x1000 + i), NULL, 0);
        }
        parts.extra = (const char *)extra.data;
        parts.extra_size = extra.size;
        parse_parts(&parts, REFUSAL_NONE);
        put_extension(&extra, (uint16_t)(0x1000 + count / 2), NULL, 0);
        parts.extra_size = extra.size;
        parse_parts(&parts, REFUSAL_illegal);
    }
}

static void test_pre_shared_key_is_the_last(void **state) {
    (void)state;
    static const char psk[] = "\x00\x29\x00\x2c"          // 44
                              "\x00\x07\x00\x01x\0\0\0\0" // one identity
                              "\x00\x21\x20"
                              "12345678901234567890123456789012" // its binder
                              "\xab\xcd\x00\x00";
    struct hello_parts parts = usual_parts();
    parts.extra = psk;
    parts.extra_size = sizeof(psk) - 1 - 4;
    struct client_hello hello = parse_parts(&parts, REFUSAL_NONE);
    assert_int_equal(hello.pre_shared_key.size, 44);
    assert_int_equal(hello_binders_size(&hello), 35);
    parts.extra_size = sizeof(psk) - 1;
    parse_parts(&parts, REFUSAL_illegal);
}

// The one right length of an extension, and all others that are shorter or longer by up to
// `around`.
static void assert_only_whole(uint16_t type, const char *body, size_t size) {
    parse_with(type, body, size, REFUSAL_NONE);
    for (size_t cut = 0; cut < size; cut++) {
        parse_with(type, body, cut, REFUSAL_malformed);
    }
    static char longer[256];
    memcpy(longer, body, size);
    parse_with(type, longer, size + 1, REFUSAL_malformed);
    parse_with(type, longer, size + 2, REFUSAL_malformed);
}

static void test_extensions_are_read_to_the_byte(void **state) {
    (void)state;
    assert_only_whole(HELLO_TYPE_SERVER_NAME, "\x00\x07\x00\x00\x04host", 9);
    assert_only_whole(HELLO_TYPE_STATUS_REQUEST, "\x01\x00\x01r\x00\x01x", 7);
    assert_only_whole(HELLO_TYPE_GROUPS, "\x00\x04\x00\x1d\x00\x17", 6);
    assert_only_whole(HELLO_TYPE_SIGNATURES, "\x00\x04\x04\x03\x08\x04", 6);
    assert_only_whole(HELLO_TYPE_CERTIFICATE_SIGNATURES, "\x00\x04\x04\x03\x08\x04", 6);
    assert_only_whole(HELLO_TYPE_PROTOCOL_NAMES, "\x00\x0c\x02h2\x08http/1.1", 14);
    assert_only_whole(HELLO_TYPE_VERSIONS, "\x04\x03\x04\x03\x03", 5);
    assert_only_whole(HELLO_TYPE_COOKIE, "\x00\x01x", 3);
    assert_only_whole(HELLO_TYPE_PSK_MODES, "\x02\x01\x00", 3);
    assert_only_whole(HELLO_TYPE_KEY_SHARES, "\x00\x06\xab\xcd\x00\x02xy", 8);
    assert_only_whole(HELLO_TYPE_EARLY_DATA, "", 0);
    assert_only_whole(HELLO_TYPE_POST_HANDSHAKE_AUTH, "", 0);
    assert_only_whole(HELLO_TYPE_PRE_SHARED_KEY,
                      "\x00\x0f\x00\x01x\0\0\0\0\x00\x02yz\0\0\0\0"
                      "\x00\x54\x20"
                      "12345678901234567890123456789012\x32"
                      "12345678901234567890123456789012345678901234567890",
                      2 + 15 + 2 + 84);
}

static void test_lists_that_may_not_be_empty_or_odd(void **state) {
    (void)state;
    static const struct {
        uint32_t type;
        enum refusal_reason reason;
        const char *body;
        size_t size;
    } cases[] = {
        {HELLO_TYPE_GROUPS, REFUSAL_malformed, "\0\0", 2},
        {HELLO_TYPE_GROUPS, REFUSAL_malformed, "\x00\x03\x00\x1d\x00", 5},
        {HELLO_TYPE_SIGNATURES, REFUSAL_malformed, "\0\0", 2},
        {HELLO_TYPE_SIGNATURES, REFUSAL_malformed, "\x00\x03\x04\x03\x00", 5},
        {HELLO_TYPE_CERTIFICATE_SIGNATURES, REFUSAL_malformed, "\0\0", 2},
        {HELLO_TYPE_VERSIONS, REFUSAL_malformed, "\0", 1},
        {HELLO_TYPE_VERSIONS, REFUSAL_malformed, "\x03\x03\x04\x03", 4},
        {HELLO_TYPE_PSK_MODES, REFUSAL_malformed, "\0", 1},
        {HELLO_TYPE_COOKIE, REFUSAL_malformed, "\0\0", 2},
        {HELLO_TYPE_PROTOCOL_NAMES, REFUSAL_malformed, "\0\0", 2},
        {HELLO_TYPE_PROTOCOL_NAMES, REFUSAL_malformed, "\x00\x01\x00", 3},
        {HELLO_TYPE_PROTOCOL_NAMES, REFUSAL_malformed, "\x00\x04\x02h2\x00", 6},
        {HELLO_TYPE_KEY_SHARES, REFUSAL_NONE, "\0\0", 2},
        {HELLO_TYPE_STATUS_REQUEST, REFUSAL_NONE, "\x02\xff", 2}, // of no kind we know
        {HELLO_TYPE_OID_FILTERS, REFUSAL_illegal, "\0\0", 2},     // not for this message
        {0xabcd, REFUSAL_NONE, "\xff\xff\xff", 3},
        {35, REFUSAL_NONE, "an old session ticket", 21},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        parse_with((uint16_t)cases[i].type, cases[i].body, cases[i].size, cases[i].reason);
    }
}

static void test_identities_and_binders(void **state) {
    (void)state;
#define BINDER                                                                                     \
    "\x20"                                                                                         \
    "12345678901234567890123456789012"
    static const struct {
        const char *body;
        size_t size;
        enum refusal_reason reason;
    } cases[] = {
        {"\x00\x07\x00\x01x\0\0\0\0\x00\x21" BINDER, 9 + 35, REFUSAL_NONE},
        {"\x00\x00\x00\x21" BINDER, 2 + 35, REFUSAL_malformed},
        {"\x00\x07\x00\x01x\0\0\0\0\x00\x00", 9 + 2, REFUSAL_malformed},
        {"\x00\x06\x00\x00\0\0\0\0\x00\x21" BINDER, 8 + 35, REFUSAL_malformed}, // empty identity
        {"\x00\x06\x00\x01x\0\0\0\x00\x21" BINDER, 8 + 35, REFUSAL_malformed},  // short age
        {"\x00\x07\x00\x01x\0\0\0\0\x00\x20\x1f"
         "1234567890123456789012345678901",
         9 + 34, REFUSAL_malformed}, // a binder of 31 bytes
        {"\x00\x07\x00\x01x\0\0\0\0\x00\x42" BINDER BINDER, 9 + 68, REFUSAL_illegal},
        {"\x00\x0e\x00\x01x\0\0\0\0\x00\x01y\0\0\0\0\x00\x21" BINDER, 16 + 35, REFUSAL_illegal},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        parse_with(HELLO_TYPE_PRE_SHARED_KEY, cases[i].body, cases[i].size, cases[i].reason);
    }
}

static void test_psk_modes(void **state) {
    (void)state;
    assert_true(
        parse_with(HELLO_TYPE_PSK_MODES, "\x03\x05\x00\x01", 4, REFUSAL_NONE).offers_psk_dhe);
    assert_false(parse_with(HELLO_TYPE_PSK_MODES, "\x02\x00\x02", 3, REFUSAL_NONE).offers_psk_dhe);
}

static void test_signatures_are_told_apart(void **state) {
    (void)state;
    static const struct {
        uint16_t scheme;
        uint32_t signature;
    } cases[] = {
        {0x0403, POLICY_SIGNATURE_ECDSA_P256},
        {0x0503, POLICY_SIGNATURE_ECDSA_P384},
        {0x0807, POLICY_SIGNATURE_ED25519},
        {0x0804, POLICY_SIGNATURE_RSA_PSS},
        {0x0805, POLICY_SIGNATURE_RSA_PSS},
        {0x0806, POLICY_SIGNATURE_RSA_PSS},
        {0x0401, 0}, // RSA PKCS #1
        {0x0809, 0}, // RSA-PSS with a key that is for PSS alone
        {0x0603, 0}, // P-521
        {0x0203, 0}, // ECDSA with SHA-1
        {0x0808, 0}, // Ed448
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const uint16_t list[] = {0x0a0a, cases[i].scheme, 0};
        struct hello_parts parts = usual_parts();
        parts.signatures = list;
        assert_int_equal(parse_parts(&parts, REFUSAL_NONE).signatures, cases[i].signature);
    }
    // Wherever it stands.
    static uint16_t many[2001];
    for (size_t i = 0; i < 1999; i++) {
        many[i] = 0x0a0a;
    }
    many[1999] = 0x0807;
    struct hello_parts parts = usual_parts();
    parts.signatures = many;
    assert_int_equal(parse_parts(&parts, REFUSAL_NONE).signatures, POLICY_SIGNATURE_ED25519);
}

// --- The server name ---

static struct client_hello parse_name(const void *name, size_t size, enum refusal_reason reason) {
    static struct bytes body;
    body.size = 0;
    put(&body, size + 3, 2);
    put(&body, 0, 1);
    put(&body, size, 2);
    put_bytes(&body, name, size);
    return parse_with(HELLO_TYPE_SERVER_NAME, body.data, body.size, reason);
}

static void test_a_name_is_given_as_sent(void **state) {
    (void)state;
    static const char *const names[] = {"a", "WWW.Example.COM", "xn--bcher-kva.example.", "a_b.c-d",
                                        "127.0.0.1"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct client_hello hello = parse_name(names[i], strlen(names[i]), REFUSAL_NONE);
        assert_true(slice_equal(hello.server_name, slice_from(names[i])));
    }
}

static void test_a_name_of_any_other_byte_is_odd(void **state) {
    (void)state;
    for (int c = 0; c < 256; c++) {
        char name[] = "a?c";
        name[1] = (char)c;
        bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.';
        struct client_hello hello = parse_name(name, 3, REFUSAL_NONE);
        struct slice sent = {name, 3};
        assert_true(slice_equal(allowed ? hello.server_name : hello.odd_name, sent));
        assert_int_equal((allowed ? hello.odd_name : hello.server_name).size, 0);
    }
}

static void test_the_longest_name(void **state) {
    (void)state;
    char name[HELLO_NAME_MAX + 1];
    memset(name, 'a', sizeof(name));
    assert_int_equal(parse_name(name, HELLO_NAME_MAX, REFUSAL_NONE).server_name.size,
                     HELLO_NAME_MAX);
    struct client_hello hello = parse_name(name, HELLO_NAME_MAX + 1, REFUSAL_NONE);
    assert_int_equal(hello.server_name.size, 0);
    assert_int_equal(hello.odd_name.size, HELLO_NAME_MAX + 1);
    parse_name(name, 0, REFUSAL_malformed);
}

static void test_names_of_other_kinds_are_passed_over(void **state) {
    (void)state;
    struct client_hello hello =
        parse_with(HELLO_TYPE_SERVER_NAME, "\x00\x0c\x01\x00\x01x\x00\x00\x01y\x02\x00\x01z", 14,
                   REFUSAL_NONE);
    assert_true(slice_equal(hello.server_name, SLICE("y")));
    hello = parse_with(HELLO_TYPE_SERVER_NAME, "\x00\x04\x01\x00\x01x", 6, REFUSAL_NONE);
    assert_int_equal(hello.server_name.size, 0);
    // But only one host.
    parse_with(HELLO_TYPE_SERVER_NAME, "\x00\x08\x00\x00\x01x\x00\x00\x01y", 10, REFUSAL_illegal);
    parse_with(HELLO_TYPE_SERVER_NAME, "\x00\x08\x00\x00\x01x\x00\x00\x01x", 10, REFUSAL_illegal);
    parse_with(HELLO_TYPE_SERVER_NAME, "\x00\x08\x00\x00\x01:\x00\x00\x01x", 10, REFUSAL_illegal);
    parse_with(HELLO_TYPE_SERVER_NAME, "\x00\x08\x00\x00\x01x\x00\x00\x01:", 10, REFUSAL_illegal);
}

// --- What is not TLS ---

static void test_http_is_recognised(void **state) {
    (void)state;
    static const char *const yes[] = {
        "GET ",    "GET / HTTP/1.1\r\n", "HEAD ",  "POST ",    "PUT ",
        "DELETE ", "OPTIONS ",           "PATCH ", "CONNECT ", "TRACE "};
    static const char *const no[] = {"get ", "GETS ", "POST\t", " GET ", "\x16\x03\x01", "BREW "};
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        const uint8_t *data = (const uint8_t *)yes[i];
        assert_int_equal(hello_is_http(data, strlen(yes[i])), RESULT_OK);
        size_t method = (size_t)(strchr(yes[i], ' ') - yes[i]);
        for (size_t size = 1; size <= method; size++) {
            assert_int_equal(hello_is_http(data, size), RESULT_AGAIN);
        }
    }
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        assert_int_equal(hello_is_http((const uint8_t *)no[i], strlen(no[i])), RESULT_EOF);
    }
}

static void test_a_hello_of_ssl2_is_recognised(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        enum result result;
    } cases[] = {
        {"\x80\x2e\x01\x00\x02", 5, RESULT_OK}, {"\x80\x2e\x01\x03\x01", 5, RESULT_OK},
        {"\xff\xff\x01\x03", 4, RESULT_OK},     {"\x80", 1, RESULT_AGAIN},
        {"\x80\x2e", 2, RESULT_AGAIN},          {"\x80\x2e\x01", 3, RESULT_AGAIN},
        {"\x80\x2e\x02", 3, RESULT_EOF},        {"\x80\x2e\x01\x04", 4, RESULT_EOF},
        {"\x16\x03\x01", 3, RESULT_EOF},        {"\x7f\x2e\x01\x03", 4, RESULT_EOF},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(hello_is_ssl2((const uint8_t *)cases[i].bytes, cases[i].size),
                         cases[i].result);
    }
}

// --- In words ---

static void assert_described(const struct hello_parts *parts, const char *expected) {
    char text[HELLO_TEXT_SIZE];
    static struct bytes message;
    message.size = 0;
    put_hello(&message, parts);
    struct client_hello hello;
    struct refusal refusal = {0};
    (void)!hello_parse((struct slice){(const char *)message.data, message.size}, &hello, &refusal);
    hello_describe(&hello, text);
    assert_string_equal(text, expected);
}

static void test_a_hello_is_described(void **state) {
    (void)state;
    static const uint16_t versions[] = {0x7a7a, 0x0304, 0x0303, 0x0302, 0x0301, 0x0300, 0x7f1c, 0};
    static const uint16_t groups[] = {0xcaca, 4588, 4587, 0x1d, 0x17, 0x18, 0x19, 0x100, 0x1234, 0};
    struct hello_parts parts = usual_parts();
    assert_described(&parts, "versions TLS 1.3, groups X25519 P-256 P-384");
    parts.versions = versions;
    parts.groups = groups;
    assert_described(
        &parts, "versions TLS 1.3 TLS 1.2 TLS 1.1 TLS 1.0 SSL 3.0 0x7f1c, groups X25519MLKEM768 "
                "SecP256r1MLKEM768 X25519 P-256 P-384 P-521 ffdhe2048 0x1234");
    parts.versions = NULL; // then the one there was before
    parts.groups = NULL;
    assert_described(&parts, "versions TLS 1.2, groups none");
}

static void test_a_long_list_is_cut(void **state) {
    (void)state;
    static uint16_t groups[3001];
    for (size_t i = 0; i < 3000; i++) {
        groups[i] = (uint16_t)(0x2000 + i);
    }
    struct hello_parts parts = usual_parts();
    parts.groups = groups;
    assert_described(&parts, "versions TLS 1.3, groups 0x2000 0x2001 0x2002 0x2003 0x2004 0x2005 "
                             "0x2006 0x2007 0x2008 0x2009 0x200a 0x200b ...");
    static uint16_t long_names[13];
    for (size_t i = 0; i < 12; i++) {
        long_names[i] = 0x6399;
    }
    static const uint16_t versions[] = {0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006,
                                        0x2007, 0x2008, 0x2009, 0x200b, 0x200c, 0x0304, 0};
    parts.groups = long_names;
    parts.versions = versions;
    static struct bytes message;
    message.size = 0;
    put_hello(&message, &parts);
    struct client_hello hello = parse(&message, REFUSAL_NONE);
    char text[HELLO_TEXT_SIZE];
    memset(text, 'x', sizeof(text));
    hello_describe(&hello, text);
    assert_in_range(strlen(text), 340, sizeof(text) - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_offered_is_found),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_bytes_behind_the_extensions),
        cmocka_unit_test(test_an_extension_longer_than_the_extensions),
        cmocka_unit_test(test_the_fields_before_the_extensions),
        cmocka_unit_test(test_tls13_must_be_offered),
        cmocka_unit_test(test_a_hello_without_extensions_is_an_old_one),
        cmocka_unit_test(test_legacy_version_decides_nothing_but_ssl3),
        cmocka_unit_test(test_an_old_version_comes_first),
        cmocka_unit_test(test_no_extension_comes_twice),
        cmocka_unit_test(test_very_many_extensions),
        cmocka_unit_test(test_pre_shared_key_is_the_last),
        cmocka_unit_test(test_extensions_are_read_to_the_byte),
        cmocka_unit_test(test_lists_that_may_not_be_empty_or_odd),
        cmocka_unit_test(test_identities_and_binders),
        cmocka_unit_test(test_psk_modes),
        cmocka_unit_test(test_signatures_are_told_apart),
        cmocka_unit_test(test_a_name_is_given_as_sent),
        cmocka_unit_test(test_a_name_of_any_other_byte_is_odd),
        cmocka_unit_test(test_the_longest_name),
        cmocka_unit_test(test_names_of_other_kinds_are_passed_over),
        cmocka_unit_test(test_http_is_recognised),
        cmocka_unit_test(test_a_hello_of_ssl2_is_recognised),
        cmocka_unit_test(test_a_hello_is_described),
        cmocka_unit_test(test_a_long_list_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
