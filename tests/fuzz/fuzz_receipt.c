// What is read of an authority's answer (receipt.h): any bytes end in a verdict with a reason, and
// what passes is a certificate with the key of the request, for the name, that has not expired.
//
// The first byte chooses: the certificate is the input; the request is, too (two bytes say how long
// it is); or the input changes bytes of a good certificate: two bytes of a place, and one to put
// there.
#include "acme/receipt.h"
#include "check.h"
#include "tls/certificate/chain.h"
#include "tls/certificate/issue.h"
#include "tls/certificate/pem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/coding.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t NOW_S = 1800000000;

// Made by issue.h at NOW_S, for a.test.
static const char request[] = "-----BEGIN CERTIFICATE REQUEST-----\n"
                              "MIHhMIGJAgEAMAAwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQZvadTxLtZu6rc\n"
                              "vpMmXvnDCdPeGCKfw8qjuNgyNXqZYEdH8r5NXfwLWZyZnTRM51UmOVyGYj/gevWx\n"
                              "vbk1Z/meoCcwJQYJKoZIhvcNAQkOMRgwFjAUBgNVHREBAf8ECjAIggZhLnRlc3Qw\n"
                              "CgYIKoZIzj0EAwIDRwAwRAIgUmlSrwvscxhNB+zQwgnxzIQzvDHmsm6LPSZhJpfp\n"
                              "a7YCIHXIrGGcCYcwLDQNmOdJbCYI5X1NLGF1/60e9lP2wBk9\n"
                              "-----END CERTIFICATE REQUEST-----\n";
static const char certificate[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBPDCB4qADAgECAhBUZpxaiXR1F4axtx5WNzeQMAoGCCqGSM49BAMCMCYxJDAi\n"
    "BgNVBAMMG1JhdmVsaW46IG5vIGNlcnRpZmljYXRlIHlldDAeFw0yNzAxMTQwODAw\n"
    "MDBaFw0yODAyMTYwODAwMDBaMAAwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQZ\n"
    "vadTxLtZu6rcvpMmXvnDCdPeGCKfw8qjuNgyNXqZYEdH8r5NXfwLWZyZnTRM51Um\n"
    "OVyGYj/gevWxvbk1Z/meoxgwFjAUBgNVHREBAf8ECjAIggZhLnRlc3QwCgYIKoZI\n"
    "zj0EAwIDSQAwRgIhALfD/xGCp5UjGiTZhvQOocfjQ3oEHPr2LarL31y5CRoaAiEA\n"
    "g92E2F7f936L3sXrsCO+phygqq0BUNtCQcBPoSTqknY=\n"
    "-----END CERTIFICATE-----\n";

static void judge(struct slice pem, struct slice asked) {
    static char why[RECEIPT_WHY_SIZE];
    struct receipt receipt = {0};
    memset(why, 'x', sizeof(why));
    if (!receipt_judge(pem, asked, "a.test", NOW_S, &receipt, why)) {
        CHECK(strnlen(why, sizeof(why)) < sizeof(why) && why[0] != '\0');
        return;
    }
    uint8_t room[ISSUE_PEM_SIZE];
    char problem[CHAIN_ERROR_SIZE];
    struct chain chain;
    struct slice key = issue_request_key(asked, room, sizeof(room));
    CHECK(key.size > 0 && receipt.not_after > NOW_S);
    CHECK(memmem(pem.data, pem.size, "PRIVATE KEY-----", 16) == NULL);
    CHECK(chain_read(pem, &chain, problem) == RESULT_OK);
    CHECK(slice_equal(chain.certificates[0].key_info, key));
    CHECK(certificate_covers(&chain.certificates[0], "a.test"));
    chain_free(&chain);
}

static void judge_both(struct slice input) {
    if (input.size >= 2) {
        size_t size = (size_t)(uint8_t)input.data[0] << 8 | (uint8_t)input.data[1];
        size = size < input.size - 2 ? size : input.size - 2;
        judge((struct slice){input.data + 2 + size, input.size - 2 - size},
              (struct slice){input.data + 2, size});
    }
}

static void judge_changed(struct slice input) {
    uint8_t room[ISSUE_PEM_SIZE];
    uint8_t base64[ISSUE_PEM_SIZE];
    char pem[ISSUE_PEM_SIZE + 64];
    char why[PEM_WHY_SIZE];
    struct pem text = pem_begin(slice_from(certificate));
    struct pem_block block;
    word32 length = sizeof(base64);
    CHECK(pem_next(&text, &block, room, sizeof(room), why) == RESULT_OK);
    for (; input.size >= 3; input.data += 3, input.size -= 3) {
        size_t place = (size_t)(uint8_t)input.data[0] << 8 | (uint8_t)input.data[1];
        room[place % block.der.size] = (uint8_t)input.data[2];
    }
    CHECK(Base64_Encode(room, (word32)block.der.size, base64, &length) == 0);
    int size =
        snprintf(pem, sizeof(pem), "-----BEGIN CERTIFICATE-----\n%.*s-----END CERTIFICATE-----\n",
                 (int)length, (const char *)base64);
    CHECK(size > 0 && size < (int)sizeof(pem));
    judge((struct slice){pem, (size_t)size}, slice_from(request));
}

static void set_up(void) {
    struct receipt receipt;
    char why[RECEIPT_WHY_SIZE];
    CHECK(wolfSSL_Init() == WOLFSSL_SUCCESS);
    CHECK(receipt_judge(slice_from(certificate), slice_from(request), "a.test", NOW_S, &receipt,
                        why));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bool ready;
    if (!ready) {
        set_up();
        ready = true;
    }
    if (size == 0) {
        return 0;
    }
    const struct slice input = {(const char *)data + 1, size - 1};
    if (data[0] % 3 == 0) {
        judge(input, slice_from(request));
    } else if (data[0] % 3 == 1) {
        judge_both(input);
    } else {
        judge_changed(input);
    }
    return 0;
}
