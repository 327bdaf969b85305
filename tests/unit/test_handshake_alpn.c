// Which protocol a handshake chooses (ALPN, RFC 7301).
#include "handshake_lab.h"

static struct lab lab;

static int set_up_all(void **state) {
    (void)state;
    lab_open(&lab);
    lab_start(&lab, LAB_SITE("p256.test", "p256") LAB_REST);
    return 0;
}

static int tear_down_all(void **state) {
    (void)state;
    lab_close(&lab);
    return 0;
}

static const struct client USUAL = {.name = "p256.test", .trusts = "p256.pem"};

static void test_alpn(void **state) {
    (void)state;
    static const char *const offers[][2] = {
        {"http/1.1", "http/1.1"},
        {"h2,http/1.1", "http/1.1"},
        {"http/1.0", "http/1.0"},
        {"http/1.1,http/1.0", "http/1.1"},
        // With HTTP/2:
        {"http/1.1", "http/1.1"},
        {"http/1.1,h2", "h2"},
        {"h2,http/1.1", "h2"},
        {"h2", "h2"},
    };
    for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
        struct client client = USUAL;
        client.alpn = offers[i][0];
        client.http2 = i >= 4;
        struct link *link = link_establish(&lab, &client, SIZE_MAX);
        char *chosen;
        word16 size;
        assert_int_equal(wolfSSL_ALPN_GetProtocol(link->client, &chosen, &size), WOLFSSL_SUCCESS);
        assert_int_equal(size, strlen(offers[i][1]));
        assert_memory_equal(chosen, offers[i][1], size);
        assert_int_equal(link->facts.http2, strcmp(offers[i][1], "h2") == 0);
        link_close(link);
    }
}

static void test_no_alpn_is_http1(void **state) {
    (void)state;
    struct client client = USUAL;
    client.http2 = true;
    struct link *link = link_establish(&lab, &client, SIZE_MAX);
    assert_false(link->facts.http2);
    link_close(link);
}

static void test_http2_after_a_retry(void **state) {
    (void)state;
    struct client client = USUAL;
    client.alpn = "http/1.1,h2";
    client.http2 = true;
    client.no_key_shares = true;
    struct link *link = link_establish(&lab, &client, SIZE_MAX);
    assert_true(link->facts.http2);
    link_assert_works(link);
    link_close(link);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alpn),
        cmocka_unit_test(test_no_alpn_is_http1),
        cmocka_unit_test(test_http2_after_a_retry),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
