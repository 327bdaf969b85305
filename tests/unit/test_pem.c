// PEM: which texts are read, and that nothing that looks like a part of a block is passed over.
#include "tls/certificate/pem_certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define BEGIN "-----BEGIN X-----\n"
#define END "-----END X-----\n"

static uint8_t output[512];
static char why[PEM_WHY_SIZE];

static enum result read_first(struct slice text, struct pem_block *block) {
    struct pem pem = pem_begin(text);
    return pem_next(&pem, block, output, sizeof(output), why);
}

// The first block of the text is X and holds "abcd".
static void assert_read_slice(struct slice text) {
    struct pem_block block;
    if (read_first(text, &block) != RESULT_OK) {
        fail_msg("%s: %s", text.data, why);
    }
    assert_string_equal(block.label, "X");
    assert_int_equal(block.der.size, 4);
    assert_memory_equal(block.der.data, "abcd", 4);
}

#define ASSERT_READ(text) assert_read_slice(SLICE(text))

static void assert_refused_slice(struct slice text, const char *what) {
    struct pem_block block;
    assert_int_equal(read_first(text, &block), RESULT_ERROR);
    assert_string_equal(why, what);
}

#define ASSERT_REFUSED(text, what) assert_refused_slice(SLICE(text), what)
#define NOT_WHOLE " is not a whole boundary line such as '-----BEGIN CERTIFICATE-----'"

static void test_what_is_read(void **state) {
    (void)state;
    ASSERT_READ(BEGIN "YWJjZA==\n" END);
    ASSERT_READ(BEGIN "YWJjZA==\n-----END X-----"); // without the last line end
    ASSERT_READ("-----BEGIN X-----\r\nYWJj\r\nZA==\r\n-----END X-----\r\n");
    ASSERT_READ("-----BEGIN X-----\rYWJj\rZA==\r-----END X-----\r");
    ASSERT_READ("\xef\xbb\xbf" BEGIN "YWJjZA==\n" END);
    ASSERT_READ("text\n\xef\xbb\xbf" BEGIN "YWJjZA==\n" END);
    ASSERT_READ("  -----BEGIN X----- \t\n  YWJj \n\tZA==  \n  -----END X-----  \n");
    ASSERT_READ(BEGIN "Comment: a header\n\nYWJjZA==\n" END);
    ASSERT_READ(BEGIN "\nYW Jj\n\nZ\nA==\n\n" END);
}

static void test_what_stands_outside(void **state) {
    (void)state;
    ASSERT_READ("Certificate:\n    Data:\n        Serial Number: 1 (0x1)\n"
                "        Subject: CN = front-end, O = Week-End -- Begin Ltd\n"
                "            X509v3 Key Usage:\n=====\n-- \n"
                "        DNS:xn--end-key.example, DNS:backend-key-\n" BEGIN "YWJjZA==\n" END);
    ASSERT_READ("#-----BEGIN X-----\n# YWJjZA==\n#-----END X-----\n# ----BEGIN X---\n" BEGIN
                "YWJjZA==\n" END);
    struct pem_block block;
    assert_int_equal(read_first(SLICE(""), &block), RESULT_EOF);
    assert_int_equal(read_first(SLICE("no block\n"), &block), RESULT_EOF);
    assert_int_equal(read_first(SLICE("0 is no DER\n"), &block), RESULT_EOF);
}

static void test_boundaries_with_a_mistake(void **state) {
    (void)state;
    static const char *const lines[] = {
        "----BEGIN X-----",
        "-----BEGIN X----",
        "-----BEGIN X",
        "----- BEGIN X -----",
        "-----BEGINX-----",
        "-----begin x-----",
        "------BEGIN X-----",
        "-----END X----------BEGIN X-----",
        "a comment -----BEGIN X-----",
        "> -----BEGIN X-----",
        "\"-----BEGIN X-----",
        "----END CERTIFICATE-----",
        "-BEGIN CERTIFICATE-----",
        "BEGIN CERTIFICATE-----",
        "----------",
    };
    size_t count = sizeof(lines) / sizeof(lines[0]) - 1; // the last is a rule across the page
    for (size_t i = 0; i <= count; i++) {
        char text[200];
        char expected[200];
        struct pem_block block;
        (void)snprintf(text, sizeof(text), "one\n%s\n" BEGIN "YWJjZA==\n" END, lines[i]);
        (void)snprintf(expected, sizeof(expected), "line 2: '%s'" NOT_WHOLE, lines[i]);
        assert_int_equal(read_first(slice_from(text), &block),
                         i < count ? RESULT_ERROR : RESULT_OK);
        if (i < count) {
            assert_string_equal(why, expected);
        }
    }
    ASSERT_REFUSED("\xe2\x80\x93\xe2\x80\x93\xe2\x80\x93\xe2\x80\x93\xe2\x80\x93"
                   "BEGIN X-----\n",
                   "line 1: '???????????????BEGIN X-----'" NOT_WHOLE);
    ASSERT_REFUSED(BEGIN "YWJjZA==\n----END X-----\n" END, "line 3: '----END X-----'" NOT_WHOLE);
}

static void test_blocks_that_are_not_whole(void **state) {
    (void)state;
    ASSERT_REFUSED("\n" BEGIN "YWJjZA==\n", "line 2: 'BEGIN X' without its END");
    ASSERT_REFUSED(BEGIN "YWJjZA==\n" BEGIN "YWJjZA==\n" END, "line 1: 'BEGIN X' without its END");
    ASSERT_REFUSED("YWJjZA==\n" END, "line 2: 'END X' without its BEGIN");
    ASSERT_REFUSED(BEGIN "YWJjZA==\n-----END Y-----\n",
                   "line 3: 'END Y' does not match 'BEGIN X' in line 1");
    ASSERT_REFUSED("MIIBszCCAVmgAwIBAgIUVvUdkQq3XyPzYk1oO8vYb1V2dJ8wCgYIKoZIzj0EAwIw\n",
                   "line 1: base64 outside of a block; its BEGIN line is missing");
}

static void test_base64_that_is_none(void **state) {
    (void)state;
    ASSERT_REFUSED(BEGIN "YWJj\nZ*==\n" END, "line 3: a character that is not base64 (byte 0x2a)");
    ASSERT_REFUSED(BEGIN "YWJjZA==\n\0\n" END, "line 3: the base64 does not end where '=' ends it");
    ASSERT_REFUSED(BEGIN "YW\0j\n" END, "line 2: a character that is not base64 (byte 0x00)");
    ASSERT_REFUSED(BEGIN "YWJjZA==\nYWJj\n" END,
                   "line 3: the base64 does not end where '=' ends it");
    ASSERT_REFUSED(BEGIN "YWJjZA===\n" END, "line 2: the base64 does not end where '=' ends it");
    ASSERT_REFUSED(BEGIN "YWJj=\n" END, "line 2: the base64 does not end where '=' ends it");
    ASSERT_REFUSED(BEGIN "YWJjZA\n" END, "line 3: the base64 of 'X' is not complete");
    ASSERT_REFUSED(BEGIN "YWJjZA=\n" END, "line 3: the base64 of 'X' is not complete");
    ASSERT_REFUSED(BEGIN "YWJjZ\n" END, "line 3: the base64 of 'X' is not complete");
    ASSERT_REFUSED(BEGIN END, "line 2: the base64 of 'X' is not complete");
}

static void test_what_is_no_text(void **state) {
    (void)state;
    static const char utf16[] = "line 1: the text is UTF-16; save the file as UTF-8 or ASCII";
    ASSERT_REFUSED("\xff\xfe-\0-\0", utf16);
    ASSERT_REFUSED("\xfe\xff\0-\0-", utf16);
    ASSERT_REFUSED("-\0-\0-\0-\0-\0B\0", utf16);
    ASSERT_REFUSED("\0-\0-\0-\0-\0-\0B", utf16);
    ASSERT_REFUSED("text\nwith\0NUL\n", "line 2: a NUL byte; the file is binary, not PEM");
    ASSERT_REFUSED("\x30\x82\x01\x02\x03",
                   "line 1: the file is binary (DER or PKCS#12), not PEM; convert it, for example "
                   "with 'openssl x509 -inform der' or 'openssl pkcs12'");
}

static void test_output_is_bounded(void **state) {
    (void)state;
    for (size_t capacity = 0; capacity < 4; capacity++) {
        struct pem pem = pem_begin(SLICE(BEGIN "YWJjZA==\n" END));
        struct pem_block block;
        memset(output, 'x', sizeof(output));
        assert_int_equal(pem_next(&pem, &block, output, capacity, why), RESULT_ERROR);
        assert_int_equal(output[capacity], 'x');
    }
}

static void test_reading_on(void **state) {
    (void)state;
    struct pem pem = pem_begin(SLICE(BEGIN "YQ==\n" END "----BEGIN X-----\n" BEGIN "YWI=\n" END));
    struct pem_block block;
    assert_int_equal(pem_next(&pem, &block, output, sizeof(output), why), RESULT_OK);
    assert_int_equal(block.der.size, 1);
    assert_int_equal(block.line, 1);
    assert_int_equal(pem_next(&pem, &block, output, sizeof(output), why), RESULT_ERROR);
    assert_int_equal(pem_next(&pem, &block, output, sizeof(output), why), RESULT_OK);
    assert_int_equal(block.der.size, 2);
    assert_int_equal(block.line, 5);
    assert_int_equal(pem_next(&pem, &block, output, sizeof(output), why), RESULT_EOF);
}

// --- Labels of certificates ---

static enum result read_certificate(const char *label, const char *base64, enum pem_use use,
                                    struct pem_block *block) {
    char text[300];
    (void)snprintf(text, sizeof(text), "-----BEGIN %s-----\n%s\n-----END %s-----\n", label, base64,
                   label);
    struct pem pem = pem_begin(slice_from(text));
    return pem_next_certificate(&pem, use, block, output, sizeof(output), why);
}

static void test_labels_of_certificates(void **state) {
    (void)state;
    struct pem_block block;
    static const char *const labels[] = {"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(read_certificate(labels[i], "MAA=", PEM_USE_CHAIN, &block), RESULT_OK);
        assert_int_equal(block.der.size, 2);
    }
    assert_int_equal(read_certificate("EC PARAMETERS", "MAA=", PEM_USE_CHAIN, &block), RESULT_EOF);
    assert_int_equal(read_certificate("DH PARAMETERS", "MAA=", PEM_USE_CHAIN, &block), RESULT_EOF);
    assert_int_equal(read_certificate("X509 CRL", "MAA=", PEM_USE_CHAIN, &block), RESULT_ERROR);
    assert_string_equal(why, "line 1: 'X509 CRL' is not a certificate; remove it from this file");
    assert_int_equal(read_certificate("PKCS7", "MAA=", PEM_USE_CHAIN, &block), RESULT_ERROR);
    assert_string_equal(why, "line 1: 'PKCS7' is not a certificate; convert it with 'openssl pkcs7 "
                             "-print_certs'");
}

static void test_settings_of_openssl(void **state) {
    (void)state;
    static const char label[] = "TRUSTED CERTIFICATE";
    static const char refused[] =
        "line 1: a TRUSTED CERTIFICATE with purposes that Ravelin does not apply; convert it with "
        "'openssl x509 -in FILE -out NEW'";
    struct pem_block block;
    // An empty certificate, then settings: none, an alias, trusted purposes, rejected purposes.
    static const struct {
        const char *base64;
        bool limits;
    } cases[] = {
        {"MAAwAA==", false}, {"MAAwAwwBYQ==", false}, {"MAAwAjAA", true}, {"MAAwAqAA", true}};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(read_certificate(label, cases[i].base64, PEM_USE_CHAIN, &block),
                         RESULT_OK);
        assert_int_equal(block.der.size, 2);
        assert_int_equal(read_certificate(label, cases[i].base64, PEM_USE_ANCHOR, &block),
                         cases[i].limits ? RESULT_ERROR : RESULT_OK);
        if (cases[i].limits) {
            assert_string_equal(why, refused);
        }
    }
    assert_int_equal(read_certificate(label, "MAAwADAA", PEM_USE_CHAIN, &block), RESULT_ERROR);
    assert_string_equal(why, "line 1: bytes follow the TRUSTED CERTIFICATE");
    assert_int_equal(read_certificate(label, "MAAB", PEM_USE_CHAIN, &block), RESULT_ERROR);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_read),
        cmocka_unit_test(test_what_stands_outside),
        cmocka_unit_test(test_boundaries_with_a_mistake),
        cmocka_unit_test(test_blocks_that_are_not_whole),
        cmocka_unit_test(test_base64_that_is_none),
        cmocka_unit_test(test_what_is_no_text),
        cmocka_unit_test(test_output_is_bounded),
        cmocka_unit_test(test_reading_on),
        cmocka_unit_test(test_labels_of_certificates),
        cmocka_unit_test(test_settings_of_openssl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
