// The handshake of WebSocket: what a server must answer, and which responses may reach a client.
#include "http/websocket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// RFC 6455 1.3 and 4.1.
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static void test_the_example(void **state) {
    (void)state;
    char accept[WEBSOCKET_ACCEPT_SIZE];
    websocket_write_accept(SLICE(KEY), accept);
    assert_memory_equal(accept, ACCEPT, sizeof accept);
    char key[WEBSOCKET_KEY_SIZE];
    websocket_write_key((const uint8_t *)"the sample nonce", key);
    assert_memory_equal(key, KEY, sizeof key);
}

static void test_other_keys(void **state) {
    (void)state;
    // Of Python's base64 and hashlib.
    static const struct {
        const char *nonce, *key, *accept;
    } cases[] = {
        {"0123456789abcdef", "MDEyMzQ1Njc4OWFiY2RlZg==", "BACScCJPNqyz+UBoqMH89VmURoA="},
        {"~~~~~~~~~~~~~~~~", "fn5+fn5+fn5+fn5+fn5+fg==", "E6kwbV+V+XHmc/XOf03COu+WB50="},
        {"\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377",
         "/////////////////////w==", "XXpj4jYzLM2yUE0C7TIgMwTQh2g="},
        {"\001\001\001\001\001\001\001\001\001\001\001\001\001\001\001\001",
         "AQEBAQEBAQEBAQEBAQEBAQ==", "5tWd1XMQfqfRMZqGrwjPEgEvyeE="},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char key[WEBSOCKET_KEY_SIZE], accept[WEBSOCKET_ACCEPT_SIZE];
        websocket_write_key((const uint8_t *)cases[i].nonce, key);
        assert_memory_equal(key, cases[i].key, sizeof key);
        websocket_write_accept((struct slice){key, sizeof key}, accept);
        assert_memory_equal(accept, cases[i].accept, sizeof accept);
    }
}

static const char *judge(const char *head, const char *key) {
    static struct http_field items[20];
    struct http_fields fields = {.items = items, .capacity = 20};
    struct http_response response;
    struct http_refusal refusal;
    assert_int_equal(http_parse_response(slice_from(head), false, SLICE("websocket"), &fields,
                                         &response, &refusal),
                     RESULT_OK);
    return websocket_judge(&response, slice_from(key));
}

#define SWITCHES "HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
#define ACCEPTS(value) "Sec-WebSocket-Accept: " value "\r\n"

static void test_what_is_judged(void **state) {
    (void)state;
    static const char *const good[] = {
        SWITCHES ACCEPTS(ACCEPT) "\r\n",
        SWITCHES "sec-websocket-accept: " ACCEPT "\r\nSec-WebSocket-Protocol: chat\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n",
        "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
    };
    static const char *const bad[] = {
        SWITCHES "\r\n",
        SWITCHES ACCEPTS("") "\r\n",
        SWITCHES ACCEPTS("S3pPLMBiTxaQ9kYGzzhZRbK+xOo=") "\r\n",
        SWITCHES ACCEPTS("s3pPLMBiTxaQ9kYGzzhZRbK+xOo") "\r\n",
        SWITCHES ACCEPTS("s3pPLMBiTxaQ9kYGzzhZRbK+xOo==") "\r\n",
        SWITCHES ACCEPTS(ACCEPT) ACCEPTS(ACCEPT) "\r\n",
        SWITCHES ACCEPTS(ACCEPT) ACCEPTS("x") "\r\n",
        SWITCHES "Sec-WebSocket-Key: " KEY "\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" ACCEPTS(ACCEPT) "\r\n",
        "HTTP/1.1 204 No\r\n\r\n",
        "HTTP/1.1 299 Ok\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_null(judge(good[i], KEY));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_non_null(judge(bad[i], KEY));
    }
    assert_non_null(judge(good[0], "dGhlIHNhbXBsZSBub25jZR==")); // another key
    assert_non_null(judge(good[0], ""));                         // the route removed the key
    assert_non_null(judge(good[0], KEY "="));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_example),
        cmocka_unit_test(test_other_keys),
        cmocka_unit_test(test_what_is_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
